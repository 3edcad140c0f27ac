"""A policy is suspended, rolled back and looked at in its past, in real browsers."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.policies import selectors, services
from apps.policies.models import Policy, PolicyVersion
from apps.policies.services import Approval
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.policies.test_lifecycle import FORBID
from tests.policies.test_rules import GOOD

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
BERT = ({"id": str(uuid.uuid4()), "name": "Bert"},)


def live(content: dict[str, Any], **change: Any) -> PolicyVersion:
    content = content | change
    found = selectors.policies().filter(name=content["name"]).first()
    draft = services.save_draft(
        actor=SYSTEM,
        policy_id=found.pk if found else None,
        content=content,
        expected_lock=None,
    )
    return services.freeze_version(
        actor=SYSTEM,
        draft_id=draft.pk,
        expected_digest=draft.digest,
        request_id=uuid.uuid4(),
        approval=Approval(BERT, "sha256:" + "e" * 64),
    )


@pytest.fixture
def policy(tenant: Tenant) -> Policy:
    """Return a policy with two versions in its past and one to come."""
    later = timezone.now() + dt.timedelta(days=3)
    with tenant_scope(tenant.pk):
        build_access()
        live(GOOD)
        live(GOOD, owner="Another team", windows=[])
        version = live(GOOD, actions=[], effective_from=f"{later:%Y-%m-%dT%H:%M:%SZ}")
        soon = timezone.now() + dt.timedelta(hours=4)
        live(
            FORBID,
            name="Nobody deploys during the audit",
            effective_until=f"{soon:%Y-%m-%dT%H:%M:%SZ}",
        )
    return version.policy


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm with your passkey").click()


def test_a_policy_is_rolled_back_and_seen_in_its_past(
    page: Page,
    tenant: Tenant,
    policy: Policy,
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    enroll(security_admin)
    page.goto(f"/admin/policies/policy/{policy.pk}/timeline/?from=1&to=3")
    expect(page.get_by_text("To come", exact=True)).to_be_visible()
    expect(page.get_by_text("approved by Bert").first).to_be_visible()
    in_all_sizes(page, screenshot, "timeline")

    page.goto(f"/admin/policies/policy/{policy.pk}/rollback/1/")
    expect(page.get_by_text("Only the version that was live directly")).to_be_visible()
    screenshot("rollback-refused")
    page.goto(f"/admin/policies/policy/{policy.pk}/rollback/2/")
    page.get_by_label("Reason").fill("The new version is too wide.")
    in_all_sizes(page, screenshot, "rollback")
    page.get_by_role("button", name="Roll back to version 2").click()
    confirm(page)
    expect(page.get_by_text("Rollback to version 2")).to_be_visible()
    with tenant_scope(tenant.pk):
        newest = selectors.newest_version(policy.pk)
        assert newest is not None
        assert (newest.number, newest.restores and newest.restores.number) == (4, 2)

    page.goto("/admin/policies/as-of/")
    expect(page.get_by_text("2 of 2 in force")).to_be_visible()
    in_all_sizes(page, screenshot, "as-of")


def test_a_policy_is_suspended_at_once_and_resumed_by_request(
    page: Page,
    tenant: Tenant,
    policy: Policy,
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    enroll(security_admin)
    page.goto(f"/admin/policies/policy/{policy.pk}/timeline/")
    page.get_by_role("link", name="Suspend", exact=True).click()
    page.get_by_label("Reason").fill("It stops deployments.")
    in_all_sizes(page, screenshot, "suspend")
    page.get_by_role("button", name="Suspend").click()
    confirm(page)
    expect(page.get_by_text("“It stops deployments.”")).to_be_visible()
    page.get_by_role("link", name="Resume").click()
    expect(page.get_by_text("Others have to approve this.")).to_be_visible()
    screenshot("resume-needs-request")
    with tenant_scope(tenant.pk):
        assert Policy.objects.get(pk=policy.pk).state == "suspended"


def test_a_forbid_that_names_an_end_asks_for_a_decision(
    page: Page,
    tenant: Tenant,
    policy: Policy,  # noqa: ARG001  # made beside the forbid
    security_admin: User,
    enroll: Callable[[User], None],
    screenshot: Screenshot,
) -> None:
    with tenant_scope(tenant.pk):
        forbid = Policy.objects.get(name="Nobody deploys during the audit")
    enroll(security_admin)
    page.goto(f"/admin/policies/policy/{forbid.pk}/timeline/")
    expect(page.get_by_text("Somebody has to decide about its end")).to_be_visible()
    in_all_sizes(page, screenshot, "decide")
    page.get_by_role("link", name="Let it end").click()
    page.get_by_label("Reason").fill("The audit is over.")
    page.get_by_role("button", name="Let it end").click()
    confirm(page)
    expect(page.get_by_text("“The audit is over.”")).to_be_visible()
    with tenant_scope(tenant.pk):
        assert selectors.dues() == []


def in_all_sizes(page: Page, screenshot: Screenshot, name: str) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for size_name, size in SIZES.items():
            page.set_viewport_size(size)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{name} is {width} wide on {size_name}"
            screenshot(f"{name}-{size_name}-{theme}")
    page.set_viewport_size(SIZES["desk"])
