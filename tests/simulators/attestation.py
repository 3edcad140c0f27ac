"""An authenticator with a maker: its attestation chain ends at a root of the test.

Format "packed" with x5c (WebAuthn Level 3, section 8.2).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor
from webauthn.helpers.parse_cbor import parse_cbor

from tests.simulators.authenticator import SimulatedAuthenticator

_VALID = dt.timedelta(days=3650)
_BEGAN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


class Maker:
    """A maker of authenticators, with a root certificate."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Root")
        self.root = _certificate(
            self._name, self._name, self._key.public_key(), self._key, is_root=True
        )

    @property
    def root_pem(self) -> bytes:
        """Return the root as an operator would store it."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def certify(self, key: ec.EllipticCurvePublicKey) -> bytes:
        """Return the certificate of one batch of authenticators, as DER."""
        made = _certificate(_name("Batch"), self._name, key, self._key, is_root=False)
        return made.public_bytes(serialization.Encoding.DER)


class AttestedAuthenticator(SimulatedAuthenticator):
    """Make keys that a maker vouches for."""

    def __init__(self, path: Path, maker: Maker) -> None:
        super().__init__(path)
        self._batch = ec.generate_private_key(ec.SECP256R1())
        self._certificate = maker.certify(self._batch.public_key())

    @override
    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the statement of the batch around the key."""
        made = super().create(options)
        response = made["response"]
        attestation = parse_cbor(base64url_to_bytes(response["attestationObject"]))
        client_data = base64url_to_bytes(response["clientDataJSON"])
        signed = attestation["authData"] + hashlib.sha256(client_data).digest()
        attestation["fmt"] = "packed"
        attestation["attStmt"] = {
            "alg": -7,
            "sig": self._batch.sign(signed, ec.ECDSA(hashes.SHA256())),
            "x5c": [self._certificate],
        }
        response["attestationObject"] = bytes_to_base64url(encode_cbor(attestation))
        return made


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Keys"),
            x509.NameAttribute(
                NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"
            ),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_root: bool,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGAN)
        .not_valid_after(_BEGAN + _VALID)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), True)  # noqa: FBT003  # critical
    )
    return builder.sign(signer, hashes.SHA256())
