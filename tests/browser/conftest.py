"""Chromium with a virtual authenticator, and people to sign in as.

Every page is watched: an error in its console, a script that throws or a resource that
does not load fails the test that visited it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.datastructures import CaseInsensitiveMapping
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.accounts import services
from apps.accounts.models import User
from apps.tenants.models import Tenant
from tests.factories import accounts
from tests.provide_browser import find_browser, provide

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
TIMEOUT_MS = 10_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return Chromium: from PATH, else installed; skip only if there is no way."""
    path = find_browser() or provide()
    if path is None:
        pytest.skip("NO BROWSER: Chromium is neither here nor installable")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, headless=True, args=ARGS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def live_portal(live_server: LiveServer, settings: Settings) -> Iterator[LiveServer]:
    """Return the live server, whose address passkeys accept.

    A page may still be loading when its browser is closed. Its request ends before the
    tables are emptied: each of the two would wait for a lock that the other one holds.
    """
    settings.WEBAUTHN_ORIGINS = [live_server.url]
    settings.PORTWARD_WEB_URL = live_server.url
    yield live_server
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=TIMEOUT_MS / 1000)
            assert not thread.is_alive(), "a request outlives the test's browser"


@pytest.fixture
def context(browser: Browser, live_portal: LiveServer) -> Iterator[BrowserContext]:
    """Return a fresh browser profile."""
    context = browser.new_context(base_url=live_portal.url)
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


class WatchedPage:
    """What went wrong on one page."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.expected: list[str] = []
        page.on(
            "console",
            lambda message: self._note(message.type, message.text),
        )
        page.on("pageerror", lambda error: self.errors.append(f"throws: {error}"))
        page.on(
            "requestfailed",
            lambda request: (
                self.errors.append(f"failed: {request.url}")
                if request.failure and "ERR_ABORTED" not in request.failure
                else None
            ),
        )

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.errors.append(text)

    def unexpected(self) -> list[str]:
        """Return the errors that no test announced."""
        return [
            error
            for error in self.errors
            if not any(part in error for part in self.expected)
        ]


@pytest.fixture
def watch() -> Iterator[Callable[[Page], WatchedPage]]:
    """Return a function that watches a page, and check all of them in the end."""
    watched: list[WatchedPage] = []

    def begin(page: Page) -> WatchedPage:
        watched.append(WatchedPage(page))
        return watched[-1]

    yield begin
    assert [error for page in watched for error in page.unexpected()] == []


@pytest.fixture
def watched(page: Page) -> WatchedPage:
    """Return the watch of the test's page, to announce errors that must come."""
    found: WatchedPage = page.watched  # type: ignore[attr-defined]
    return found


@pytest.fixture
def page(context: BrowserContext, watch: Callable[[Page], WatchedPage]) -> Page:
    """Return a watched page."""
    page = context.new_page()
    page.watched = watch(page)  # type: ignore[attr-defined]
    return page


class VirtualAuthenticator:
    """Chromium's own authenticator, which belongs to one page and survives navigation.

    Source: Chrome DevTools Protocol, domain WebAuthn.
    """

    def __init__(self, page: Page, transport: str = "internal") -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        self.id = self._session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "ctap2Version": "ctap2_1",
                    "transport": transport,
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )["authenticatorId"]

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """Call one method of the domain for this authenticator."""
        return dict(
            self._session.send(
                f"WebAuthn.{method}", {"authenticatorId": self.id, **params}
            )
        )

    def credentials(self) -> list[dict[str, Any]]:
        """Return the keys that it holds, private parts included."""
        return list(self.send("getCredentials")["credentials"])

    def add(self, credential: dict[str, Any]) -> None:
        """Give it a key that another one made."""
        self.send("addCredential", credential=credential)

    def clear(self) -> None:
        """Take all keys away."""
        self.send("clearCredentials")

    def verify_user(self, *, succeeds: bool) -> None:
        """Choose whether the person passes fingerprint, face or PIN."""
        self.send("setUserVerified", isUserVerified=succeeds)

    def set_sign_count(self, count: int) -> None:
        """Set the counters back, as those of a copied key would be."""
        for credential in self.credentials():
            self.send("removeCredential", credentialId=credential["credentialId"])
            self.add(credential | {"signCount": count})


@pytest.fixture
def authenticator(page: Page) -> VirtualAuthenticator:
    """Return the authenticator of the test's page."""
    return VirtualAuthenticator(page)


@pytest.fixture
def enroll(
    page: Page,
    authenticator: VirtualAuthenticator,  # noqa: ARG001  # answers the page
) -> Callable[[User], None]:
    """Return a function that enrolls a person through the pages, and signs them in."""

    def through_the_link(user: User) -> None:
        token = services.issue_enrollment_link(actor=accounts.SYSTEM, user=user)
        page.goto(f"/enroll/{token}/")
        page.get_by_role("button", name="Register passkey and sign in").click()
        page.get_by_role("heading", name="Your account").wait_for()

    return through_the_link


@pytest.fixture
def sign_in_fast(
    context: BrowserContext, live_portal: LiveServer, tmp_path: Path
) -> Callable[..., None]:
    """Return a function that gives a browser profile a verified session, unseen."""

    def with_cookie(user: User, into: BrowserContext | None = None) -> None:
        profile = into or context
        client = accounts.signed_in_client(user, tmp_path, headers_of(profile))
        profile.add_cookies(
            [
                {"name": name, "value": cookie.value, "url": live_portal.url}
                for name, cookie in client.cookies.items()
            ]
        )

    return with_cookie


def headers_of(context: BrowserContext) -> CaseInsensitiveMapping[str]:
    """Return the headers that a browser profile sends with every request."""
    page = context.new_page()
    answer = page.goto("/healthz")
    assert answer is not None
    headers = CaseInsensitiveMapping(answer.request.all_headers())
    page.close()
    return headers


@pytest.fixture
def security_admin(tenant: Tenant) -> User:
    """Return a security admin of the tenant."""
    return accounts.make_user("alice", ["security_admin"], tenant=tenant)


@pytest.fixture
def screenshot(page: Page) -> Callable[[str], None]:
    """Return a function that keeps a picture if PORTWARD_SCREENSHOTS is a folder."""
    folder = os.environ.get("PORTWARD_SCREENSHOTS", "")

    def take(name: str) -> None:
        if folder:
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    return take


@pytest.fixture(autouse=True)
def _writes_are_committed(transactional_db: None) -> None:
    """The live server's thread sees only what is committed."""
