"""Talk to the portal: with a token, and with its person's passkey where that is asked.

An operation that changes something is bound to the digest of its body. The portal gives
a token for it once its person has confirmed it in the browser; the command waits.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from portward_cli.errors import Reason, UnreachableError, refusal

_TIMEOUT_S = 60.0
_POLL_S = 1.0
_WAIT_S = 300.0
CHANGE_ACCESS = "roles.change"


@dataclass(frozen=True)
class Target:
    """Which portal, as whom, and whom to trust to be it."""

    url: str
    token: str
    ca: str = ""


class Portal:
    """The REST interface of one portal."""

    def __init__(
        self, target: Target, transport: httpx.BaseTransport | None = None
    ) -> None:
        verify = ssl.create_default_context(cafile=target.ca or None)
        self._http = httpx.Client(
            base_url=f"{target.url.rstrip('/')}/api/v1/",
            headers={"Authorization": f"Bearer {target.token}"},
            timeout=_TIMEOUT_S,
            verify=verify,
            transport=transport,
        )

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401  # JSON
        """Return what stands at a path."""
        return self._answer("GET", path, params=query)

    def all(self, path: str) -> list[Any]:
        """Return the rows of every page of a list."""
        found: list[Any] = []
        query: dict[str, str] = {}
        while True:
            page = self.get(path, **query)
            found += page["results"]
            if not page["next"]:
                return found
            query = dict(parse_qsl(urlsplit(page["next"]).query))

    def download(self, path: str) -> bytes:
        """Return the bytes at a path."""
        return self._send("GET", path).content

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401  # JSON
        """Post a question, which changes nothing."""
        return self._answer("POST", path, json=dict(body))

    def change(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        operation: str,
        confirm: Callable[[str], None],
    ) -> Any:  # noqa: ANN401  # JSON
        """Post a change, after its person has confirmed exactly this one.

        `confirm` is told where. Raises UnreachableError when nobody does in time.
        """
        content = json.dumps(dict(body)).encode()
        proof = self._proof(path, content, operation, confirm)
        return self._answer(
            "POST",
            path,
            content=content,
            headers={"Content-Type": "application/json", "Operation-Token": proof},
        )

    def _proof(
        self,
        path: str,
        content: bytes,
        operation: str,
        confirm: Callable[[str], None],
    ) -> str:
        asked = self.ask(
            "operation-tokens",
            {
                "operation": operation,
                "method": "POST",
                "path": f"/api/v1/{path}",
                "body_digest": hashlib.sha256(content).hexdigest(),
            },
        )
        confirm(str(asked["confirm_url"]))
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            found = self.get(f"operation-tokens/{asked['id']}")
            if "operation_token" in found:
                return str(found["operation_token"])
            time.sleep(_POLL_S)
        raise UnreachableError(
            Reason(
                "cli.not_confirmed",
                "Nobody confirmed the change in time; nothing was changed.",
                remedy="Run the command again, and confirm it with your passkey.",
            )
        )

    def _answer(self, method: str, path: str, **parts: Any) -> Any:  # noqa: ANN401
        response = self._send(method, path, **parts)
        try:
            return response.json()
        except json.JSONDecodeError as error:
            raise _no_portal(str(self._http.base_url)) from error

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:  # noqa: ANN401
        try:
            response = self._http.request(method, path, **parts)
        except httpx.HTTPError as error:
            raise UnreachableError(
                Reason(
                    "cli.unreachable",
                    f"The portal does not answer: {error}.",
                    remedy="Check --url, the network, and --ca for a private issuer.",
                )
            ) from error
        if response.is_success:
            return response
        try:
            problem = response.json()
        except json.JSONDecodeError as error:
            raise _no_portal(str(self._http.base_url)) from error
        raise refusal(response.status_code, problem)


def _no_portal(url: str) -> UnreachableError:
    return UnreachableError(
        Reason(
            "cli.no_portal",
            f"What answers at {url} is no portal.",
            remedy="Check --url; it is the address of the console without a path.",
        )
    )
