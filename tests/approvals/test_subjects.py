"""Requests about an elevation or an assignment instead of drafts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from unittest.mock import MagicMock

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.services import actor_for
from apps.approvals import rules, selectors, services
from apps.approvals.choices import RequestKind, Verdict
from apps.approvals.errors import (
    NobodyCanApproveError,
    OpenForbiddenError,
    ProposeForbiddenError,
    SubjectInAnotherRequestError,
    VoteForbiddenError,
)
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.subjects import Subject
from apps.roles import services as roles
from apps.roles.choices import Workflow
from apps.roles.errors import SeparationError
from apps.roles.models import Assignment, Principal
from apps.roles.rules import AssignmentSpec, RoleSpec, SeparationSpec
from apps.tenants.models import Tenant
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import make_user, sign_in
from tests.factories.approvals import People

pytestmark = pytest.mark.django_db
MOMENT = dt.datetime(2030, 1, 1, 12, 30, tzinfo=dt.UTC)


def elevation(beneficiary: uuid.UUID, **changed: object) -> Subject:
    subject = Subject(
        kind=RequestKind.ELEVATION,
        id=uuid.UUID(int=7),
        title="Restart the shop",
        reason="The shop hangs.",
        beneficiary_id=beneficiary,
        involved_ids=frozenset(),
        tier="operator",
        role="developer",
        scope=EntityRef("Namespace", "shop"),
        risk=40,
        blast_radius=1,
        fields={"ticket": "OPS-7"},
        document={"minutes": 30},
        expires_at=MOMENT,
    )
    return dataclasses.replace(subject, **changed)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_elevations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests be about elevations that nobody wrote down."""
    monkeypatch.setattr("apps.approvals.services.decisions.elevations", MagicMock())


@pytest.fixture
def approvers(in_tenant: Tenant, people: People) -> People:  # noqa: ARG001
    people("anna")
    people("ben")
    return people


def opened(people: People, **changed: object) -> ApprovalRequest:
    mia = people("mia", "member").user
    return services.open_subject_request(
        actor=actor_for(mia), subject=elevation(mia.pk, **changed)
    )


def test_the_digest_covers_everything_that_is_asked_for(approvers: People) -> None:
    request = opened(approvers)
    mia = approvers("mia").user
    assert request.digest == rules.request_digest(request.document)
    assert rules.parse_subject(request.document) == elevation(mia.pk)
    assert (request.subject_id, request.expires_at) == (uuid.UUID(int=7), MOMENT)


def test_who_gains_does_not_decide(in_tenant: Tenant, people: People) -> None:  # noqa: ARG001
    people("anna")
    gains, asks = people("gerd", "approver").user, people("olga", "security_admin").user
    request = services.open_subject_request(
        actor=actor_for(asks), subject=elevation(gains.pk)
    )
    with pytest.raises(VoteForbiddenError, match="gain"):
        people("gerd").vote(request)


def test_who_is_behind_it_does_not_decide(approvers: People) -> None:
    lends = approvers("lena", "approver").user
    request = opened(approvers, involved_ids=frozenset({lends.pk}))
    with pytest.raises(VoteForbiddenError, match="behind"):
        approvers("lena").vote(request)


def test_what_nobody_could_approve_is_refused_with_the_reason(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    gains = people("gerd", "approver").user
    with pytest.raises(NobodyCanApproveError, match="needs 1 approval, and nobody"):
        services.open_subject_request(
            actor=actor_for(gains), subject=elevation(gains.pk)
        )
    assert not ApprovalRequest.objects.exists()


def test_an_approver_without_a_passkey_could_not_approve(
    tenant: Tenant,
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    make_user("nokey", ["approver"], tenant=tenant)
    with pytest.raises(NobodyCanApproveError):
        opened(people)


def test_a_preview_names_who_will_be_asked(approvers: People) -> None:
    mia = approvers("mia", "member").user
    found = selectors.preview_subject(elevation(mia.pk), opener_id=mia.pk)
    assert found.problem == ""
    assert [stage.names for stage in found.stages] == [("Anna", "Ben")]


def test_a_subject_is_in_one_open_request_at_a_time(approvers: People) -> None:
    opened(approvers)
    with pytest.raises(SubjectInAnotherRequestError):
        opened(approvers)


def test_who_is_no_member_asks_for_nothing(approvers: People) -> None:
    stranger = make_user("stranger", [])
    with pytest.raises(OpenForbiddenError):
        services.open_subject_request(
            actor=actor_for(stranger), subject=elevation(approvers("anna").user.pk)
        )


@pytest.mark.parametrize(
    "changed", [{"subject_id": uuid.UUID(int=8)}, {"expires_at": None}]
)
def test_what_is_asked_for_stays(approvers: People, changed: dict[str, object]) -> None:
    request = opened(approvers)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request.pk).update(**changed)


def test_an_elevation_shows_what_it_asks_for(approvers: People) -> None:
    request = opened(approvers)
    anna = approvers("anna")
    client = Client()
    sign_in(client, anna.user, anna.passkey)
    page = reverse("admin:approvals_approvalrequest_change", args=[request.pk])
    text = client.get(page).text
    for part in ("developer", "Operator", "OPS-7", "40 of 100", "Mia", "shop"):
        assert part in text
    assert "Approve with passkey" in text


SPEC = AssignmentSpec(
    EntityRef("User", "alice"), "developer", reason="She joined the team."
)


@pytest.fixture
def access(approvers: People) -> People:
    build_access()
    Principal.objects.get_or_create(
        type="User", key="alice", defaults={"tenant_id": approvers.tenant.pk}
    )
    Assignment.objects.filter(principal__key="alice").delete()
    return approvers


def asked(people: People) -> ApprovalRequest:
    olga = people("olga", "security_admin").user
    return services.request_assignment(actor=actor_for(olga), spec=SPEC)


def test_an_approved_assignment_names_its_request(access: People) -> None:
    request = asked(access)
    assert not Assignment.objects.filter(principal__key="alice").exists()
    access("anna").vote(request)
    row = Assignment.objects.get(principal__key="alice")
    assert (row.workflow, row.workflow_id) == (Workflow.REQUEST, request.pk)
    assert (row.role.slug, row.reason) == ("developer", SPEC.reason)


def test_a_denied_assignment_is_not_made(access: People) -> None:
    access("anna").vote(asked(access), Verdict.DENY, "No.")
    assert not Assignment.objects.filter(principal__key="alice").exists()


def test_only_a_security_admin_asks_for_an_assignment(access: People) -> None:
    with pytest.raises(ProposeForbiddenError):
        services.request_assignment(
            actor=actor_for(access("mia", "member").user), spec=SPEC
        )


def test_a_role_kept_apart_from_what_is_held_is_refused_before_anybody_is_asked(
    access: People,
) -> None:
    roles.save_role(actor=SYSTEM, spec=RoleSpec("payer", "Payer", "operator"))
    roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(SPEC.principal, "payer"))
    roles.save_separation(
        actor=SYSTEM,
        spec=SeparationSpec("apart", "Apart", "static", ("developer", "payer")),
        owner=SPEC.principal,
    )

    with pytest.raises(SeparationError, match="apart"):
        asked(access)

    assert not ApprovalRequest.objects.exists()
