"""A draft is tried, measured and kept as a test, before anybody depends on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.outbox import services as outbox
from apps.policies import services as policies
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access

pytestmark = pytest.mark.browser
PHONE: ViewportSize = {"width": 390, "height": 844}
Screenshot = Callable[[str], None]
DRAFT = {
    "name": "Developers restart nodes",
    "effect": "permit",
    "tier": "operator",
    "owner": "Platform",
    "principals": [{"type": "Role", "id": "developer"}],
    "actions": ["restart"],
    "resources": [{"type": "Node"}],
    "windows": ["office-hours"],
}


@pytest.fixture
def drafted(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
        policies.save_draft(
            actor=SYSTEM, policy_id=None, content=DRAFT, expected_lock=None
        )
    return tenant


def in_all_variants(page: Page, screenshot: Screenshot, name: str) -> None:
    """Take pictures at both sizes, in the light and in the dark."""
    for size, words in ((None, "desktop"), (PHONE, "phone")):
        if size:
            page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            screenshot(f"{name}-{words}-{scheme}")
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{name} is wider than the screen at {words}"


@pytest.mark.usefixtures("drafted")
def test_a_draft_is_simulated_over_a_week_beside_what_is_live(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/simulator/")
    page.get_by_label("Who", exact=True).fill("User::alice")
    page.get_by_label("Action").fill("restart")
    page.get_by_label("Resource").fill("Node::web-1")
    page.get_by_label("Against").select_option("Developers restart nodes")
    page.get_by_label("Over").select_option("7 days")
    page.get_by_label("As of (UTC)").fill("2026-11-23T00:00")
    page.get_by_role("button", name="Simulate").click()

    expect(page.get_by_role("heading", name="When it is allowed")).to_be_visible()
    strip = page.get_by_role("img", name="When it is allowed by: Developers restart")
    expect(strip).to_be_visible()
    expect(page.get_by_text("Denied all the time.").first).to_be_attached()
    in_all_variants(page, screenshot, "simulator")


@pytest.mark.usefixtures("drafted")
def test_impact_names_who_gains_and_leads_into_the_simulator(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/impact/")
    screenshot("impact-choose")
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_role("heading", name="Being computed")).to_be_visible()
    screenshot("impact-waiting")

    outbox.drain(patience=60)

    expect(page.get_by_role("heading", name="Who gains or loses")).to_be_visible()
    expect(page.get_by_role("heading", name="risk")).to_be_visible()
    in_all_variants(page, screenshot, "impact")
    page.get_by_role("link", name="alice restart").first.click()
    expect(page.get_by_role("heading", name="When it is allowed")).to_be_visible()
