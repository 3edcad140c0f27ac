"""HTTP as the edge speaks it: reading requests, writing answers."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from protocol.channel import RequestParts

BODY_LIMIT = 256 * 1024
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class EdgeRefusal(Exception):  # noqa: N818  # an answer, not a failure of ours
    """An answer that is not what was asked for: status, code, sentence, remedy."""

    def __init__(self, status: int, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Request:
    """A request that was read whole."""

    method: str
    path: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> RequestParts:
        """Return what a node's proof covers."""
        return RequestParts(self.method, self.target, self.body)

    def wait_seconds(self, most: int) -> int:
        """Return how long the sender is ready to wait (RFC 7240, section 4.3)."""
        found = _WAIT.search(self.headers.get("prefer", ""))
        return min(int(found.group(1)), most) if found else 0

    def takes(self, manipulation: str) -> bool:
        """Say whether the sender takes such a delta (RFC 3229, section 10.5.3)."""
        named = self.headers.get("a-im", "").split(",")
        return manipulation in {name.strip() for name in named}

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object or refuse it."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise EdgeRefusal(400, "edge.not_json", "The body is not JSON.") from error
        if not isinstance(value, dict):
            raise EdgeRefusal(400, "edge.not_an_object", "The body is not an object.")
        return value


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Read a request; refuses bodies over the limit before they fill the memory."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise EdgeRefusal(400, "edge.disconnected", "The sender went away.")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise EdgeRefusal(
                413, "edge.too_large", f"The body exceeds {BODY_LIMIT} bytes."
            )
        if not message.get("more_body"):
            break
    path = scope["path"]
    query = scope.get("query_string", b"").decode("latin-1")
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
    }
    target = f"{path}?{query}" if query else path
    return Request(scope["method"], path, target, headers, body)


def with_headers(send: Send, headers: Callable[[], dict[str, str]]) -> Send:
    """Return a way to send that adds headers, made when the answer starts."""

    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            more = [
                (name.lower().encode(), value.encode())
                for name, value in headers().items()
            ]
            message["headers"] += [pair for pair in more if pair[0] not in present]
        await send(message)

    return wrapped


async def answer(
    send: Send, status: int, body: bytes = b"", headers: Headers | None = None
) -> None:
    """Send an answer; nothing on the edge may be cached or sniffed."""
    sent = [
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cross-origin-resource-policy", b"same-origin"),
        *(headers or []),
    ]
    if status != 304:  # noqa: PLR2004  # a 304 has no body and announces none
        sent.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, value: object) -> None:
    """Send a JSON answer."""
    body = json.dumps(value).encode()
    await answer(send, status, body, [(b"content-type", b"application/json")])


async def refuse(send: Send, refusal: EdgeRefusal) -> None:
    """Send what a refusal says."""
    value = {"code": refusal.code, "message": refusal.message}
    if refusal.remedy:
        value["remedy"] = refusal.remedy
    await answer_json(send, refusal.status, value)
