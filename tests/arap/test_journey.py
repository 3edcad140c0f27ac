"""From a denial to a permit: asked by a program, approved with a passkey."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.services import actor_for
from apps.approvals.choices import Verdict
from apps.approvals.errors import VoteForbiddenError
from apps.approvals.models import ApprovalRequest
from apps.arap.errors import URN
from apps.arap.models import AccessRequest
from apps.arap.tasks import follow
from apps.elevations import services as elevations
from apps.elevations.models import Elevation, Eligibility
from apps.nodes import services as nodes
from apps.outbox.services import drain
from apps.roles.services import revoke_assignment
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.arap.conftest import QUESTION, Answer, Pdp, Portal
from tests.factories.approvals import People
from tests.factories.clients import make_program, token_of
from tests.factories.elevations import SYSTEM
from tests.simulators.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
Approve = Callable[[str], None]


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.body["type"].removeprefix(URN)


def test_a_denial_becomes_a_permit_once_somebody_approved(
    pdp: Pdp, portal: Portal, token: str, approve: Approve
) -> None:
    denial = pdp.decide()
    assert denial["decision"] is False
    assert denial["context"]["reason"] == "approval_required"

    asked = portal.request_for(denial, token)
    assert asked.status == 202, asked.body
    task = asked.body["task"]
    assert task["status"] == "pending"
    assert asked.headers["Location"] == task["status_endpoint"]
    assert asked.headers["Retry-After"] == "2"
    assert "/admin/approvals/" in task["links"]["review"]
    assert "result" not in asked.body
    assert pdp.decide()["decision"] is False

    approve("anna")
    status = portal.ask("GET", task["status_endpoint"], token)
    assert status.status == 200
    assert status.body["task"]["status"] == "approved"
    result = status.body["result"]
    assert result["mode"] == "reevaluate"

    again = pdp.decide(context={"approval": result["approval"]})
    assert again["decision"] is False
    assert again["context"]["reason"] == "grant_pending"
    assert again["context"]["next_action"] == "retry"

    pdp.follow()
    permit = pdp.decide(context={"approval": result["approval"]})
    assert permit["decision"] is True
    assert "access_request" not in permit["context"]


def test_what_was_approved_ends_on_the_node_when_it_is_revoked(
    pdp: Pdp,
    portal: Portal,
    token: str,
    approve: Approve,
    tenant: Tenant,
    people: People,
) -> None:
    asked = portal.request_for(pdp.decide(), token)
    approve("anna")
    where = asked.body["task"]["status_endpoint"]
    approval = portal.ask("GET", where, token).body["result"]["approval"]
    pdp.follow()
    assert pdp.decide(context={"approval": approval})["decision"] is True
    with tenant_scope(tenant.pk):
        revoke_assignment(
            actor=actor_for(people("olga").user),
            assignment_id=approval["id"],
            reason="No longer needed.",
        )
    pdp.follow()
    answer = pdp.decide(context={"approval": approval})
    assert answer["decision"] is False
    # Within the second of the approval it could as well be on its way.
    assert answer["context"]["reason"] in {"approval_unverifiable", "grant_pending"}
    assert "access_request" not in answer["context"]
    ended = portal.ask("GET", where, token).body["result"]["approval"]
    assert ended["approved_until"] < approval["approved_until"]


def test_nobody_approves_for_themselves(
    pdp: Pdp, portal: Portal, token: str, approve: Approve
) -> None:
    portal.request_for(pdp.decide(), token)
    with pytest.raises(VoteForbiddenError):
        approve("mia")


def test_a_denied_request_is_denied(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant, people: People
) -> None:
    asked = portal.request_for(pdp.decide(), token)
    with tenant_scope(tenant.pk):
        request = ApprovalRequest.objects.get(state="open")
        people("anna").vote(request, Verdict.DENY, "Not today.")
    status = portal.ask("GET", asked.body["task"]["status_endpoint"], token)
    assert status.body["task"]["status"] == "denied"
    assert "result" not in status.body


def test_without_several_factors_the_requester_activates_it(
    pdp: Pdp,
    portal: Portal,
    approve: Approve,
    tenant: Tenant,
    people: People,
) -> None:
    mia = people("mia").user
    weak = token_of(tenant, mia)
    asked = portal.request_for(pdp.decide(), weak)
    approve("anna")
    where = asked.body["task"]["status_endpoint"]
    waiting = portal.ask("GET", where, weak).body["task"]
    assert waiting["status"] == "pending"
    assert waiting["progress"]["step_name"] == "activation"
    assert waiting["progress"]["awaiting"] == ["requester"]
    with tenant_scope(tenant.pk):
        elevations.activate(
            actor=actor_for(mia),
            elevation_id=Elevation.objects.get().pk,
            now=timezone.now(),
        )
    assert portal.ask("GET", where, weak).body["task"]["status"] == "approved"


def test_a_client_asks_for_a_person_who_activates_it(
    pdp: Pdp, portal: Portal, approve: Approve, tenant: Tenant
) -> None:
    program = make_program(tenant, scopes=["elevations.read", "elevations.write"])
    proof = program.assertion(aud=f"{portal.url}/oauth/token")
    granted: Any = program.ask(assertion=proof)
    token = json.loads(granted.content)["access_token"]
    asked = portal.request_for(pdp.decide(), token)
    assert asked.status == 202, asked.body
    approve("anna")
    where = asked.body["task"]["status_endpoint"]
    task = portal.ask("GET", where, token).body["task"]
    assert task["progress"]["awaiting"] == ["requester"]


def test_a_request_that_is_sent_again_is_answered_alike(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant
) -> None:
    denial = pdp.decide()
    headers = {"Idempotency-Key": "once-1"}
    first = portal.request_for(denial, token, headers=headers)
    second = portal.request_for(denial, token, headers=headers)
    assert first.body == second.body
    assert second.status == 202
    with tenant_scope(tenant.pk):
        assert AccessRequest.objects.count() == 1


def test_a_denial_is_answered_once(pdp: Pdp, portal: Portal, token: str) -> None:
    denial = pdp.decide()
    portal.request_for(denial, token)
    answer = portal.request_for(denial, token)
    assert problem(answer) == (409, "duplicate_request")


def test_the_same_is_not_asked_for_twice(pdp: Pdp, portal: Portal, token: str) -> None:
    portal.request_for(pdp.decide(), token)
    answer = portal.request_for(pdp.decide(), token)
    assert problem(answer) == (409, "duplicate_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"action": {"name": "read"}},
        {"resource": {"type": "Namespace", "id": "bank"}},
        {"subject": {"type": "User", "id": "alice"}},
        {"denial": {"binding_token": "a.b.c"}},
    ],
)
def test_a_denial_counts_for_its_own_question_only(
    pdp: Pdp, portal: Portal, token: str, changes: dict[str, Any]
) -> None:
    answer = portal.request_for(pdp.decide(), token, **changes)
    assert problem(answer) == (400, "invalid_denial_binding")


def test_a_tampered_binding_is_refused(pdp: Pdp, portal: Portal, token: str) -> None:
    denial = pdp.decide()
    told = denial["context"]["access_request"]
    head, claims, signature = told["binding_token"].split(".")
    flipped = signature[:-8] + ("A" * 8 if signature[-8:] != "A" * 8 else "B" * 8)
    answer = portal.request_for(
        denial, token, denial={"binding_token": f"{head}.{claims}.{flipped}"}
    )
    assert problem(answer) == (400, "invalid_denial_binding")


def test_a_revoked_nodes_denials_count_no_more(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant
) -> None:
    denial = pdp.decide()
    with tenant_scope(tenant.pk):
        nodes.revoke_node(actor=SYSTEM, node_id=uuid.UUID(pdp.agent.identity.node))
    answer = portal.request_for(denial, token)
    assert problem(answer) == (400, "invalid_denial_binding")


def test_what_is_no_longer_offered_cannot_be_asked_for(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant
) -> None:
    denial = pdp.decide()
    with tenant_scope(tenant.pk):
        Eligibility.objects.update(is_active=False)
    answer = portal.request_for(denial, token)
    assert problem(answer) == (400, "not_requestable")


def test_nobody_asks_for_somebody_else(
    pdp: Pdp, portal: Portal, tenant: Tenant, people: People
) -> None:
    other = token_of(tenant, people("anna").user)
    assert portal.request_for(pdp.decide(), other).status == 403


def test_others_do_not_find_the_task(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant, people: People
) -> None:
    task = portal.request_for(pdp.decide(), token).body["task"]
    other = token_of(tenant, people("anna").user)
    assert problem(portal.ask("GET", task["status_endpoint"], other)) == (
        404,
        "unknown_task",
    )
    assert portal.ask("POST", task["links"]["cancel"], other, {}).status == 404


def test_a_request_is_withdrawn_once(pdp: Pdp, portal: Portal, token: str) -> None:
    task = portal.request_for(pdp.decide(), token).body["task"]
    answer = portal.ask("POST", task["links"]["cancel"], token, {})
    assert answer.body["task"]["status"] == "cancelled"
    again = portal.ask("POST", task["links"]["cancel"], token, {})
    assert problem(again) == (409, "invalid_task_state")


def test_what_is_held_is_not_withdrawn(
    pdp: Pdp, portal: Portal, token: str, approve: Approve
) -> None:
    task = portal.request_for(pdp.decide(), token).body["task"]
    approve("anna")
    portal.ask("GET", task["status_endpoint"], token)
    answer = portal.ask("POST", task["links"]["cancel"], token, {})
    assert problem(answer) == (409, "invalid_task_state")


def test_a_token_without_the_scope_asks_for_nothing(
    pdp: Pdp, portal: Portal, token: str, tenant: Tenant, people: People
) -> None:
    del token
    weak = token_of(tenant, people("mia").user, scopes=["elevations.read"])
    assert portal.request_for(pdp.decide(), weak).status == 403


def test_while_the_draft_is_off_there_is_no_such_address(
    pdp: Pdp, portal: Portal, token: str, settings: Settings
) -> None:
    denial = pdp.decide()
    settings.PORTWARD_AUTHZEN_ACCESS_REQUEST = ""
    assert portal.request_for(denial, token).status == 404


def test_an_address_that_nobody_listed_is_not_called_back(
    pdp: Pdp, portal: Portal, token: str
) -> None:
    callback = {"endpoint": "https://pep.example/done"}
    answer = portal.request_for(pdp.decide(), token, callback=callback)
    assert answer.status == 400
    assert answer.body["field"] == "callback.endpoint"


def test_the_end_is_told_where_the_operator_lists_the_address(
    pdp: Pdp, portal: Portal, token: str, approve: Approve, settings: Settings
) -> None:
    receiver = Receiver().start()
    settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK = True
    settings.PORTWARD_ACCESS_REQUEST_CALLBACKS = [receiver.url]
    callback = {"endpoint": receiver.url, "state": "s-7", "events": ["approved"]}
    task = portal.request_for(pdp.decide(), token, callback=callback).body["task"]
    approve("anna")
    assert follow() == 1
    drain()
    receiver.stop()
    (request,) = receiver.requests
    assert json.loads(request.body) == {
        "task": {"id": task["id"], "status": "approved"},
        "state": "s-7",
    }


def test_a_question_keeps_its_answer_for_who_asks_without_a_token(
    pdp: Pdp, portal: Portal
) -> None:
    assert portal.request_for(pdp.decide(), "pwt_nobody").status == 401
    assert QUESTION["action"] == {"name": "deploy"}
