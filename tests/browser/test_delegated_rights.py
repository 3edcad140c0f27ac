"""Delegating a right, using it and taking it back, in a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.access import build_access
from tests.factories.grants import delegate

pytestmark = pytest.mark.browser

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
TIERS = "oles where tier is read_only"


def look(page: Page, name: str) -> None:
    """Keep pictures of a page in its sizes and colors; nothing may stick out of it."""
    folder = os.environ.get("PORTWARD_SCREENSHOTS", "")
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            is_wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(is_wide), (name, size)
            if folder:
                path = f"{folder}/rights-{name}-{size}-{theme}.png"
                page.screenshot(path=path, full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(SIZES["desk"])


@pytest.fixture
def olga(tenant: Tenant) -> User:
    """Return a plain member of a tenant with roles."""
    with tenant_scope(tenant.pk):
        build_access()
    return accounts.make_user("olga", ["member"], tenant=tenant)


@pytest.mark.usefixtures("olga")
def test_an_admin_gives_a_right_and_takes_it_back(
    page: Page, tenant: Tenant, sign_in_fast: Callable[..., None]
) -> None:
    sign_in_fast(accounts.make_user("anna", ["security_admin"], tenant=tenant))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/admin/roles/objectgrant/")
    look(page, "empty")
    page.goto("/admin/roles/objectgrant/add/")
    look(page, "kind")
    page.locator(".pw-list").get_by_role("link", name="Roles", exact=True).click()
    page.get_by_label("For", exact=True).select_option(label="Olga")
    page.get_by_label("May", exact=True).select_option("change")
    page.get_by_label("Constraint").fill('{"tier": "root"}')
    page.get_by_label("Reason").fill("She answers for what only reads.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“tier” is never")).to_be_visible()
    look(page, "form")
    page.get_by_label("Constraint").fill('{"tier": "read_only"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(TIERS).first).to_be_visible()
    look(page, "right")
    address = page.url
    page.goto("/admin/roles/objectgrant/")
    look(page, "list")
    page.goto("/admin/accounts/membership/")
    page.locator("main").get_by_role("link", name="Olga").first.click()
    expect(page.get_by_text(TIERS)).to_be_visible()
    look(page, "person")
    page.goto(address)
    page.get_by_label("Reason").fill("She moved on.")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)


def test_a_delegate_works_within_the_bounds(
    page: Page, tenant: Tenant, olga: User, sign_in_fast: Callable[..., None]
) -> None:
    with tenant_scope(tenant.pk):
        delegate(olga, "change", "roles.Role", {"tier": "read_only"}, may_pass_on=True)
    sign_in_fast(olga)
    page.goto("/access/")
    page.get_by_role("link", name="Administering").first.click()
    look(page, "administering")
    page.get_by_role("link", name=TIERS).click()
    main = page.locator("main")
    expect(main.get_by_role("link", name="Reader").first).to_be_visible()
    expect(main.get_by_text("Developer")).to_have_count(0)
    look(page, "her-list")
    main.get_by_role("link", name="Reader").first.click()
    page.get_by_label("Tier").select_option("operator")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("outside of what you may change")).to_be_visible()
    look(page, "refused")
    page.get_by_label("Tier").select_option("read_only")
    page.get_by_label("Name", exact=True).fill("Readers")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Readers” is saved")).to_be_visible()
