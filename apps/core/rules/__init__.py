"""Pure pieces that several apps need: sealing, and YAML that is read strictly."""

from apps.core.rules.sealing import NONCE_BYTES, seal, unseal
from apps.core.rules.strict_yaml import StrictLoader

__all__ = ["NONCE_BYTES", "StrictLoader", "seal", "unseal"]
