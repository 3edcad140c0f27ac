"""An OpenID provider of real HTTP that says whatever a test wants it to say.

It plays the part of providers that are broken, hostile or more capable than the ready
made one: everything it signs is signed by joserfc.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from typing_extensions import override

CLIENT_ID = "portward"
_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


_KEYS: dict[str, Key] = {
    "RSA": RSAKey.generate_key(2048, {"kid": "rsa-1"}),
    "EC": ECKey.generate_key("P-256", {"kid": "ec-1"}),
    "OKP": OKPKey.generate_key("Ed25519", {"kid": "okp-1"}),
}


@dataclass
class Grant:
    """What a code stands for."""

    parameters: dict[str, str]
    claims: dict[str, Any]


@dataclass
class SimulatedProvider:
    """A provider; tests change its attributes to make it behave otherwise.

    `claims` replace what the ID token says (None removes), `header` what its header
    says, `answer` what the token endpoint sends, `document` what discovery says.
    """

    issuer: str = ""
    algorithm: str = "ES256"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    signing_key: Key | None = None
    keys: dict[str, Key] = field(default_factory=dict)
    redirects: bool = False
    padding: int = 0
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(
        default_factory=list
    )
    grants: dict[str, Grant] = field(default_factory=dict)

    def reset(self) -> None:
        """Be again as at the beginning, with the same issuer and keys."""
        fresh = SimulatedProvider(issuer=self.issuer)
        vars(self).update({**vars(fresh), "keys": dict(_KEYS)})

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document."""
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": list(_KINDS),
            "token_endpoint_auth_methods_supported": [
                "private_key_jwt",
                "client_secret_basic",
                "client_secret_post",
            ],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
        }
        return _changed(found, self.document)

    def authorize(self, url: str, subject: str = "ada-at-idp") -> dict[str, str]:
        """Answer an authorization request as a person who signs in would see to it."""
        sent = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(sent, {"sub": subject})
        return {"code": code, "state": sent["state"], "iss": self.issuer}

    def id_token(self, grant: Grant, access_token: str) -> str:
        """Return the ID token for a code, with the changes of the test."""
        now = int(time.time())
        digest = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "aud": grant.parameters["client_id"],
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": grant.parameters["nonce"],
            "sid": "session-1",
            **grant.claims,
        }
        if self.algorithm != "EdDSA":
            claims["at_hash"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return self.sign(_changed(claims, self.claims), header=self.header)

    def logout_token(
        self, *, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """Return a logout token, with changes."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "sub": "ada-at-idp",
            "sid": "session-1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return self.sign(
            _changed(claims, changes), header={"typ": "logout+jwt", **(header or {})}
        )

    def sign(self, claims: Mapping[str, Any], *, header: Mapping[str, Any]) -> str:
        """Sign claims as the header says, also in ways that nobody should accept."""
        algorithm = str(header.get("alg", self.algorithm))
        if algorithm == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if algorithm == "HS256":
            # The well-known confusion: the public key serves as the shared secret.
            secret = json.dumps(self.keys["EC"].as_dict(private=False)).encode()
            key: Key = OctKey.import_key(secret)
        else:
            key = self.signing_key or self.keys[_KINDS[algorithm]]
        found = _changed({"alg": algorithm, "kid": key.kid or "ec-1"}, header)
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        registry.get_alg = lambda name: registry.algorithms[name]  # type: ignore[method-assign]
        registry.check_header = lambda *_: None  # type: ignore[method-assign]
        return jws.serialize_compact(
            found, json.dumps(dict(claims)), key, [algorithm], registry
        )

    def token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint: a code serves once, with its own verifier."""
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or not _is_verified(grant.parameters, form):
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(16)
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "id_token": self.id_token(grant, access_token),
        }
        return 200, _changed(answer, self.answer)

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        rows = [key.as_dict(private=False) for key in self.keys.values()]
        return {"keys": [dict(row) for row in rows]}


class _Handler(BaseHTTPRequestHandler):
    provider: SimulatedProvider

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.provider.requests.append((path, dict(self.headers), {}))
        if self.provider.redirects:
            self._send(302, {}, Location=f"{self.provider.issuer}/elsewhere")
        elif path.endswith("/.well-known/openid-configuration"):
            self._send(200, self.provider.metadata())
        elif path.endswith("/jwks"):
            self._send(200, self.provider.jwks())
        else:
            self._send(404, {})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length).decode()
        form = {k: v[0] for k, v in parse_qs(text).items()}
        self.provider.requests.append((self.path, dict(self.headers), form))
        self._send(*self.provider.token(form))

    def _send(self, status: int, body: Mapping[str, Any], **headers: str) -> None:
        content = json.dumps(body).encode() + b" " * self.provider.padding
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the console of the tests."""


@contextmanager
def running() -> Iterator[SimulatedProvider]:
    """Serve a provider on a free port of this machine."""
    provider = SimulatedProvider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    found = {**base, **changes}
    return {name: value for name, value in found.items() if value is not None}


def _is_verified(parameters: Mapping[str, str], form: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return (
        parameters.get("code_challenge_method") == "S256"
        and parameters.get("code_challenge") == challenge
        and parameters["redirect_uri"] == form.get("redirect_uri")
    )


def _part(value: Mapping[str, Any]) -> str:
    text = json.dumps(dict(value)).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
