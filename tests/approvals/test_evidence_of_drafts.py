"""Requests for plain drafts carry evidence as sets do, and nobody approves without."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import (
    EvidenceMissingError,
    EvidenceNotNeededError,
    OpenForbiddenError,
    RequestClosedError,
    RequestOutdatedError,
)
from apps.approvals.models import ApprovalRequest
from apps.approvals.services import prove_request
from apps.audit.events import Actor
from apps.policies.models import PolicyVersion
from apps.scopes import services as scopes
from apps.scopes.rules import LocationSpec
from apps.simulation.models import Evidence
from tests.factories.approvals import People, edit_draft, make_draft, prove

pytestmark = pytest.mark.django_db
COMMAND = Actor.command("tests")


@pytest.fixture
def fresh(people: People, draft_id: uuid.UUID) -> ApprovalRequest:
    """Return a request as it is right after it was opened."""
    olga = people("olga", "security_admin", "approver").user
    return propose(olga, draft_id)


def propose(opener: User, *draft_ids: uuid.UUID) -> ApprovalRequest:
    return services.open_request(
        actor=actor_for(opener),
        draft_ids=draft_ids,
        title="Open the office",
        reason="Operators restart nodes by day.",
    )


def test_what_a_draft_would_do_is_asked_for_when_it_is_proposed(
    fresh: ApprovalRequest,
) -> None:
    row = Evidence.objects.get(input_digest=fresh.document["evidence"]["input"])
    assert row.input["contents"][0][0] == "office-hours"
    assert fresh.evidence_input == row.input_digest
    assert not PolicyVersion.objects.exists()


def test_nobody_approves_before_it_is_computed_and_denying_is_free(
    fresh: ApprovalRequest, people: People
) -> None:
    with pytest.raises(EvidenceMissingError, match="being computed"):
        people("anna").vote(fresh)
    people("anna").vote(fresh, Verdict.DENY, "Not now.")
    fresh.refresh_from_db()
    assert fresh.state == RequestState.DENIED


def test_an_approval_signs_the_digest_of_the_evidence_and_the_version_keeps_it(
    fresh: ApprovalRequest, people: People
) -> None:
    prove(fresh)
    vote = people("anna").vote(fresh)
    proof = selectors.proof_of_request(fresh)
    assert proof is not None
    assert vote.document["evidence"] == proof.digest
    assert PolicyVersion.objects.get().evidence_digest == proof.digest
    assert proof.document["tests"]["policies"][0]["policy"] == "office-hours"


def test_evidence_of_another_state_than_the_live_one_has_to_be_renewed(
    fresh: ApprovalRequest, people: People
) -> None:
    prove(fresh)
    Evidence.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
    assert selectors.missing_proof(fresh) == ""
    scopes.save_location(actor=COMMAND, spec=LocationSpec("x", "X", countries=("FR",)))
    with pytest.raises(EvidenceMissingError, match="older than an hour"):
        people("anna").vote(fresh)
    renewed = prove_request(actor=actor_for(people("anna").user), request_id=fresh.pk)
    assert renewed.evidence_input != fresh.document["evidence"]["input"]
    prove(renewed)
    people("anna").vote(fresh)
    fresh.refresh_from_db()
    assert fresh.state == RequestState.APPROVED


def test_the_same_drafts_are_measured_once(
    fresh: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    prove(fresh)
    olga = people("olga").user
    services.cancel_request(actor=actor_for(olga), request_id=fresh.pk)
    again = propose(olga, draft_id)
    assert again.evidence_input == fresh.evidence_input
    assert selectors.missing_proof(again) == ""


def test_a_closed_request_keeps_the_evidence_that_was_signed(
    fresh: ApprovalRequest, people: People
) -> None:
    prove(fresh)
    people("anna").vote(fresh)
    with pytest.raises(RequestClosedError):
        prove_request(actor=COMMAND, request_id=fresh.pk)


def test_evidence_of_an_edited_draft_is_not_computed_again(
    fresh: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    edit_draft(draft_id, people("ada").user)
    with pytest.raises(RequestOutdatedError):
        prove_request(actor=COMMAND, request_id=fresh.pk)


def test_only_whom_a_request_concerns_has_its_evidence_computed_again(
    fresh: ApprovalRequest, people: People
) -> None:
    mia = people("mia", "member").user
    with pytest.raises(OpenForbiddenError):
        prove_request(actor=actor_for(mia), request_id=fresh.pk)


def test_what_is_no_change_has_no_evidence(
    fresh: ApprovalRequest,
) -> None:
    other = ApprovalRequest.objects.create(
        tenant_id=fresh.tenant_id,
        kind=RequestKind.ASSIGNMENT,
        subject_id=uuid.uuid4(),
        title="A role",
        reason="-",
        flow=fresh.flow,
        document=fresh.document | {"kind": "assignment"},
        digest=fresh.digest,
        opened_by_name="tests",
    )
    with pytest.raises(EvidenceNotNeededError):
        prove_request(actor=COMMAND, request_id=other.pk)


def test_several_drafts_have_one_evidence(people: People, draft_id: uuid.UUID) -> None:
    other = make_draft(people("ada").user, "Another")
    request = propose(people("olga", "security_admin").user, draft_id, other)
    row = Evidence.objects.get(input_digest=request.evidence_input)
    assert [slug for slug, _ in row.input["contents"]] == ["another", "office-hours"]


def test_the_list_of_what_waits_says_how_far_the_evidence_is(
    fresh: ApprovalRequest,
) -> None:
    assert selectors.coming([fresh]) == {
        fresh.pk: "The evidence is being computed (0 percent)."
    }
    prove(fresh)
    assert selectors.coming([fresh]) == {}
