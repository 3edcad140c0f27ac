"""Send one request to where a tenant's admin or a provider says.

Each address is looked up, held to the public internet and then connected to by exactly
the address that was checked; no redirect is followed, and nothing is read without a
limit.
"""

from __future__ import annotations

import functools
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx
from django.conf import settings

from apps.federation.errors import (
    AddressRefusedError,
    DiscoveryInvalidError,
    ProviderUnreachableError,
)
from apps.federation.rules.addresses import check_url, is_public

OK = 200
_STEP_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
_LONGEST_ANSWER = 256 * 1024


def is_workshop() -> bool:
    """Say whether this is a developer's machine or a test, not an installation."""
    return settings.PORTWARD_ENVIRONMENT in {"local", "test"}


def fetch_json(url: str) -> dict[str, Any]:
    """Return a JSON object that a provider publishes. Raises DiscoveryInvalidError."""
    status, answer = send("GET", url)
    found = as_object(answer)
    if status != OK or found is None:
        raise DiscoveryInvalidError(
            f"{url} answered with status {status} and "
            f"{'no JSON object' if found is None else 'an object'}."
        )
    return found


def send(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
) -> tuple[int, bytes]:
    """Send one request and read a limited answer. Raises ProviderUnreachableError."""
    target = httpx.URL(url)
    address = _resolve(url, target)
    sent = {
        **(headers or {}),
        "Host": target.netloc.decode("ascii"),
        "Accept": "application/json",
        # Nothing is unpacked here, so that a small answer cannot become a large one.
        "Accept-Encoding": "identity",
    }
    try:
        with (
            httpx.Client(
                verify=_trusted(),
                timeout=_STEP_SECONDS,
                follow_redirects=False,
                trust_env=False,
            ) as client,
            client.stream(
                method,
                target.copy_with(host=address),
                headers=sent,
                content=body.encode() if body else None,
                # The certificate is held to the name, not to the address.
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            return response.status_code, _read(response)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise ProviderUnreachableError(
            f"{target.host} does not answer ({type(error).__name__})."
        ) from error


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that this host trusts; certificates are always checked."""
    return ssl.create_default_context()


def _resolve(url: str, target: httpx.URL) -> str:
    """Return the one address to connect to: looked up once, and checked."""
    check_url(url, may_be_loopback=is_workshop())
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ProviderUnreachableError(f"{target.host} is not known.") from error
    addresses = [str(row[4][0]) for row in found]
    if not settings.PORTWARD_FEDERATION_ALLOW_PRIVATE and not all(
        is_public(address) for address in addresses
    ):
        raise AddressRefusedError(f"{target.host} is not on the public internet.")
    return addresses[0]


def _read(response: httpx.Response) -> bytes:
    if response.is_redirect:
        raise ProviderUnreachableError(f"{response.url.host} answers with a redirect.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProviderUnreachableError("The answer is packed, which was not asked for.")
    deadline = time.monotonic() + _TOTAL_SECONDS
    found = b""
    for piece in response.iter_raw():
        found += piece
        if len(found) > _LONGEST_ANSWER or time.monotonic() > deadline:
            raise ProviderUnreachableError("The answer is too long or too slow.")
    return found


def as_object(answer: bytes) -> dict[str, Any] | None:
    """Return an answer as a JSON object, or None."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
