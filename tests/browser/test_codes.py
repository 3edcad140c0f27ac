"""The way in without a passkey, in a real browser."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import pytest
from django_otp import oath
from playwright.sync_api import Page, expect

from apps.accounts.models import RecoveryCode, User
from tests.browser.conftest import WatchedPage

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery staple"
STEP = 30


def code_of(secret: str, steps: int = 0) -> str:
    padded = secret + "=" * (-len(secret) % 8)
    value = int(time.time()) // STEP + steps
    number = int(oath.hotp(base64.b32decode(padded), value))  # type: ignore[no-untyped-call]  # no types
    return f"{number:06d}"


def set_password(page: Page) -> None:
    page.goto("/account/")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("The password is set.")).to_be_visible()


def leave_and_come_back(page: Page, code: str) -> None:
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/auth/fallback/?next=/admin/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture(autouse=True)
def _no_autofill(page: Page) -> None:
    """Else the passkey would sign in before anybody types."""
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )


def test_an_authenticator_app_lets_in_to_look_and_not_to_change(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Callable[[str], None],
) -> None:
    enroll(security_admin)
    screenshot("account")
    page.get_by_role("button", name="Add authenticator").click()
    expect(page.get_by_alt_text("QR code")).to_be_visible()
    screenshot("authenticator")
    secret = page.locator("#code-secret").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_of(secret, -1))
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_text("works now.")).to_be_visible()
    set_password(page)
    leave_and_come_back(page, code_of(secret))
    expect(page.get_by_role("heading", name="Getting started")).to_be_visible()
    expect(page.locator("[data-pw-level]")).to_have_text("Two factors")
    page.goto("/admin/accounts/membership/add/")
    page.get_by_label("User name").fill("carol")
    page.get_by_label("Name", exact=True).fill("Carol")
    page.get_by_label("Approver").check()
    page.get_by_role("button", name="Invite and make a link").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    expect(page.get_by_text("Use a code instead")).to_have_count(0)


def test_a_recovery_code_lets_in_once(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    watched: WatchedPage,
    screenshot: Callable[[str], None],
) -> None:
    watched.expected.append("403")
    enroll(security_admin)
    page.get_by_role("button", name="Make recovery codes").click()
    codes = page.get_by_label("Recovery codes").input_value().split()
    assert len(codes) == 10
    screenshot("recovery-codes")
    set_password(page)
    leave_and_come_back(page, codes[3])
    expect(page.get_by_role("heading", name="Getting started")).to_be_visible()
    assert RecoveryCode.objects.filter(used_at__isnull=False).count() == 1
    leave_and_come_back(page, codes[3])
    expect(page.get_by_text("User name, password or code is wrong.")).to_be_visible()
    screenshot("fallback-refused")
