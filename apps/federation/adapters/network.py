"""Send one request to where a tenant's admin or a provider says.

Each address is looked up, held to the public internet and then connected to by exactly
the address that was checked; no redirect is followed, and nothing is read without a
limit.
"""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from django.conf import settings

from apps.federation.errors import (
    AddressRefusedError,
    DiscoveryInvalidError,
    ProviderUnreachableError,
)
from apps.federation.rules.addresses import check_url, is_public
from apps.limits.errors import DependencyDownError
from apps.limits.services import begin_call, end_call
from apps.tenants.services import current_tenant_id

OK = 200
_SERVER_ERROR = 500
_LONGEST_KEY = 100
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
    """Send one request and read a limited answer. Raises ProviderUnreachableError.

    A provider that failed too often is left alone for a while.
    """
    target = httpx.URL(url)
    check_url(url, may_be_loopback=is_workshop())
    with _breaker(target) as answered:
        status, answer = _exchange(method, target, headers=headers, body=body)
        answered.append(status)
    return status, answer


def _exchange(
    method: str, target: httpx.URL, *, headers: Mapping[str, str] | None, body: str
) -> tuple[int, bytes]:
    address = _resolve(target)
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


@contextlib.contextmanager
def _breaker(target: httpx.URL) -> Iterator[list[int]]:
    """Count how a call ends, the tenant's own calls by themselves.

    No transaction may be open around it: its row would stay locked meanwhile.
    """
    tenant, host = current_tenant_id(), target.netloc.decode("ascii")
    try:
        call = begin_call(
            key=f"provider/{tenant or 'installation'}/{host}"[:_LONGEST_KEY],
            label=f"Identity provider {target.host}",
            tenant_id=tenant,
        )
    except DependencyDownError as error:
        raise ProviderUnreachableError(error.message) from error
    answered: list[int] = []
    failure = "broken off"
    try:
        yield answered
        failure = f"status {answered[0]}" if answered[0] >= _SERVER_ERROR else ""
    except AddressRefusedError:
        # That it may not be asked says nothing about whether it works.
        failure = ""
        raise
    except ProviderUnreachableError as error:
        failure = error.message
        raise
    finally:
        end_call(call, error=failure)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that this host trusts; certificates are always checked."""
    return ssl.create_default_context()


def _resolve(target: httpx.URL) -> str:
    """Return the one address to connect to: looked up once, and checked."""
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
