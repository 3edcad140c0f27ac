"""What other enforcement points get of a release is seen, and downloaded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.tenants.models import Tenant
from tests.browser.test_simulator import in_all_variants
from tests.dashboard.test_exports import RECORDS
from tests.factories.worlds import sign_release

pytestmark = pytest.mark.browser


def test_an_export_is_chosen_read_and_downloaded(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    screenshot: Callable[[str], None],
) -> None:
    sign_release(tenant, RECORDS)
    sign_in_fast(security_admin)
    page.goto("/admin/exports/")
    expect(page.get_by_text("mfa is not known there")).to_be_visible()
    in_all_variants(page, screenshot, "exports")

    page.get_by_role("link", name="OPA").click()
    expect(page.get_by_text("Nothing is left out")).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download policy.rego").click()
    assert found.value.suggested_filename == "portward-opa-1-policy.rego"
