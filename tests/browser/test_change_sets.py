"""A set of changes through the pages: written, proven, talked about, approved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.choices import ItemKind
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.audit.events import Actor
from apps.policies.models import PolicyVersion
from apps.roles.models import Role
from apps.scopes import services as scopes
from apps.scopes.models import TimeWindow
from apps.scopes.rules import LocationSpec, WindowSpec
from apps.simulation.models import Evidence
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.approvals import CONTENT, People, make_draft, make_request, prove
from tests.factories.changes import (
    OPERATOR,
    POLICY,
    make_set,
    put,
)

pytestmark = pytest.mark.browser
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
EVENING = {
    "name": "an operator in the evening",
    "given": {
        "principal": {"type": "User"},
        "roles": ["night-operator"],
        "resource": {"type": "Namespace", "id": "shop"},
        "context": {"mfa": 2, "ip": "10.1.2.3"},
    },
    "action": "deploy",
    "at": "2026-11-18T18:30:00Z",
    "expect": "allow",
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_a_set_of_changes_from_the_first_page_to_the_last_vote(  # noqa: PLR0915  # one journey
    page: Page,
    tenant: Tenant,
    tmp_path: Path,
    sign_in_fast: Callable[..., None],
    screenshot: Callable[[str], None],
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        build_access()
        ada = people("ada", "security_admin").user
        people("anna")
        office = TimeWindow.objects.get(slug="office-hours")

    def look(name: str) -> None:
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            for size, viewport in SIZES.items():
                page.set_viewport_size(viewport)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= viewport["width"], f"{name} is too wide: {size}"
                screenshot(f"change-{name}-{theme}-{size}")
        page.set_viewport_size(SIZES["desk"])

    sign_in_fast(ada)
    page.goto(reverse("admin:scopes_timewindow_change", args=[office.pk]))
    page.get_by_label("End", exact=True).fill("20:00")
    look("window")
    page.get_by_role("button", name="Add to a change").click()
    expect(page.get_by_text("is a change of")).to_be_visible()
    with tenant_scope(tenant.pk):
        row = ChangeSet.objects.get()
        put(ada, row, ItemKind.ROLE, OPERATOR)
        content = POLICY | {"windows": ["office-hours"], "locations": ["office"]}
        put(
            ada,
            row,
            ItemKind.POLICY,
            content | {"tests": [EVENING | {"expect": "deny"}]},
        )
        services.add_comment(
            actor=actor_for(people("anna").user),
            about=services.About(row),
            body="Why until eight? <b>Nobody</b> works then.",
            item="window:office-hours",
        )
        scopes.save_window(
            actor=Actor.command("olga"),
            spec=WindowSpec("office-hours", "Our hours", "Europe/Berlin"),
            window_id=office.pk,
        )
    page.reload()
    expect(page.get_by_text("olga changed")).to_be_visible()
    look("conflicts")
    page.get_by_role("link", name="Look at both").click()
    look("conflict")
    page.get_by_role("button", name="Keep mine on top of theirs").click()
    expect(page.get_by_text("The conflict is settled.")).to_be_visible()
    page.get_by_label("Reason").fill("Deploys move to the evening.")
    page.get_by_role("button", name="Save the words").click()
    look("set")
    page.get_by_role("link", name="Edit", exact=True).last.click()
    expect(page.get_by_text("Night operator").first).to_be_visible()
    page.get_by_role("button", name="Add to a change").click()
    expect(page.get_by_text("is a change of")).to_be_visible()
    page.get_by_role("button", name="Propose 3 changes").click()
    expect(page.get_by_text("“an operator in the evening” expects deny")).to_have_count(
        2
    )
    look("failing")
    with tenant_scope(tenant.pk):
        put(ada, row, ItemKind.POLICY, content | {"tests": [EVENING]})
    page.reload()
    page.get_by_role("button", name="Propose 3 changes").click()
    expect(page.get_by_text("waits for approval.")).to_be_visible()
    with tenant_scope(tenant.pk):
        request = ApprovalRequest.objects.get()
    address = page.url
    page.goto("about:blank")
    page.context.clear_cookies()
    sign_in_fast(people("anna").user)
    page.goto(address)
    approve = page.get_by_role("button", name="Approve with passkey")
    expect(approve).to_be_disabled()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    look("waiting")
    with tenant_scope(tenant.pk):
        prove(request)
    # The page looks by itself.
    expect(approve).to_be_enabled(timeout=15_000)
    expect(page.get_by_text("1 of 1 pass")).to_be_visible()
    expect(page.get_by_role("button", name="Compute again")).to_be_visible()
    look("request")
    with tenant_scope(tenant.pk):
        people("anna").vote(request)
        assert PolicyVersion.objects.get().request_id == request.pk
        assert Role.objects.filter(slug="night-operator").exists()
        assert TimeWindow.objects.get(slug="office-hours").end_minute == 20 * 60
    page.reload()
    look("done")


def test_drafts_without_a_set_wait_for_their_evidence_too(
    page: Page,
    tenant: Tenant,
    tmp_path: Path,
    sign_in_fast: Callable[..., None],
    screenshot: Callable[[str], None],
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        draft = make_draft(people("ada", "security_admin").user)
        people("anna")
        request = make_request(people("ada").user, draft, is_proven=False)
    sign_in_fast(people("anna").user)
    page.goto(reverse("access:decide", args=[request.pk]))
    approve = page.get_by_role("button", name="Approve with passkey")
    expect(approve).to_be_disabled()
    page.get_by_label("Reason").fill("Looks right.")
    with tenant_scope(tenant.pk):
        prove(request)
    # What was written is not lost to the result.
    expect(page.get_by_text("It is there.")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Reason")).to_have_value("Looks right.")
    page.reload()
    expect(approve).to_be_enabled()
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            screenshot(f"draft-evidence-{theme}-{size}")
    with tenant_scope(tenant.pk):
        Evidence.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
        scopes.save_location(
            actor=Actor.command("olga"),
            spec=LocationSpec("x", "X", countries=("FR",)),
        )
    page.reload()
    expect(approve).to_be_disabled()
    expect(page.get_by_text("out of date")).to_be_visible()
    page.get_by_role("button", name="Compute again").click()
    expect(page.get_by_text("The evidence is being computed.")).to_be_visible()


def test_what_is_scheduled_says_when_it_becomes_effective(
    page: Page,
    tenant: Tenant,
    tmp_path: Path,
    sign_in_fast: Callable[..., None],
    screenshot: Callable[[str], None],
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        build_access()
        people("anna")
        ada = people("ada", "security_admin").user
        row = make_set(ada)
        put(ada, row, ItemKind.POLICY, CONTENT | {"name": "Later"})
        services.schedule_change_set(
            actor=actor_for(ada),
            set_id=row.pk,
            at=timezone.now() + dt.timedelta(days=2, minutes=5),
        )
        request = services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
        prove(request)
        people("anna").vote(request)
        policy = PolicyVersion.objects.get().policy
    sign_in_fast(ada)
    for name, address in {
        "request": reverse("admin:approvals_approvalrequest_change", args=[request.pk]),
        "policy": reverse("admin:policies_policy_change", args=[policy.pk]),
    }.items():
        page.goto(address)
        expect(page.locator("main time").first).to_contain_text("Europe/Berlin")
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            for size, viewport in SIZES.items():
                page.set_viewport_size(viewport)
                page.reload()
                screenshot(f"scheduled-{name}-{theme}-{size}")
