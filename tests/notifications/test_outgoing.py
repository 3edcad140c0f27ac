"""Webhooks go where they are meant to, and nowhere inside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.notifications.adapters import outgoing, post
from apps.notifications.errors import AddressRefusedError, UnreachableError
from apps.notifications.rules.addresses import check_url, may_connect, networks
from tests.simulators.receiver import Receiver, make_certificate

NAME = "hooks.example.test"
PUBLIC = "93.184.215.14"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver().start()
    yield found
    found.stop()


@pytest.fixture
def workshop(settings: Settings) -> None:
    settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK = True


class Resolver:
    """Answers each question with the next of the addresses that it was given."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_more: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in found[0] else socket.AF_INET
        return [(kind, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


def send(url: str) -> outgoing.Answer:
    return post(url, body=b"{}", headers={"content-type": "application/json"})


@pytest.mark.usefixtures("workshop")
def test_a_request_arrives_as_it_was_sent(receiver: Receiver) -> None:
    assert send(receiver.url).status == 204
    (request,) = receiver.requests
    assert request.path == "/hook?team=7"
    assert request.body == b"{}"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_this_machine_is_refused_without_the_setting(receiver: Receiver) -> None:
    with pytest.raises(AddressRefusedError, match="https"):
        send(receiver.url)
    with pytest.raises(AddressRefusedError, match="public internet"):
        send(receiver.url.replace("http:", "https:"))
    assert receiver.requests == []


@pytest.mark.usefixtures("workshop")
def test_the_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send(receiver.url).status == 204


class TestTls:
    """A server with a certificate for a name, on this machine."""

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        return make_certificate(tmp_path, NAME)

    @pytest.fixture
    def secure(self, certificate: Path) -> Iterator[Receiver]:
        found = Receiver(host=NAME).start(certificate)
        yield found
        found.stop()

    @pytest.fixture
    def resolver(self, monkeypatch: pytest.MonkeyPatch) -> Resolver:
        found = Resolver(["127.0.0.1"], [PUBLIC])
        monkeypatch.setattr(
            "apps.notifications.adapters.outgoing.socket.getaddrinfo", found
        )
        return found

    def test_the_certificate_is_held_to_the_name(
        self,
        secure: Receiver,
        certificate: Path,
        resolver: Resolver,
        settings: Settings,
    ) -> None:
        settings.PORTWARD_OUTGOING_ALLOW = ["127.0.0.1/32"]
        settings.PORTWARD_OUTGOING_CA_FILE = str(certificate)
        assert send(secure.url).status == 204
        assert resolver.asked == [NAME]

    def test_a_certificate_of_nobody_is_refused(
        self, secure: Receiver, resolver: Resolver, settings: Settings
    ) -> None:
        settings.PORTWARD_OUTGOING_ALLOW = ["127.0.0.1/32"]
        with pytest.raises(UnreachableError, match="not trusted"):
            send(secure.url)
        assert resolver.asked == [NAME]
        assert secure.requests == []

    def test_a_certificate_for_another_name_is_refused(
        self,
        secure: Receiver,
        certificate: Path,
        resolver: Resolver,
        settings: Settings,
    ) -> None:
        settings.PORTWARD_OUTGOING_ALLOW = ["127.0.0.1/32"]
        settings.PORTWARD_OUTGOING_CA_FILE = str(certificate)
        with pytest.raises(UnreachableError, match="not trusted"):
            send(secure.url.replace(NAME, "other.example.test"))
        assert resolver.asked == ["other.example.test"]


def test_a_name_that_changes_its_mind_is_asked_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    # The first answer is checked; a second question would lead inside.
    connected: list[object] = []

    def connect(place: outgoing.Place) -> socket.socket:
        connected.append(place)
        raise TimeoutError

    resolver = Resolver([PUBLIC], ["127.0.0.1"])
    monkeypatch.setattr(
        "apps.notifications.adapters.outgoing.socket.getaddrinfo", resolver
    )
    monkeypatch.setattr(outgoing, "_open", connect)
    settings.PORTWARD_OUTGOING_ALLOW = []
    with pytest.raises(UnreachableError):
        send(f"https://{NAME}:{receiver.port}/")
    assert connected == [(socket.AF_INET, (PUBLIC, receiver.port))]
    assert resolver.asked == [NAME]


def test_a_name_with_one_address_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver([PUBLIC, "10.0.0.7"])
    monkeypatch.setattr(
        "apps.notifications.adapters.outgoing.socket.getaddrinfo", resolver
    )
    with pytest.raises(AddressRefusedError) as refusal:
        send(f"https://{NAME}/")
    assert "10.0.0.7" not in str(refusal.value)


@pytest.mark.usefixtures("workshop")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", receiver.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.respond = redirect
    with pytest.raises(UnreachableError, match="redirect"):
        send(receiver.url)
    assert len(receiver.requests) == 1


@pytest.mark.usefixtures("workshop")
def test_an_answer_without_end_is_not_read(receiver: Receiver) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(4):
                handler.wfile.write(b"x" * outgoing.LONGEST_ANSWER)
        except OSError:
            pass

    receiver.respond = flood
    with pytest.raises(UnreachableError):
        send(receiver.url)


@pytest.mark.usefixtures("workshop")
def test_a_trickle_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "TOTAL_SECONDS", 0.3)

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        try:
            while True:
                handler.wfile.write(b"H")
                handler.wfile.flush()
                if handler.connection.recv(1) == b"":
                    return
        except OSError:
            return

    receiver.respond = trickle
    with pytest.raises(UnreachableError, match="in time"):
        send(receiver.url)


@pytest.mark.usefixtures("workshop")
def test_nobody_at_the_address_is_a_failure(receiver: Receiver) -> None:
    receiver.stop()
    with pytest.raises(UnreachableError, match="ConnectionRefused"):
        send(receiver.url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", ""),
        *("https://user:word@hooks.example/", "https://user@hooks.example/"),
        *("https:///path", "https://hooks.example/#part", "https://hooks.example/a b"),
        *("https://hooks.example:port/", "https://hooks.example:0/", "gopher://x/"),
        *("http://localhost.evil.example/", "https://exämple.test/", "https://a\\b/"),
        "https://hooks.example/\r\nX-Evil: 1",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        check_url(url, may_be_loopback=True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "0.0.0.1"),
        *("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("2001:db8::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::", "::10.0.0.1"),
        *("2001:0:a00:1::1", "localhost", "0x7f000001", ""),
    ],
)
def test_nothing_inside_is_connected_to(address: str) -> None:
    assert not may_connect(address, allowed=(), may_be_loopback=False)


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:21f::1", "::ffff:93.184.215.14"]
)
def test_the_public_internet_is_connected_to(address: str) -> None:
    assert may_connect(address, allowed=(), may_be_loopback=False)


def test_what_the_installation_lists_is_connected_to() -> None:
    allowed = networks(["10.20.0.0/16", "fd12::/16"])
    assert may_connect("10.20.3.4", allowed=allowed, may_be_loopback=False)
    assert may_connect("::ffff:10.20.3.4", allowed=allowed, may_be_loopback=False)
    assert may_connect("fd12::1", allowed=allowed, may_be_loopback=False)
    assert not may_connect("10.21.3.4", allowed=allowed, may_be_loopback=False)


def test_loopback_in_a_workshop_is_not_the_rest_of_the_inside() -> None:
    assert may_connect("::1", allowed=(), may_be_loopback=True)
    assert not may_connect("10.0.0.1", allowed=(), may_be_loopback=True)
