"""Public keys of authenticators (COSE, RFC 9052), and signatures made with them.

Read strictly: one CBOR map (RFC 8949) of whole numbers to whole numbers and byte
strings, each name once. Everything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.errors import SignatureInvalidError

ES256, EDDSA, RS256 = -7, -8, -257
_OKP, _EC2, _RSA = 1, 2, 3
_P256, _ED25519 = 1, 6
_KTY, _ALG = 1, 3
_MAP = 5
_LARGEST = 2048

Value = int | bytes
Key = dict[int, Value]


@dataclass
class _Reader:
    """Bytes, and how far they are read."""

    raw: bytes
    at: int = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes, all of them."""
        found = self.raw[self.at : self.at + length]
        if len(found) != length:
            raise SignatureInvalidError("the public key ends too early")
        self.at += length
        return found

    def head(self) -> tuple[int, int]:
        """Return the kind of what follows, and its number."""
        first = self.take(1)[0]
        kind, short = first >> 5, first & 0x1F
        if short < 24:  # noqa: PLR2004  # RFC 8949, section 3
            return kind, short
        if short > 26:  # noqa: PLR2004  # RFC 8949, section 3
            raise SignatureInvalidError("the public key cannot be read")
        return kind, int.from_bytes(self.take(1 << (short - 24)))

    def value(self) -> Value:
        """Return a whole number or a byte string."""
        kind, number = self.head()
        match kind:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self.take(number)
            case _:
                raise SignatureInvalidError("the public key cannot be read")


def require_signature(*, public_key: bytes, signature: bytes, data: bytes) -> None:
    """Raise SignatureInvalidError unless this key signed exactly these bytes."""
    key = _parse(public_key)
    verify = _VERIFIERS.get((key.get(_KTY), key.get(_ALG)))
    if verify is None:
        raise SignatureInvalidError("the public key is of a kind that is not used here")
    try:
        verify(key, signature, data)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalidError("the signature does not verify") from error


def _parse(raw: bytes) -> Key:
    if len(raw) > _LARGEST:
        raise SignatureInvalidError("the public key is too long")
    reader = _Reader(raw)
    kind, count = reader.head()
    if kind != _MAP:
        raise SignatureInvalidError("the public key cannot be read")
    pairs = [(reader.value(), reader.value()) for _ in range(count)]
    found = {name: value for name, value in pairs if isinstance(name, int)}
    if len(found) != count or reader.at != len(raw):
        raise SignatureInvalidError("the public key cannot be read")
    return found


def _es256(key: Key, signature: bytes, data: bytes) -> None:
    _require_curve(key, _P256)
    x, y = (int.from_bytes(_bytes(key, name)) for name in (-2, -3))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(signature, data, ec.ECDSA(SHA256()))


def _eddsa(key: Key, signature: bytes, data: bytes) -> None:
    _require_curve(key, _ED25519)
    public = ed25519.Ed25519PublicKey.from_public_bytes(_bytes(key, -2))
    public.verify(signature, data)


def _rs256(key: Key, signature: bytes, data: bytes) -> None:
    n, e = (int.from_bytes(_bytes(key, name)) for name in (-1, -2))
    public = rsa.RSAPublicNumbers(e, n).public_key()
    public.verify(signature, data, padding.PKCS1v15(), SHA256())


def _require_curve(key: Key, curve: int) -> None:
    if key.get(-1) != curve:
        raise SignatureInvalidError("the public key is on another curve")


def _bytes(key: Key, name: int) -> bytes:
    value = key.get(name)
    if not isinstance(value, bytes):
        raise SignatureInvalidError("the public key lacks a part")
    return value


_VERIFIERS: dict[tuple[Value | None, Value | None], Callable[..., None]] = {
    (_EC2, ES256): _es256,
    (_OKP, EDDSA): _eddsa,
    (_RSA, RS256): _rs256,
}
