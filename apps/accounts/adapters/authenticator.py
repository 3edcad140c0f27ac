"""A software authenticator that stands in for a person. For the demo only.

It keeps its key in a file, so whoever reads the file can sign as that person. It marks
every key it makes, the portal shows the mark wherever the key appears, and settings
that do not allow it refuse both to make and to accept such keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from apps.accounts.errors import DemoAuthenticatorError
from apps.accounts.rules import DEMO_AAGUID

logger = logging.getLogger(__name__)

_USER_PRESENT, _USER_VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_ES256 = -7


class UnsafeSoftwareAuthenticator:
    """Answer WebAuthn ceremonies with a key in a file, and nobody watching.

    Raises DemoAuthenticatorError where settings do not allow it.
    """

    aaguid: ClassVar[bytes] = bytes.fromhex(DEMO_AAGUID.replace("-", ""))

    def __init__(self, path: Path, *, origin: str = "", rp_id: str = "") -> None:
        if not settings.PORTWARD_ALLOW_DEMO_AUTHENTICATORS:
            raise DemoAuthenticatorError
        self._path = path
        self.origin = origin or settings.WEBAUTHN_ORIGINS[0]
        self.rp_id = rp_id or settings.WEBAUTHN_RP_ID
        self.flags = _USER_PRESENT | _USER_VERIFIED
        self._load_or_make()
        logger.warning("software authenticator in use: %s signs unattended", path)

    @property
    def credential_id(self) -> bytes:
        """Return the identifier of the one credential it holds."""
        return self._credential_id

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer navigator.credentials.create() with a credential as JSON."""
        self._user_handle = str(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        cose = encode_cbor(
            {
                1: 2,
                3: _ES256,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        attested = (
            self.aaguid
            + struct.pack(">H", len(self._credential_id))
            + self._credential_id
            + cose
        )
        data = self._authenticator_data(self.flags | _ATTESTED) + attested
        client_data = self._client_data("webauthn.create", str(options["challenge"]))
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        self._save()
        return self._answer(
            clientDataJSON=client_data,
            attestationObject=attestation,
            transports=["internal"],
        )

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer navigator.credentials.get() with an assertion as JSON."""
        data = self._authenticator_data(self.flags)
        client_data = self._client_data("webauthn.get", str(options["challenge"]))
        signature = self._key.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256())
        )
        self._save()
        return self._answer(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature,
            userHandle=base64url_to_bytes(self._user_handle),
        )

    def _authenticator_data(self, flags: int) -> bytes:
        self.sign_count += 1
        return (
            hashlib.sha256(self.rp_id.encode()).digest()
            + bytes([flags])
            + struct.pack(">I", self.sign_count)
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {
                "type": kind,
                "challenge": challenge,
                "origin": self.origin,
                "crossOrigin": False,
            },
            separators=(",", ":"),
        ).encode()

    def _answer(self, **parts: Any) -> dict[str, Any]:  # noqa: ANN401  # bytes and lists
        name = bytes_to_base64url(self._credential_id)
        response = {
            key: bytes_to_base64url(part) if isinstance(part, bytes) else part
            for key, part in parts.items()
        }
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
        }

    def _load_or_make(self) -> None:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._credential_id = secrets.token_bytes(32)
            self._user_handle = ""
            self.sign_count = 0
            self._save()
            return
        key = serialization.load_pem_private_key(stored["key"].encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise DemoAuthenticatorError(f"{self._path} does not hold a P-256 key.")
        self._key = key
        self._credential_id = base64url_to_bytes(stored["credential_id"])
        self._user_handle = stored["user_handle"]
        self.sign_count = stored["sign_count"]

    def _save(self) -> None:
        """Replace the file at once, so that a crash never loses the counter."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        text = json.dumps(
            {
                "warning": "Whoever holds this file signs as its owner. Demo only.",
                "credential_id": bytes_to_base64url(self._credential_id),
                "user_handle": self._user_handle,
                "sign_count": self.sign_count,
                "key": pem.decode(),
            },
            indent=1,
        )
        fresh = self._path.with_suffix(f".{secrets.token_hex(4)}.tmp")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
