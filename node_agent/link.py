"""Speak HTTP with the edge over one kept connection.

Nothing that arrives here is believed: envelopes and timestamps go to state.py as bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import secrets
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node_agent.config import Identity, public_bytes
from node_agent.errors import EdgeError, EdgeFailedError, EdgeRefusedError
from protocol.channel import PROOF_HEADER, RequestParts, sign_request
from protocol.envelope import DELTA_MANIPULATION, ENVELOPE_LIMIT
from protocol.errors import BundleTooLargeError

ENROLL_PATH = "/edge/v1/enroll"
SYNC_PATH = "/edge/v1/sync"
REPORTS_PATH = "/edge/v1/reports"
DECISIONS_PATH = "/edge/v1/decisions"
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_JSON_LIMIT = 1024 * 1024
# What python-tuf reads of a timestamp, in base64.
_STAMP_LIMIT = 22_000
_DIGITS = 6
_BRINGS = {HTTPStatus.OK, HTTPStatus.IM_USED}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What the edge said to a sync request: a new envelope, or a timestamp at most."""

    envelope: bytes | None
    stamp: bytes | None
    seconds: float
    is_delta: bool = False


@dataclass(frozen=True)
class Enrollment:
    """What the edge knows of a node that it just let in."""

    node: str
    tenant: str
    root: bytes
    revision: int
    groups: tuple[str, ...] | None = None


class Edge:
    """One address of the edge; every request but enrollment proves who asks."""

    def __init__(
        self,
        url: str,
        *,
        identity: Identity | None = None,
        key: Ed25519PrivateKey | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._identity = identity
        self._key = key
        options: dict[str, Any] = {"ca_certs": ca_file} if ca_file else {}
        parts = urllib3.util.parse_url(url)
        if parts.scheme not in {"http", "https"} or not parts.host:
            raise EdgeError(f"Not an address of an edge: {url}")
        self._prefix = (parts.path or "").rstrip("/")
        self._pool = urllib3.connection_from_url(
            url, maxsize=1, block=False, retries=False, **options
        )

    def enroll(
        self, *, tenant: str, token: str, name: str, key: Ed25519PrivateKey
    ) -> Enrollment:
        """Trade a join token for a place in the fleet."""
        body = json.dumps(
            {
                "tenant": tenant,
                "token": token,
                "name": name,
                "public_key": _b64url(public_bytes(key)),
            }
        ).encode()
        with self._request("POST", ENROLL_PATH, body=body) as response:
            content = _read(response, _JSON_LIMIT)
        _refuse_failures(response, content)
        return _parse_enrollment(content)

    def sync(
        self,
        *,
        etag: str,
        revision: int | None,
        fingerprint: str,
        wait: int,
        takes_delta: bool = False,
    ) -> Answer:
        """Ask for something newer than what we hold, and wait for it.

        Whoever takes a delta says so (RFC 3229, section 10.5.3), and gets one if there
        is one from what the entity tag names.
        """
        headers = {"If-None-Match": etag, "Prefer": f"wait={wait}"}
        if takes_delta:
            headers["A-IM"] = DELTA_MANIPULATION
        if revision is not None:
            headers["Portward-Revision"] = str(revision)
            headers["Portward-Fingerprint"] = fingerprint
        started = time.monotonic()
        with self._request("GET", SYNC_PATH, headers=headers, wait=wait) as response:
            limit = ENVELOPE_LIMIT if response.status in _BRINGS else _JSON_LIMIT
            content = _read(response, limit)
        seconds = time.monotonic() - started
        if response.status == HTTPStatus.NOT_MODIFIED:
            stamp = response.headers.get("Portward-Timestamp", "")
            return Answer(None, _unpack_stamp(stamp), seconds)
        _refuse_failures(response, content)
        is_delta = response.status == HTTPStatus.IM_USED
        return Answer(content, None, seconds, is_delta=is_delta)

    def send_report(self, body: bytes) -> None:
        """Deliver a signed report."""
        with self._request("POST", REPORTS_PATH, body=body) as response:
            content = _read(response, _JSON_LIMIT)
        _refuse_failures(response, content)

    def send_decisions(self, body: bytes) -> None:
        """Deliver a signed chunk of the decision log."""
        with self._request("POST", DECISIONS_PATH, body=body) as response:
            content = _read(response, _JSON_LIMIT)
        _refuse_failures(response, content)

    def close(self) -> None:
        """Close the kept connection."""
        self._pool.close()

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        wait: int = 0,
    ) -> urllib3.BaseHTTPResponse:
        path = self._prefix + path
        headers = {"Accept-Encoding": "identity", **(headers or {})}
        if body:
            headers["Content-Type"] = "application/json"
        if self._identity is not None and self._key is not None:
            headers[PROOF_HEADER] = sign_request(
                RequestParts(method, path, body),
                tenant=self._identity.tenant,
                node=self._identity.node,
                timestamp=int(time.time()),
                nonce=secrets.token_bytes(16),
                sign=self._key.sign,
            )
        try:
            return self._pool.request(
                method,
                path,
                body=body or None,
                headers=headers,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(
                    connect=_CONNECT_SECONDS, read=wait + _ANSWER_SECONDS
                ),
            )
        except urllib3.exceptions.HTTPError as error:
            raise EdgeError(f"Cannot reach the edge: {error}") from error


def _read(response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Read a body to its end, but never more than a limit."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > limit:
        response.close()
        raise BundleTooLargeError(f"The edge announces {announced} bytes.")
    try:
        content = response.read(limit + 1)
        if len(content) > limit:
            response.close()
            raise BundleTooLargeError(f"The edge sends more than {limit} bytes.")
        response.drain_conn()
    except urllib3.exceptions.HTTPError as error:
        raise EdgeError(f"The answer broke off: {error}") from error
    return content


def _refuse_failures(response: urllib3.BaseHTTPResponse, content: bytes) -> None:
    if response.status in {*_BRINGS, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
        return
    if response.status == HTTPStatus.NO_CONTENT:
        return
    text = _message(content)
    message = f"The edge answers {response.status}{text}"
    if response.status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
    }:
        raise EdgeRefusedError(message)
    raise EdgeFailedError(message, retry_after=_retry_after(response))


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    """Return the seconds that the edge asks to wait (RFC 9110, section 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < _DIGITS else 0.0


def _message(content: bytes) -> str:
    try:
        body = json.loads(content)
    except ValueError:
        return ""
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return ""
    return f", {body.get('code', '')}: {body['message']}"


def _parse_enrollment(content: bytes) -> Enrollment:
    try:
        body = json.loads(content)
        return Enrollment(
            node=str(body["node"]),
            tenant=str(body["tenant"]),
            root=_unb64(body["root"]),
            revision=int(body["revision"] or 0),
            groups=_groups(body.get("groups")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeError(f"The edge's answer is not an enrollment: {error}") from error


def _groups(value: object) -> tuple[str, ...] | None:
    """Read the node's groups; an edge that does not tell them leaves them unknown."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError("groups: a list")
    return tuple(map(str, value))


def _unpack_stamp(text: str) -> bytes | None:
    if not text:
        return None
    if len(text) > _STAMP_LIMIT:
        raise BundleTooLargeError("The timestamp is too large.")
    try:
        return _unb64(text)
    except ValueError as error:
        raise EdgeError(f"The timestamp is not base64: {error}") from error


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    """Decode either alphabet of base64, padded or not."""
    standard = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
