"""A review from the campaign to the revocation, in real browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.reviews import services
from apps.reviews.rules import CampaignSpec
from apps.roles import services as roles
from apps.roles.models import Assignment
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.access import CHECKOUT, SYSTEM, build_access

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}


@pytest.fixture
def reviewer(tenant: Tenant) -> User:
    """Return a member who is asked, in a tenant with two assignments."""
    with tenant_scope(tenant.pk):
        build_access()
        roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(CHECKOUT, "reader"))
    return accounts.make_user("rita", ["member"], tenant=tenant)


def revoked(tenant: Tenant) -> list[str]:
    """Return the reasons of what was revoked."""
    with tenant_scope(tenant.pk):
        rows = Assignment.objects.filter(revoked_at__isnull=False)
        return list(rows.values_list("revoked_reason", flat=True))


def test_a_security_admin_makes_a_campaign_and_opens_a_review(
    page: Page,
    tenant: Tenant,
    reviewer: User,
    sign_in_fast: Callable[..., None],
    screenshot: Screenshot,
) -> None:
    sign_in_fast(accounts.make_user("zoe", ["security_admin"], tenant=tenant))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/admin/reviews/campaign/add/")
    expect(page.get_by_text("access that nobody looked at stays")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("All roles")
    page.get_by_label("Who is asked").select_option("named")
    page.get_by_label(f"Rita ({reviewer.username})").check()
    page.get_by_label("How often").select_option("0")
    screenshot("review-campaign")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Open a review now").click()
    expect(page.get_by_text("The review is open")).to_be_visible()
    expect(page.get_by_text("0 of 2 answered")).to_be_visible()


def test_a_reviewer_sees_the_effect_and_an_admin_applies_it(
    page: Page,
    tenant: Tenant,
    reviewer: User,
    sign_in_fast: Callable[..., None],
    screenshot: Screenshot,
) -> None:
    with tenant_scope(tenant.pk):
        campaign = services.save_campaign(
            actor=SYSTEM,
            spec=CampaignSpec("All roles", reviewers="named", named=(reviewer.pk,)),
        )
        run = services.open_run(actor=SYSTEM, campaign_id=campaign.pk)
    sign_in_fast(reviewer)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/access/reviews/")
    page.get_by_role("link", name="Answer").click()
    page.get_by_label("Alice: Developer").check()
    page.get_by_label("Reason").fill("She changed teams.")
    page.get_by_role("button", name="Revoke chosen").click()
    expect(page.get_by_text("deploy on Namespace")).to_be_visible()
    screenshot("review-effect")
    page.get_by_role("button", name="Revoke 1").click()
    expect(page.get_by_text("Answered: 1.")).to_be_visible()
    page.get_by_label("Checkout: Reader").check()
    page.get_by_role("button", name="Keep chosen").click()
    expect(page.get_by_text("2 of 2 answered")).to_be_visible()
    in_all_sizes(page, screenshot)
    assert revoked(tenant) == []

    sign_in_fast(accounts.make_user("zoe", ["security_admin"], tenant=tenant))
    page.goto(f"/admin/reviews/run/{run.pk}/change/")
    screenshot("review-run")
    page.get_by_role("button", name="Apply: revoke 1").click()
    expect(page.get_by_text("Applied: the nodes get one release")).to_be_visible()
    screenshot("review-applied")
    assert revoked(tenant) == ["Review “All roles”: She changed teams."]


def test_one_box_chooses_all_lines(
    page: Page, tenant: Tenant, reviewer: User, sign_in_fast: Callable[..., None]
) -> None:
    with tenant_scope(tenant.pk):
        campaign = services.save_campaign(
            actor=SYSTEM,
            spec=CampaignSpec("All roles", reviewers="named", named=(reviewer.pk,)),
        )
        run = services.open_run(actor=SYSTEM, campaign_id=campaign.pk)
    sign_in_fast(reviewer)
    page.goto(f"/access/reviews/{run.pk}/")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Keep chosen").click()
    expect(page.get_by_text("Answered: 2.")).to_be_visible()


def in_all_sizes(page: Page, screenshot: Screenshot) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for name, size in SIZES.items():
            page.set_viewport_size(size)
            screenshot(f"review-{name}-{theme}")
    page.set_viewport_size(SIZES["desk"])
