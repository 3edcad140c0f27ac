"""People sign in with passkeys, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.accounts import services
from apps.accounts.models import Passkey, User
from tests.browser.conftest import VirtualAuthenticator, WatchedPage
from tests.factories import accounts

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]


def sign_out(page: Page) -> None:
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in to Portward").wait_for()


def test_a_person_enrolls_signs_out_and_signs_in_without_a_user_name(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    # Without autofill the button is the only way.
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )
    enroll(security_admin)
    expect(page.get_by_text("You are signed in.")).to_be_visible()
    screenshot("account-welcome")
    page.get_by_role("link", name="Continue to the overview").click()
    expect(page.get_by_role("heading", name="Getting started")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Continue with a passkey").click()
    page.get_by_role("heading", name="Getting started").wait_for()


def test_autofill_signs_in_without_a_click(
    page: Page, security_admin: User, enroll: Callable[[User], None]
) -> None:
    enroll(security_admin)
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Getting started").wait_for()


def test_a_used_link_says_so(
    page: Page,
    security_admin: User,
    authenticator: VirtualAuthenticator,
    watched: WatchedPage,
    screenshot: Screenshot,
) -> None:
    authenticator.verify_user(succeeds=True)
    token = services.issue_enrollment_link(actor=accounts.SYSTEM, user=security_admin)
    page.goto(f"/enroll/{token}/")
    screenshot("enroll")
    page.get_by_role("button", name="Register passkey and sign in").click()
    page.get_by_role("heading", name="Your account").wait_for()
    watched.expected.append("404")
    page.goto(f"/enroll/{token}/")
    expect(page.get_by_role("heading", name="does not work any more")).to_be_visible()
    screenshot("enroll-over")


def test_a_second_passkey_is_registered_by_another_authenticator(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    authenticator: VirtualAuthenticator,
) -> None:
    enroll(security_admin)
    authenticator.clear()
    page.get_by_label("Name", exact=True).fill("Key in the safe")
    page.get_by_role("button", name="Register another passkey").click()
    expect(page.get_by_text("“Key in the safe” is registered.")).to_be_visible()
    assert Passkey.objects.filter(user=security_admin).count() == 2


def test_without_user_verification_nobody_signs_in(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    authenticator: VirtualAuthenticator,
) -> None:
    enroll(security_admin)
    authenticator.verify_user(succeeds=False)
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Continue with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not answer")


def test_a_copied_passkey_is_refused_and_blocked(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    authenticator: VirtualAuthenticator,
    watched: WatchedPage,
) -> None:
    enroll(security_admin)
    Passkey.objects.update(sign_count=1000)
    watched.expected.append("403")
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    assert authenticator.credentials()
    expect(page.get_by_role("alert")).to_contain_text("It is blocked now")
    assert Passkey.objects.get().blocked_at is not None


def test_the_sign_in_page_in_the_dark(page: Page, screenshot: Screenshot) -> None:
    page.goto("/admin/")
    page.get_by_role("heading", name="Sign in to Portward").wait_for()
    screenshot("login-light")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    screenshot("login-dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.locator("input[type=password]").count() == 0
