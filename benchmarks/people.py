"""People with passkeys, their browsers, and somebody who guesses. Needs Django."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from apps.accounts import services
from apps.accounts.choices import TenantRole
from apps.audit.events import Actor
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope
from tests.simulators.authenticator import SimulatedAuthenticator

ACTOR = Actor.command("benchmark")
_TIMEOUT = 60


class Browser:
    """One browser with its cookies, at an address of its own."""

    def __init__(self, port: int, address: str) -> None:
        self._host = f"localhost:{port}"
        self._line = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=_TIMEOUT, source_address=(address, 0)
        )
        self._cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str) -> tuple[int, bytes]:
        """Open a page."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Send JSON, as the scripts of our pages do."""
        kind = {"Content-Type": "application/json", "Accept": "application/json"}
        return self._ask("POST", path, json.dumps(body).encode(), kind)

    def submit(self, path: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields).encode(), kind)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        sent = {"Host": self._host, **headers}
        if self._cookies:
            sent["Cookie"] = "; ".join(
                f"{name}={morsel.value}" for name, morsel in self._cookies.items()
            )
        if settings.CSRF_COOKIE_NAME in self._cookies:
            sent["X-CSRFToken"] = self._cookies[settings.CSRF_COOKIE_NAME].value
        self._line.request(method, path, body, sent)
        answer = self._line.getresponse()
        content = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self._cookies.load(cookie)
        return answer.status, content


class Person:
    """Somebody with a passkey and an address of their own."""

    def __init__(self, number: int, port: int, folder: Path) -> None:
        self.username = f"bench-person-{number}"
        self._address = f"127.0.1.{number + 1}"
        self._port = port
        self._authenticator = SimulatedAuthenticator(folder / f"{number}.json")
        user = services.create_user(
            actor=ACTOR, username=self.username, display_name=f"Person {number}"
        )
        with tenant_scope(tenant_by_slug("acme").pk):
            services.grant_membership(
                actor=ACTOR, user=user, roles=[TenantRole.AUDITOR]
            )
        options = services.begin_registration(
            user=user, session_key=self.username, link=None
        )
        services.finish_registration(
            ceremony_id=options.ceremony_id,
            session_key=self.username,
            credential=self._authenticator.create(options.public_key),
            name="Benchmark",
        )

    def sign_in(self) -> float:
        """Sign in from a fresh browser; return the milliseconds it took."""
        started = time.perf_counter()
        browser = Browser(self._port, self._address)
        try:
            _succeeded(browser.get(reverse("admin:login")))
            options = _succeeded(browser.post(reverse("signin:login_options"), {}))
            answer = {
                "ceremony": options["ceremony"],
                "credential": self._authenticator.get(options["publicKey"]),
                "next": "",
            }
            _succeeded(browser.post(reverse("signin:login_verify"), answer))
        finally:
            browser.close()
        return (time.perf_counter() - started) * 1000


class Guesser:
    """Somebody at one address who guesses passwords of many over several lines."""

    ADDRESS = "127.0.0.66"
    LINES = 8

    def __init__(self, port: int, names: Sequence[str], least: int) -> None:
        self._port = port
        self._names = itertools.cycle(names)
        self._least = least
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._throttled = threading.Event()
        self.answers: Counter[int] = Counter()
        self._threads = [
            threading.Thread(target=self._guess) for _ in range(self.LINES)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        if not self._throttled.wait(_TIMEOUT):
            raise TimeoutError("the guesser was never throttled")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _guess(self) -> None:
        browser = Browser(self._port, self.ADDRESS)
        path = reverse("signin:fallback")
        status, _ = browser.get(path)
        while not self._is_done():
            fields = {"username": self._next(), "password": "guess", "code": "123456"}
            try:
                status, _ = browser.submit(path, fields)
            except (OSError, http.client.HTTPException):
                # Hung up on; the next guess dials again.
                browser.close()
                continue
            with self._lock:
                self.answers[status] += 1
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._throttled.set()
        browser.close()

    def _is_done(self) -> bool:
        with self._lock:
            enough = self.answers.total() >= self._least
        return enough and self._stopping.is_set()

    def _next(self) -> str:
        with self._lock:
            return next(self._names)


def _succeeded(answer: tuple[int, bytes]) -> dict[str, Any]:
    status, content = answer
    if status != HTTPStatus.OK:
        raise AssertionError(f"sign-in was answered with {status}: {content[:300]!r}")
    found: dict[str, Any] = json.loads(content) if content[:1] == b"{" else {}
    return found
