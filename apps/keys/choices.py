"""Vocabulary of signing keys."""

from django.db import models


class Algorithm(models.TextChoices):
    """How a key signs."""

    ED25519 = "ed25519", "Ed25519"
    ML_DSA_65 = "ml-dsa-65", "ML-DSA-65"
    ES256 = "es256", "ECDSA P-256 with SHA-256"


class Purpose(models.TextChoices):
    """What a key signs. Retired values are never used again."""

    ROOT = "root", "Root of trust"
    TARGETS = "targets", "Releases"
    SNAPSHOT = "snapshot", "Metadata versions"
    TIMESTAMP = "timestamp", "Freshness"
    OPA = "opa", "Bundles for stock OPA"
    TOKENS = "tokens", "Access tokens"


class KeyState(models.TextChoices):
    """Whether a key may sign."""

    # Published already, so that everybody knows it before it signs.
    NEXT = "next", "Next"
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"


TENANT_KEYS: tuple[tuple[Purpose, Algorithm], ...] = (
    (Purpose.ROOT, Algorithm.ED25519),
    (Purpose.TARGETS, Algorithm.ED25519),
    (Purpose.TARGETS, Algorithm.ML_DSA_65),
    (Purpose.SNAPSHOT, Algorithm.ED25519),
    (Purpose.TIMESTAMP, Algorithm.ED25519),
    (Purpose.OPA, Algorithm.ES256),
)
RELEASE_PURPOSES: tuple[Purpose, ...] = tuple(
    dict.fromkeys(purpose for purpose, _ in TENANT_KEYS)
)
TOKEN_ALGORITHM = Algorithm.ES256
