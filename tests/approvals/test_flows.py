"""Which flow a request passes, who its approvers are, and what time does to it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from unittest.mock import MagicMock

import pytest
import time_machine
from django.utils import timezone

from apps.accounts.services import actor_for, grant_membership
from apps.approvals import rules, selectors, services
from apps.approvals.choices import RequestKind, RequestState
from apps.approvals.errors import (
    AlreadyVotedError,
    FlowForbiddenError,
    FlowInvalidError,
    FlowNameTakenError,
    NobodyCanApproveError,
    RequestCancelledError,
    RequestExpiredError,
    VoteForbiddenError,
)
from apps.approvals.models import ApprovalFlow, ApprovalRequest
from apps.approvals.rules.subjects import Subject
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.delegations import selectors as delegations
from apps.notifications.models import Notification
from apps.roles.models import Principal, PrincipalGroup, PrincipalGroupMember
from apps.tenants.models import Tenant
from tests.factories.approvals import People, edit_draft

pytestmark = pytest.mark.django_db
SYSTEM = Actor.command("tests")
APPROVERS = {"type": "tenant_role", "id": "approver"}


def stage(name: str = "Review", **changed: Any) -> dict[str, Any]:
    plain = {
        "name": name,
        "approvers": [APPROVERS],
        "quorum": 1,
        "deny_threshold": 1,
        "deadline_minutes": None,
        "conditions": [],
        "hours": "",
        "escalation": None,
    }
    return plain | changed


def flow(*stages: dict[str, Any], name: str = "Flow", **changed: Any) -> ApprovalFlow:
    plain = {
        "v": 2,
        "name": name,
        "kind": "elevation",
        "order": 100,
        "is_active": True,
        "match": {"tiers": [], "min_risk": 0, "min_blast_radius": 0, "roles": []},
        "stages": list(stages) or [stage()],
    }
    spec = rules.parse_spec(plain | changed)
    return services.save_flow(actor=SYSTEM, flow_id=None, spec=spec)


@pytest.fixture(autouse=True)
def no_elevations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests be about elevations that nobody wrote down."""
    monkeypatch.setattr("apps.approvals.services.decisions.elevations", MagicMock())


@pytest.fixture
def staff(in_tenant: Tenant, people: People) -> People:  # noqa: ARG001
    for name in ("anna", "ben", "cara"):
        people(name)
    people("mia", "member")
    return people


def subject(people: People, **changed: Any) -> Subject:
    plain: dict[str, Any] = {
        "kind": RequestKind.ELEVATION,
        "id": uuid.uuid4(),
        "title": "Restart the shop",
        "reason": "The shop hangs.",
        "beneficiary_id": people("mia").user.pk,
        "involved_ids": frozenset(),
        "tier": "operator",
        "role": "developer",
        "scope": None,
        "risk": 40,
    }
    return Subject(**(plain | changed))


def ask(people: People, **changed: Any) -> ApprovalRequest:
    mia = people("mia").user
    return services.open_subject_request(
        actor=actor_for(mia), subject=subject(people, **changed)
    )


def now_of(request: ApprovalRequest) -> ApprovalRequest:
    return selectors.request_by_id(request.pk)


def put_in_group(people: People, slug: str, *names: str) -> None:
    group = PrincipalGroup.objects.create(
        tenant_id=people.tenant.pk, slug=slug, name=slug
    )
    for name in names:
        principal = Principal.objects.create(
            tenant_id=people.tenant.pk, type="User", key=name, user=people(name).user
        )
        PrincipalGroupMember.objects.create(
            tenant_id=people.tenant.pk, group=group, principal=principal
        )


def test_the_first_flow_that_fits_is_chosen(staff: People) -> None:
    match = {"min_risk": 0, "min_blast_radius": 0, "roles": []}
    flow(name="Last", order=300)
    flow(name="Admins", order=10, match=match | {"tiers": ["admin"]})
    flow(name="Off", order=5, is_active=False)
    flow(name="Risky", order=20, match=match | {"tiers": [], "min_risk": 70})

    def chosen(**changed: Any) -> str:
        return selectors.preview_subject(subject(staff, **changed)).flow.name

    assert chosen() == "Last"
    assert chosen(tier="admin") == "Admins"
    assert chosen(risk=90) == "Risky"


def test_without_a_flow_one_approver_decides(staff: People) -> None:
    request = ask(staff)
    staff("anna").vote(request)
    assert now_of(request).state == RequestState.APPROVED


def test_each_stage_has_its_own_approvers(staff: People) -> None:
    put_in_group(staff, "platform", "ben")
    group = [{"type": "group", "id": "platform"}]
    flow(stage("First"), stage("Second", approvers=group))
    request = ask(staff)
    staff("anna").vote(request)
    assert (now_of(request).state, now_of(request).stage) == (RequestState.OPEN, 1)
    with pytest.raises(VoteForbiddenError):
        staff("cara").vote(request)
    staff("ben").vote(request)
    assert now_of(request).state == RequestState.APPROVED


def test_nobody_passes_two_stages(staff: People) -> None:
    flow(stage("First"), stage("Second"))
    request = ask(staff)
    staff("anna").vote(request)
    with pytest.raises(AlreadyVotedError):
        staff("anna").vote(request)


def test_the_manager_of_who_gains_is_asked(staff: People) -> None:
    tenant_id = staff.tenant.pk
    boss = Principal.objects.create(
        tenant_id=tenant_id, type="User", key="ben", user=staff("ben").user
    )
    Principal.objects.create(
        tenant_id=tenant_id,
        type="User",
        key="mia",
        user=staff("mia").user,
        manager=boss,
    )
    flow(stage(approvers=[{"type": "manager", "id": ""}]))
    found = selectors.preview_subject(subject(staff))
    assert found.stages[0].names == ("Ben",)


def test_a_request_must_meet_the_conditions_of_its_flow(staff: People) -> None:
    ticket = {
        "on": "request",
        "field": "ticket",
        "op": "matches",
        "value": r"^OPS-\d+$",
    }
    flow(stage(conditions=[ticket]))
    for fields in ({}, {"ticket": "OPS-"}, {"ticket": "see OPS-7"}):
        with pytest.raises(NobodyCanApproveError, match="ticket matches"):
            ask(staff, fields=fields)
    assert ask(staff, fields={"ticket": "OPS-7"}).is_open


def test_a_condition_excludes_reviewers(staff: People) -> None:
    put_in_group(staff, "contractors", "anna")
    outside = {
        "on": "reviewer",
        "field": "groups",
        "op": "not_in",
        "value": ["contractors"],
    }
    flow(stage(conditions=[outside]))
    request = ask(staff)
    with pytest.raises(VoteForbiddenError, match="condition"):
        staff("anna").vote(request)


def test_two_stages_that_only_one_person_could_pass_are_refused(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    people("anna")
    people("mia", "member")
    flow(stage("First"), stage("Second"))
    with pytest.raises(NobodyCanApproveError, match="2 different approvers"):
        ask(people)


def test_who_is_no_approver_any_more_does_not_count(staff: People) -> None:
    flow(stage(quorum=2))
    request = ask(staff)
    staff("anna").vote(request)
    grant_membership(actor=SYSTEM, user=staff("anna").user, roles=["auditor"])
    staff("ben").vote(request)
    found = selectors.quorum_of(now_of(request))
    assert (now_of(request).state, found.approvals) == (RequestState.OPEN, 1)
    assert found.ignored == ((staff("anna").user.pk, rules.Reason.ROLE_MISSING),)
    staff("cara").vote(request)
    assert now_of(request).state == RequestState.APPROVED


def test_silence_reminds_escalates_and_expires_but_never_approves(
    staff: People,
) -> None:
    escalation = {
        "at_percent": 50,
        "approvers": [{"type": "user", "id": "olga"}],
    }
    staff("olga", "security_admin")
    flow(stage(deadline_minutes=100, escalation=escalation))
    request = ask(staff)
    start = selectors.started_at(request)

    def after(minutes: int) -> list[str]:
        Notification.objects.all().delete()
        with time_machine.travel(start + dt.timedelta(minutes=minutes), tick=False):
            for _ in range(2):
                services.tend_request(actor=SYSTEM, request_id=request.pk)
        told = Notification.objects.values_list("event", "user__username")
        return sorted({f"{event} {name}" for event, name in told})

    everybody = ["anna", "ben", "cara"]
    assert after(10) == []
    assert after(26) == [f"approval.reminder {name}" for name in everybody]
    assert after(27) == []
    assert "approval.escalated olga" in after(51)
    assert after(52) == []
    assert staff("olga").user.pk in selectors.standing_of(now_of(request)).awaited()
    assert after(101) == ["approval.decided mia"]
    assert now_of(request).state == RequestState.EXPIRED


def test_a_vote_after_the_deadline_is_refused_before_anybody_tidied(
    staff: People,
) -> None:
    flow(stage(deadline_minutes=10))
    request = ask(staff)
    late = timezone.now() + dt.timedelta(minutes=11)
    with time_machine.travel(late), pytest.raises(RequestExpiredError):
        staff("anna").vote(request)


def test_a_cancelled_request_says_so_to_a_voter(staff: People) -> None:
    request = ask(staff)
    mia = actor_for(staff("mia").user)
    services.cancel_request(actor=mia, request_id=request.pk)
    with pytest.raises(RequestCancelledError):
        staff("anna").vote(request)


def test_a_stand_in_votes_for_an_absent_approver(
    staff: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = staff("anna").user.pk, staff("ben").user.pk
    monkeypatch.setattr(
        "apps.approvals.selectors.panels.standins", lambda _: {anna: frozenset({ben})}
    )
    assert delegations.standins(timezone.now()) == {}
    flow(stage(approvers=[{"type": "user", "id": "anna"}]))
    request = ask(staff)
    vote = staff("ben").vote(request)
    assert vote.way == [str(anna)]
    assert vote.document["for"] == [{"id": str(anna), "name": "Anna"}]
    assert now_of(request).state == RequestState.APPROVED


def test_nobody_stands_in_for_a_person_behind_the_request(
    staff: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = staff("anna").user.pk, staff("ben").user.pk
    monkeypatch.setattr(
        "apps.approvals.selectors.panels.standins", lambda _: {anna: frozenset({ben})}
    )
    flow(stage(approvers=[{"type": "user", "id": "anna"}]))
    with pytest.raises(NobodyCanApproveError):
        ask(staff, involved_ids=frozenset({anna}))


def test_an_edit_voids_votes_for_good_and_says_so(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    people("anna").vote(open_request)
    edit_draft(draft_id, people("ada").user)
    for _ in range(2):
        services.tend_request(actor=SYSTEM, request_id=open_request.pk)
    assert now_of(open_request).voided_at is not None
    trail = AuditEntry.objects.filter(action="approvals.votes_voided")
    assert trail.values_list("after__votes", flat=True).get() == 1


def test_only_a_security_admin_changes_a_flow(staff: People) -> None:
    row = flow()
    for name in ("anna", "mia"):
        with pytest.raises(FlowForbiddenError):
            services.remove_flow(actor=actor_for(staff(name).user), flow_id=row.pk)


def test_two_flows_of_a_kind_have_different_names(staff: People) -> None:  # noqa: ARG001
    flow(name="One")
    with pytest.raises(FlowNameTakenError):
        flow(name="One")


def test_a_changed_flow_is_in_the_audit_trail(staff: People) -> None:  # noqa: ARG001
    row = flow(name="One")
    spec = rules.parse_spec(selectors.spec_of(row).to_dict() | {"order": 7})
    services.save_flow(actor=SYSTEM, flow_id=row.pk, spec=spec)
    trail = AuditEntry.objects.filter(action="approvals.flow_changed")
    orders = trail.values_list("before__order", "after__order")
    assert set(orders) == {(None, 100), (100, 7)}


@pytest.mark.parametrize(
    "broken",
    [
        {"quorum": 0},
        {"approvers": []},
        {"approvers": [{"type": "planet", "id": "x"}]},
        {"approvers": [{"type": "manager", "id": "x"}]},
        {"approvers": [{"type": "tenant_role", "id": "king"}]},
        {"deadline_minutes": 0},
        {"escalation": {"at_percent": 50, "approvers": [APPROVERS]}},
        {"conditions": [{"on": "moon", "field": "x", "op": "in", "value": []}]},
        {
            "conditions": [
                {"on": "request", "field": "x", "op": "matches", "value": "(?=a)"}
            ]
        },
        {"surprise": 1},
    ],
)
def test_a_stage_that_makes_no_sense_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(FlowInvalidError):
        rules.parse_stages([stage() | broken])


def test_a_flow_reads_back() -> None:
    plain = stage(
        deadline_minutes=60,
        escalation={"at_percent": 50, "approvers": [APPROVERS]},
        conditions=[
            {"on": "request", "field": "ticket", "op": "in", "value": ["a", "b"]}
        ],
        hours="office-hours",
    )
    assert [one.to_dict() for one in rules.parse_stages([plain])] == [plain]
