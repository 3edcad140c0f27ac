"""The addresses that tokens and metadata name; all follow from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

METHODS: Final = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")


@dataclass(frozen=True)
class Addresses:
    """Where the portal is; never read from a request."""

    web_url: str

    @property
    def token_endpoint(self) -> str:
        """Return the address that clients ask for tokens."""
        return f"{self._root}/oauth/token"

    @property
    def audience(self) -> str:
        """Return the name of the API that tokens are for."""
        return f"{self._root}/api"

    def issuer(self, slug: str) -> str:
        """Return the issuer of a tenant's tokens."""
        return f"{self._root}/oauth/{slug}"

    def slug_of(self, issuer: object) -> str:
        """Return the short name of the tenant that an issuer names, or nothing."""
        head = f"{self._root}/oauth/"
        if not isinstance(issuer, str) or not issuer.startswith(head):
            return ""
        return issuer.removeprefix(head)

    def metadata(self, slug: str, scopes: list[str]) -> dict[str, object]:
        """Return what a client may know beforehand (RFC 8414, section 2)."""
        methods = [*METHODS]
        return {
            "issuer": self.issuer(slug),
            "token_endpoint": self.token_endpoint,
            "jwks_uri": f"{self.issuer(slug)}/jwks",
            "revocation_endpoint": f"{self._root}/oauth/revoke",
            "introspection_endpoint": f"{self._root}/oauth/introspect",
            "scopes_supported": scopes,
            "response_types_supported": [],
            "grant_types_supported": [
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            "token_endpoint_auth_methods_supported": [*methods, "none"],
            "revocation_endpoint_auth_methods_supported": [*methods, "none"],
            "introspection_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
            "tls_client_certificate_bound_access_tokens": True,
            "service_documentation": f"{self._root}/api/docs",
        }

    @property
    def _root(self) -> str:
        return self.web_url.rstrip("/")
