"""Confirming in the middle of work, and ending sessions, in real browsers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import Membership, User
from apps.accounts.services import actor_for, freeze
from apps.signin.models import SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.browser.conftest import VirtualAuthenticator, WatchedPage
from tests.factories import accounts

pytestmark = pytest.mark.browser


def age(minutes: int) -> None:
    """Let the proofs of all sessions be older."""
    for row in SignIn.objects.all():
        row.factors = [f | {"at": f["at"] - minutes * 60} for f in row.factors]
        row.save(update_fields=["factors"])


def test_a_form_is_confirmed_in_the_middle_and_nothing_is_lost(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Callable[[str], None],
) -> None:
    enroll(security_admin)
    page.goto("/admin/accounts/membership/add/")
    page.get_by_label("User name").fill("carol")
    page.get_by_label("Name", exact=True).fill("Carol")
    page.get_by_label("Approver").check()
    age(minutes=6)
    page.get_by_role("button", name="Invite and make a link").click()
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    screenshot("confirm")
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(
        page.get_by_role("heading", name="Enrollment link for Carol")
    ).to_be_visible()
    with tenant_scope(tenant.pk):
        assert Membership.objects.filter(user__username="carol").exists()


def test_a_second_key_is_confirmed_by_the_first_without_leaving_the_page(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    authenticator: VirtualAuthenticator,
    watched: WatchedPage,
) -> None:
    watched.expected.append("401")
    enroll(security_admin)
    age(minutes=6)
    page.reload()
    VirtualAuthenticator(page, transport="usb")
    page.get_by_role("button", name="Register another passkey").click()
    expect(page.get_by_text("is registered.")).to_be_visible()
    del authenticator


def test_the_header_counts_the_elevation_down(
    page: Page, security_admin: User, enroll: Callable[[User], None]
) -> None:
    enroll(security_admin)
    page.locator("[data-pw-user-menu] summary").click()
    page.get_by_role("button", name="Confirm it is you").click()
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.locator("[data-pw-level]")).to_have_text("Passkey, elevated")
    expect(page.locator("[data-pw-left]")).to_have_text(
        re.compile(r"^(30:00|29:\d\d)$")
    )


def test_a_session_ended_in_one_browser_is_over_in_the_other(
    page: Page,
    browser: Browser,
    live_portal: LiveServer,
    security_admin: User,
    enroll: Callable[[User], None],
    sign_in_fast: Callable[..., None],
    watched: WatchedPage,
) -> None:
    enroll(security_admin)
    other = browser.new_context(base_url=live_portal.url)
    sign_in_fast(security_admin, other)
    second = other.new_page()
    second.goto("/admin/")
    expect(second.get_by_role("heading", name="Getting started")).to_be_visible()
    page.goto("/account/sessions/")
    page.get_by_role("button", name="End all others").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_text("1 other sessions are over.")).to_be_visible()
    second.goto("/admin/")
    expect(second.get_by_text("This session was ended")).to_be_visible()
    other.close()
    del watched


def test_an_open_page_leaves_by_itself_when_its_session_is_ended(
    page: Page,
    security_admin: User,
    enroll: Callable[[User], None],
    watched: WatchedPage,
) -> None:
    watched.expected.append("401")
    # Else autofill would sign in again at once.
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )
    enroll(security_admin)
    page.goto("/admin/")
    page.get_by_role("heading", name="Getting started").wait_for()
    SignIn.objects.update(ended_at=dt.datetime.now(dt.UTC), end_reason="killed")
    page.get_by_role("heading", name="Sign in to Portward").wait_for(timeout=20_000)


def test_a_frozen_person_reads_why_and_appeals(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    sign_in_fast: Callable[..., None],
    watched: WatchedPage,
    screenshot: Callable[[str], None],
) -> None:
    watched.expected.append("403")
    carol = accounts.make_user("carol", ["auditor"], tenant=tenant)
    sign_in_fast(carol)
    with tenant_scope(tenant.pk):
        freeze(
            actor=actor_for(security_admin),
            user=carol,
            reason="Unusual exports at night.",
            instructions="Call the security desk.",
            lifetime=dt.timedelta(hours=8),
        )
    page.goto("/admin/")
    expect(page.get_by_text("Unusual exports at night.")).to_be_visible()
    screenshot("frozen")
    page.get_by_label("Is this a mistake?").fill("It was the quarterly export.")
    page.get_by_role("button", name="Send appeal").click()
    expect(page.get_by_text("You appealed")).to_be_visible()
    expect(page.get_by_text("It was the quarterly export.")).to_be_visible()
