"""A member whom a flow names decides in the browser, without the console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts import services as people
from apps.approvals import rules, services
from apps.audit.events import Actor
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.browser.conftest import VirtualAuthenticator
from tests.browser.test_elevation import ask, mia, shoot
from tests.factories import accounts
from tests.factories.elevations import SYSTEM

__all__ = ["mia"]
pytestmark = pytest.mark.browser
SLOW = 20_000
FLOW = {
    "v": 2,
    "name": "Shop owner",
    "kind": "elevation",
    "order": 1,
    "is_active": True,
    "match": {"tiers": [], "min_risk": 0, "min_blast_radius": 0, "roles": []},
    "stages": [
        {
            "name": "Owner of the shop",
            "approvers": [{"type": "user", "id": "anna"}],
            "quorum": 1,
            "deny_threshold": 1,
            "deadline_minutes": None,
            "conditions": [],
            "hours": "",
            "escalation": None,
        }
    ],
}


@pytest.fixture
def anna(
    browser: Browser,
    live_portal: LiveServer,
    tenant: Tenant,
    watch: Callable[[Page], object],
) -> Iterator[Page]:
    """Return the browser of a member whom the flow names, and nobody else does."""
    profile = browser.new_context(base_url=live_portal.url)
    profile.set_default_timeout(SLOW)
    page = profile.new_page()
    watch(page)
    VirtualAuthenticator(page)
    user = accounts.make_user("anna", ["member"], tenant=tenant)
    token = people.issue_enrollment_link(actor=SYSTEM, user=user)
    page.goto(f"/enroll/{token}/")
    page.get_by_role("button", name="Register passkey and sign in").click()
    page.get_by_role("heading", name="Your account").wait_for()
    with tenant_scope(tenant.pk):
        services.save_flow(
            actor=Actor.command("tests"), flow_id=None, spec=rules.parse_spec(FLOW)
        )
    yield page
    profile.close()


def test_a_member_finds_what_waits_and_signs_it(mia: Page, anna: Page) -> None:
    anna.goto("/access/requests/")
    expect(anna.get_by_text("Nothing waits for you")).to_be_visible()
    ask(mia, minutes=15)
    expect(mia.get_by_role("timer")).to_contain_text("left to decide")

    anna.goto("/account/notifications/")
    anna.get_by_role("button", name=re.compile("^Open")).first.click()
    expect(anna.get_by_role("heading", name="Where it stands")).to_be_visible()
    anna.get_by_role("link", name="Requests").first.click()
    shoot(anna, "own-requests")
    anna.get_by_role("link", name="Decide on").click()
    expect(anna.get_by_text("Roll out the fix").first).to_be_visible()
    shoot(anna, "own-decide")
    anna.get_by_role("button", name="Approve with passkey").click()

    expect(anna.get_by_text("Your vote is recorded")).to_be_visible(timeout=SLOW)
    assert "/access/requests/" in anna.url
    expect(mia.get_by_role("button", name="Activate")).to_be_visible(timeout=SLOW)
