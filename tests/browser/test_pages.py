"""Every page of the console works under the strict policy, on desk and phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib import admin
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts import services
from apps.accounts.models import Membership, User
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.browser.conftest import headers_of
from tests.factories import accounts

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}
OWN_PAGES = [
    "/admin/",
    "/admin/area/policies/",
    "/admin/area/access/",
    "/admin/area/fleet/",
    "/admin/area/evidence/",
    "/admin/fleet/",
    "/admin/search/?q=alice",
    "/account/",
    "/account/tenant/",
    "/account/notifications/",
    "/account/notifications/preferences/",
    "/account/sessions/",
    "/account/tokens/",
    "/access/",
    "/access/requests/",
    "/access/reviews/",
    "/access/delegations/",
    "/access/delegations/lend/",
    "/access/absences/new/",
    "/access/administering/",
    "/access/why/",
    "/admin/simulator/",
    "/admin/impact/",
    "/admin/exports/",
    "/admin/dependencies/",
    "/admin/access/explain/",
    "/admin/access/who/",
    "/admin/access/what/",
    "/admin/access/standing/",
    "/admin/access/grants/",
    "/admin/policies/as-of/",
    "/admin/policies/policy/findings/",
    "/admin/policies/policy/starters/",
    "/admin/approvals/approvalrequest/propose/",
]
# Fields that nobody could tell apart by ear, headings that skip a level, and what
# scrolls the page itself sideways.
FAULTS = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const named = (e) =>
    e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby");
  const faults = [...document.querySelectorAll("input, select, textarea")]
    .filter((e) => !["hidden", "submit"].includes(e.type) && shown(e) && !named(e))
    .map((e) => `no label: ${e.name || e.id}`);
  let level = 0;
  for (const e of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(e.tagName[1]);
    if (now > level + 1) faults.push(`h${level} to ${e.tagName} ${e.textContent}`);
    level = now;
  }
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) faults.push(`scrolls sideways by ${over}`);
  return faults;
}"""


def admin_pages() -> list[str]:
    """Return the lists, and the forms to add to them, of all registered models."""
    pages = []
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        pages += [base, base + "add/"]
    return pages


def test_every_reachable_page_is_free_of_errors_and_fits_a_phone(
    page: Page, security_admin: User, sign_in_fast: Callable[[User], None]
) -> None:
    sign_in_fast(security_admin)
    page.set_viewport_size(PHONE)
    page.goto("/admin/")
    # Asked without the browser's own hints, the session would count as stolen.
    hints = {
        name: value
        for name, value in headers_of(page.context).items()
        if name.lower().startswith("sec-ch-ua")
    }
    for address in OWN_PAGES + admin_pages():
        # What a role may not see answers 403; asking first keeps the console clean.
        status = page.request.get(address, headers=hints).status
        assert status in {200, 403}, address
        if status == 200:
            page.goto(address)
            expect(page.locator("h1")).to_have_count(1)
            assert page.evaluate(FAULTS) == [], address


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_pages_fit_their_screen(
    page: Page,
    security_admin: User,
    tenant: Tenant,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
    theme: Literal["light", "dark"],
    size: str,
) -> None:
    for name, roles in [("bob", ["approver"]), ("carol", ["auditor", "approver"])]:
        accounts.make_user(name, roles, tenant=tenant)
    with tenant_scope(tenant.pk):
        bob = Membership.objects.get(user__username="bob")
    sign_in_fast(security_admin)
    page.emulate_media(color_scheme=theme)
    if size == "phone":
        page.set_viewport_size(PHONE)
    for name, address in {
        "overview": "/admin/",
        "people": "/admin/accounts/membership/",
        "person": f"/admin/accounts/membership/{bob.pk}/change/",
        "invite": "/admin/accounts/membership/add/",
        "access": "/admin/area/access/",
        "account": "/account/",
        "search": "/admin/search/?q=bob",
    }.items():
        page.goto(address)
        page.locator("h1").wait_for()
        width = page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )
        assert width <= 0, f"{address} scrolls sideways"
        screenshot(f"{name}-{size}-{theme}")


def test_the_rail_opens_and_closes_on_a_phone(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.set_viewport_size(PHONE)
    page.goto("/admin/")
    rail = page.locator("#pw-rail")
    expect(rail).not_to_be_visible()
    page.get_by_role("button", name="Areas").click()
    expect(rail).to_be_visible()
    screenshot("rail-phone")
    page.keyboard.press("Escape")
    expect(rail).not_to_be_visible()


def test_keyboard_users_can_skip_to_the_content(
    page: Page, security_admin: User, sign_in_fast: Callable[[User], None]
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content-start"


def test_a_tenant_is_chosen_and_switched(
    page: Page,
    security_admin: User,
    tenant: Tenant,
    other_tenant: Tenant,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    with tenant_scope(other_tenant.pk):
        services.grant_membership(
            actor=accounts.SYSTEM, user=security_admin, roles=["auditor"]
        )
    sign_in_fast(security_admin)
    page.goto("/admin/")
    screenshot("choose-tenant")
    page.get_by_role("button", name=f"Work in {tenant.name}").click()
    expect(page.get_by_role("heading", name=tenant.name, exact=True)).to_be_visible()
    page.locator("[data-pw-tenant-menu] summary").click()
    screenshot("tenant-menu")
    page.get_by_role("button", name=other_tenant.name, exact=True).click()
    expect(
        page.get_by_role("heading", name=other_tenant.name, exact=True)
    ).to_be_visible()


def test_a_person_is_invited_with_a_link_shown_once(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/accounts/membership/add/")
    page.get_by_label("User name").fill("dave")
    page.get_by_label("Name", exact=True).fill("Dave Porter")
    page.get_by_label("Approver").check()
    page.get_by_role("button", name="Invite and make a link").click()
    field = page.get_by_label("Enrollment link")
    expect(field).to_have_value(re.compile(r"/enroll/[\w-]{40,}/$"))
    screenshot("link")
