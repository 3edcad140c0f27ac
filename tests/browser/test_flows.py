"""Pages of flows and requests as a browser shows them: wide, narrow, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from django.urls import reverse
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.services import actor_for
from apps.approvals import rules, services
from apps.approvals.choices import RequestKind
from apps.audit.events import Actor
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.access import build_access
from tests.factories.approvals import People

pytestmark = pytest.mark.browser
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
APPROVERS = {"type": "tenant_role", "id": "approver"}


def stage(name: str, quorum: int, **changed: object) -> dict[str, object]:
    return {
        "name": name,
        "approvers": [APPROVERS],
        "quorum": quorum,
        "deny_threshold": 1,
        "deadline_minutes": 240,
        "conditions": [],
        "hours": "",
        "escalation": None,
    } | changed


def test_flows_coverage_and_a_request_fit_every_screen(
    page: Page,
    tenant: Tenant,
    tmp_path: Path,
    sign_in_fast: Callable[..., None],
    screenshot: Callable[[str], None],
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        build_access()
        olga = people("olga", "security_admin").user
        for name in ("anna", "ben", "cara"):
            people(name)
        escalation = {"at_percent": 50, "approvers": [{"type": "user", "id": "olga"}]}
        stages = [stage("Team", 1), stage("Security", 1, escalation=escalation)]
        flow = services.save_flow(
            actor=Actor.command("tests"),
            flow_id=None,
            spec=rules.FlowSpec(
                "Standing roles", RequestKind.ASSIGNMENT, rules.parse_stages(stages)
            ),
        )
        request = services.request_assignment(
            actor=actor_for(olga),
            spec=AssignmentSpec(
                EntityRef("User", "alice"), "reader", reason="She joined the team."
            ),
        )
        people("anna").vote(request)
    sign_in_fast(people("ben").user)
    addresses = {
        "flows": reverse("admin:approvals_approvalflow_changelist"),
        "flow": reverse("admin:approvals_approvalflow_change", args=[flow.pk]),
        "json": reverse("admin:approvals_flow_text", args=[flow.pk]),
        "coverage": reverse("admin:approvals_coverage") + "?kind=assignment",
        "request": reverse("admin:approvals_approvalrequest_change", args=[request.pk]),
        "requests": reverse("admin:approvals_approvalrequest_changelist"),
    }
    for name, address in addresses.items():
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.goto(address)
                wide = page.evaluate(
                    "document.documentElement.scrollWidth - window.innerWidth"
                )
                assert wide <= 0, f"{name} is too wide on a {size}"
                screenshot(f"{name}-{size}-{theme}")
    page.set_viewport_size(SIZES["desk"])
    page.goto(addresses["request"])
    current = page.locator(".pw-steps [aria-current=step]")
    expect(current).to_contain_text("Security")
    expect(current).to_contain_text("Waiting for: Ben, Cara")
    expect(page.get_by_role("button", name="Approve with passkey")).to_be_visible()
