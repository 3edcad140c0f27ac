"""Tests of a policy in the browser: kept, changed and run, on desk and phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.policies.services import save_draft
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.policies.test_rules import GOOD
from tests.policies.test_testing import CASE

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def tests_page(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
) -> Page:
    with tenant_scope(tenant.pk):
        build_access()
        wrong = CASE | {"name": "Never by day", "expect": "deny"}
        draft = save_draft(
            actor=SYSTEM,
            policy_id=None,
            content=GOOD | {"effect": "forbid", "tests": [wrong, CASE | {"name": "x"}]},
            expected_lock=None,
        )
    sign_in_fast(security_admin)
    page.goto(f"/admin/policies/policy/{draft.policy_id}/tests/")
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_tests_are_kept_changed_and_run(
    tests_page: Page,
    screenshot: Screenshot,
    theme: Literal["light", "dark"],
    size: str,
) -> None:
    page = tests_page
    page.emulate_media(color_scheme=theme)
    if size == "phone":
        page.set_viewport_size(PHONE)
    expect(page.get_by_text("The draft cannot be proposed yet.")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0
    screenshot(f"policy-tests-{size}-{theme}")
    page.get_by_role("link", name="Edit x").click()
    page.get_by_label("Must be").select_option("deny")
    page.get_by_label("At", exact=True).fill("noon")
    page.get_by_role("button", name="Save the test").click()
    # What was typed is not lost.
    expect(page.get_by_label("At", exact=True)).to_have_value("noon")
    expect(page.locator(".pw-error").first).to_be_visible()
    screenshot(f"policy-tests-refused-{size}-{theme}")
    page.get_by_label("At", exact=True).fill("2026-11-18T10:00:00Z")
    page.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("“x” is saved.")).to_be_visible()
    expect(page.get_by_text("The draft cannot be proposed yet.")).to_have_count(0)
    page.get_by_role("button", name="Keep all").click()
    expect(page.get_by_role("heading", name="Proposed")).to_have_count(0)
    expect(page.get_by_text("0 failed")).to_be_visible()
    screenshot(f"policy-tests-kept-{size}-{theme}")
