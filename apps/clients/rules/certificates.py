"""Certificates that a proxy passes on, and their thumbprints (RFC 8705, RFC 9440)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization

_LONGEST: Final = 16_384
_HEX: Final = re.compile(r"^[0-9A-Fa-f]{64}$")
_BASE64URL: Final = re.compile(r"^[A-Za-z0-9_-]{43}$")


class CertificateRefusedError(ValueError):
    """A certificate cannot be read."""


@dataclass(frozen=True)
class Certificate:
    """A client's certificate: its name in tokens, and when it counts."""

    thumbprint: str
    not_before: dt.datetime
    not_after: dt.datetime

    def counts(self, now: dt.datetime) -> bool:
        """Say whether it has begun and not expired."""
        return self.not_before <= now < self.not_after


def read(value: str) -> Certificate:
    """Return the certificate in a header or an upload, or raise.

    Accepts `:base64:` (RFC 9440, section 2.1), PEM, and PEM in percent-encoding.
    """
    if len(value) > _LONGEST:
        raise CertificateRefusedError("The certificate is too long.")
    try:
        der = _der(value.strip())
        found = x509.load_der_x509_certificate(der)
    except (ValueError, binascii.Error) as error:
        raise CertificateRefusedError("The certificate cannot be read.") from error
    digest = hashlib.sha256(der).digest()
    return Certificate(
        thumbprint=base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def thumbprint(text: str) -> str:
    """Return the x5t#S256 of a certificate, or of a SHA-256 in hex or base64url."""
    text = text.strip()
    plain = text.replace(":", "")
    if _HEX.match(plain):
        digest = base64.urlsafe_b64encode(bytes.fromhex(plain))
        return digest.rstrip(b"=").decode("ascii")
    if _BASE64URL.match(text):
        return text
    return read(text).thumbprint


def _der(value: str) -> bytes:
    if value.startswith(":") and value.endswith(":"):
        return base64.b64decode(value[1:-1], validate=True)
    pem = unquote(value) if value.startswith("-----BEGIN%20") else value
    if pem.startswith("-----BEGIN CERTIFICATE-----"):
        return x509.load_pem_x509_certificate(pem.encode()).public_bytes(
            serialization.Encoding.DER
        )
    return base64.b64decode(value, validate=True)
