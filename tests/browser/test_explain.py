"""From a denial to what is missing, and from a person to everything they may do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.tenants.models import Tenant
from tests.factories.worlds import acme, sign_release

pytestmark = pytest.mark.browser
PHONE: ViewportSize = {"width": 390, "height": 844}
Screenshot = Callable[[str], None]


@pytest.fixture
def released(tenant: Tenant) -> Tenant:
    sign_release(tenant, acme(tenant))
    return tenant


@pytest.mark.usefixtures("released")
def test_a_denial_says_what_is_missing_and_with_it_is_permitted(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/access/explain/")
    page.get_by_label("Who", exact=True).fill("User::alice")
    page.get_by_label("Action").fill("restart")
    page.get_by_label("Resource").fill("Node::web-1")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Denied")).to_be_visible()
    verdict = page.get_by_role("status")
    expect(verdict).to_contain_text("needs MFA level at least 2, which is unknown")
    screenshot("explain-denied")

    page.get_by_text("From where, and how").click()
    page.get_by_label("MFA level").select_option("2")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="Permitted")).to_be_visible()
    way = page.get_by_role("article", name="Nodes restarted")
    expect(way.get_by_role("listitem").first).to_contain_text("alice")
    expect(way).to_contain_text("holds")
    screenshot("explain-permitted")


@pytest.mark.usefixtures("released")
def test_a_mistake_is_said_beside_its_field(
    page: Page, security_admin: User, sign_in_fast: Callable[[User], None]
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/access/explain/?ask=1&principal=alice&action=fly&resource=")

    field = page.get_by_label("Who", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("as in User::alice")).to_be_visible()


@pytest.mark.usefixtures("released")
def test_a_principal_leads_to_everything_they_may_do(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(security_admin)
    page.goto("/admin/access/who/?ask=1&action=restart&resource=Node::web-1&mfa=2")
    page.get_by_role("main").get_by_role("link", name="Alice", exact=True).click()
    page.get_by_role("main").get_by_role("link", name="What can they do?").click()

    expect(page.get_by_role("heading", name="1 found")).to_be_visible()
    screenshot("what-desktop")
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    screenshot("what-phone")
    page.get_by_role("link", name="Why?").last.click()
    expect(page.get_by_role("heading", name="Permitted")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    screenshot("explain-phone")
    page.emulate_media(color_scheme="dark")
    screenshot("explain-phone-dark")
    page.set_viewport_size({"width": 1280, "height": 900})
    screenshot("explain-dark")
