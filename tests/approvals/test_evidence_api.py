"""Evidence over REST: read, computed again; what is scheduled, called off."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.scopes import services as scopes
from apps.scopes.rules import LocationSpec
from apps.simulation.models import Evidence
from tests.approvals.test_api import Program
from tests.factories.approvals import People, make_request, prove
from tests.factories.changes import make_full_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh(people: People, draft_id: uuid.UUID) -> ApprovalRequest:
    """Return a request whose evidence is not computed yet."""
    return make_request(
        people("olga", "security_admin").user, draft_id, is_proven=False
    )


def test_a_program_waits_for_evidence_and_reads_it(
    fresh: ApprovalRequest, people: People
) -> None:
    anna = Program(people("anna"))
    path = f"/requests/{fresh.pk}/evidence"
    before = anna.get(path).json()
    assert "being computed" in before["missing"]
    assert before["evidence"]["state"] == "pending"
    refused = anna.vote(fresh, "approve")
    assert (refused.status_code, refused.json()["code"]) == (
        409,
        "approvals.evidence_missing",
    )
    prove(fresh)
    after = anna.get(path).json()
    assert after["missing"] == ""
    assert after["evidence"]["digest"].startswith("sha256:")
    assert after["evidence"]["document"]["tests"]["failed"] == 0
    assert anna.vote(fresh, "approve").status_code == 201


def test_a_program_has_stale_evidence_computed_again(
    fresh: ApprovalRequest, people: People
) -> None:
    prove(fresh)
    anna = Program(people("anna"))
    Evidence.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
    scopes.save_location(
        actor=Actor.command("tests"), spec=LocationSpec("x", "X", countries=("FR",))
    )
    path = f"/requests/{fresh.pk}/evidence"
    assert "older than an hour" in anna.get(path).json()["missing"]
    again = anna.send("POST", path, {})
    assert again.status_code == 202
    assert again.json()["evidence"]["state"] == "pending"
    assert again.json()["evidence"]["input"] != fresh.evidence_input


def test_a_set_has_no_evidence_before_it_is_asked_for(
    people: People, draft_id: uuid.UUID
) -> None:
    del draft_id
    ada = people("ada", "security_admin", "approver")
    row = make_full_set(ada.user)
    program = Program(ada)
    path = f"/change-sets/{row.pk}/evidence"
    assert program.get(path).json()["evidence"] is None
    assert program.send("POST", path, {}).json()["evidence"]["progress"] == 0


def test_what_is_called_off_over_rest_needs_the_passkey(
    fresh: ApprovalRequest, people: People
) -> None:
    olga = Program(people("olga"))
    path = f"/requests/{fresh.pk}/call-off"
    assert olga.send("POST", path, {"reason": "Early."}).status_code == 401
