"""Key stores: where private keys lie and what signs with them.

`FileKeyStore` keeps one PEM file (PKCS #8) per key, readable by its owner only. It says
loudly that whoever is root on this host can sign; a hardware store replaces it behind
the same interface.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from securesystemslib.signer import CryptoSigner, Signer

from apps.keys.choices import Algorithm
from apps.keys.errors import KeyMismatchError, KeyMissingError, KeyUnsafeError
from apps.keys.models import SigningKey

_P256_BYTES = 32
logger = logging.getLogger(__name__)

PrivateKey = (
    ed25519.Ed25519PrivateKey | mldsa.MLDSA65PrivateKey | ec.EllipticCurvePrivateKey
)


class KeyStore(Protocol):
    """What the portal asks of any store."""

    def generate(self, reference: str, algorithm: Algorithm) -> bytes:
        """Make a key, unless it is there; return its public half (DER)."""

    def public_bytes(self, reference: str) -> bytes:
        """Return the public half of a key (DER)."""

    def sign(self, reference: str, data: bytes) -> bytes:
        """Return a raw signature; for ES256 that is r || s (RFC 7518, section 3.4)."""

    def tuf_signer(self, reference: str) -> Signer:
        """Return a signer of TUF metadata."""


class FileKeyStore:
    """Keys in files of mode 0600, in a folder of mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        logger.warning(
            "signing keys lie in files under %s: whoever is root on this host can sign",
            folder,
        )

    def generate(self, reference: str, algorithm: Algorithm) -> bytes:
        """Make a key, unless it is there; return its public half (DER)."""
        path = self._path(reference)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            _write_once(path, _new_key(algorithm))
        if _algorithm_of(self._load(reference)) is not algorithm:
            raise KeyMismatchError(f"The key {reference} is not {algorithm.label}.")
        return self.public_bytes(reference)

    def public_bytes(self, reference: str) -> bytes:
        """Return the public half of a key (DER)."""
        return (
            self._load(reference)
            .public_key()
            .public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        )

    def sign(self, reference: str, data: bytes) -> bytes:
        """Return a raw signature; for ES256 that is r || s (RFC 7518, section 3.4)."""
        key = self._load(reference)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data)
        # Deterministic (RFC 6979), so that a release is reproducible to the bit.
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(key.sign(data, algorithm))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")

    def tuf_signer(self, reference: str) -> Signer:
        """Return a signer of TUF metadata."""
        return CryptoSigner(self._load(reference))

    def _path(self, reference: str) -> Path:
        path = (self._folder / f"{reference}.pem").resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise ValueError("a key reference stays inside the store")
        return path

    def _load(self, reference: str) -> PrivateKey:
        path = self._path(reference)
        try:
            for place in (self._folder, path.parent, path):
                _refuse_if_open(place)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except FileNotFoundError as error:
            raise KeyMissingError(
                f"The key {reference} is not in the store."
            ) from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyMismatchError(f"The key {reference} cannot be read.") from error
        if not isinstance(key, PrivateKey):
            raise KeyMismatchError(f"The key {reference} is of an unknown kind.")
        return key


@functools.cache
def get_key_store() -> KeyStore:
    """Return the store that the settings name."""
    return FileKeyStore(Path(settings.PORTWARD_KEY_DIR))


def tuf_signer(key: SigningKey) -> Signer:
    """Return a signer of TUF metadata for a key.

    Raises KeyMismatchError when the store holds another key under its reference.
    """
    store = get_key_store()
    if store.public_bytes(key.reference) != bytes(key.public_key):
        raise KeyMismatchError(f"The key {key.reference} is not the one recorded.")
    return store.tuf_signer(key.reference)


def sign(key: SigningKey, data: bytes) -> bytes:
    """Return a raw signature of a key; for ES256 that is r || s.

    Raises KeyMismatchError when the store holds another key under its reference.
    """
    store = get_key_store()
    if store.public_bytes(key.reference) != bytes(key.public_key):
        raise KeyMismatchError(f"The key {key.reference} is not the one recorded.")
    return store.sign(key.reference, data)


def _refuse_if_open(place: Path) -> None:
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & 0o077:
        raise KeyUnsafeError(f"{place.name} has mode {mode:04o}.")


def _algorithm_of(key: PrivateKey) -> Algorithm:
    match key:
        case ed25519.Ed25519PrivateKey():
            return Algorithm.ED25519
        case mldsa.MLDSA65PrivateKey():
            return Algorithm.ML_DSA_65
        case ec.EllipticCurvePrivateKey():
            return Algorithm.ES256


def _new_key(algorithm: Algorithm) -> bytes:
    key: PrivateKey
    match algorithm:
        case Algorithm.ED25519:
            key = ed25519.Ed25519PrivateKey.generate()
        case Algorithm.ML_DSA_65:
            key = mldsa.MLDSA65PrivateKey.generate()
        case Algorithm.ES256:
            key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read; the first of two writers wins."""
    half = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(half)
    half.unlink()
