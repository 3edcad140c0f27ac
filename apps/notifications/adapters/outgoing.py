"""Post to an address that a tenant's admin named, and nowhere else.

The name is looked up once, every address that comes back is held to the rules, and the
connection goes to exactly the address that was checked. No redirect is followed, no
proxy of the environment is used, nothing is unpacked, and a watch ends the exchange at
its deadline whatever the other end does meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from typing_extensions import override

from apps.notifications.errors import AddressRefusedError, UnreachableError
from apps.notifications.rules.addresses import check_url, may_connect, networks

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
LONGEST_ANSWER = 64 * 1024
_REDIRECTS = range(300, 400)
# A family of addresses, and an address of it.
Place = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True)
class Answer:
    """What the other end said."""

    status: int
    milliseconds: int


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send one request. Raises AddressRefusedError and UnreachableError.

    What is answered counts by its status only; the rest is read up to a limit and
    thrown away.
    """
    begun = time.monotonic()
    check_url(url, may_be_loopback=settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK)
    target = urlsplit(url)
    connection = _connection(target, _resolve(target))
    try:
        with _deadline(connection):
            path = f"{target.path or '/'}{f'?{target.query}' if target.query else ''}"
            connection.request(
                "POST", path, body=body, headers={"Connection": "close", **headers}
            )
            answer = connection.getresponse()
            _read(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(
            f"{target.hostname}: {_reason(error, begun)}."
        ) from error
    finally:
        connection.close()
    if answer.status in _REDIRECTS:
        raise UnreachableError(
            f"{target.hostname} answers with a redirect.", status=answer.status
        )
    return Answer(answer.status, round((time.monotonic() - begun) * 1000))


class _PinnedConnection(http.client.HTTPConnection):
    """A connection to an address that was checked; the name is asked for no more."""

    def __init__(
        self, target: SplitResult, place: Place, context: ssl.SSLContext | None
    ) -> None:
        super().__init__(target.hostname or "", _port(target), timeout=CONNECT_SECONDS)
        self._place = place
        self._context = context
        # The Host header leaves the port out where it is the scheme's own.
        self.default_port = 443 if context else 80

    @override
    def connect(self) -> None:
        self.sock = _open(self._place)
        if self._context is None:
            return
        # The certificate is held to the name, not to the address.
        secured = self._context.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        # The watch can cut the handshake off too.
        self.sock = secured
        secured.do_handshake()


def _open(place: Place) -> socket.socket:
    """Connect to an address; no name is looked up here."""
    family, address = place
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(CONNECT_SECONDS)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _connection(target: SplitResult, place: Place) -> _PinnedConnection:
    is_tls = target.scheme == "https"
    context = _trusted(settings.PORTWARD_OUTGOING_CA_FILE) if is_tls else None
    return _PinnedConnection(target, place, context)


def _resolve(target: SplitResult) -> Place:
    """Return the one address to connect to: looked up once, and checked."""
    host = target.hostname or ""
    try:
        found = socket.getaddrinfo(host, _port(target), type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"{host} is not known.") from error
    allowed = networks(settings.PORTWARD_OUTGOING_ALLOW)
    for row in found:
        if not may_connect(
            str(row[4][0]),
            allowed=allowed,
            may_be_loopback=settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK,
        ):
            # Which address it was would tell the admin of a tenant about our network.
            raise AddressRefusedError(f"{host} is not on the public internet.")
    return found[0][0], found[0][4]


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


@contextlib.contextmanager
def _deadline(connection: _PinnedConnection) -> Iterator[None]:
    """Cut the connection off at the deadline: no trickle keeps a worker busy."""
    watch = threading.Timer(TOTAL_SECONDS, _cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _cut(connection: _PinnedConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse) -> None:
    if len(answer.read(LONGEST_ANSWER + 1)) > LONGEST_ANSWER:
        raise http.client.HTTPException("too long")


def _reason(error: Exception, begun: float) -> str:
    if time.monotonic() - begun >= TOTAL_SECONDS or isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return "the certificate is not trusted"
    return type(error).__name__


@functools.lru_cache(maxsize=2)
def _trusted(ca_file: str) -> ssl.SSLContext:
    """Return the authorities that this host trusts, and one more if there is one."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
