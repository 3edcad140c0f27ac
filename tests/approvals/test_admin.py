"""The pages of requests show what matters and let services decide."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.approvals import selectors
from apps.approvals.choices import RequestState, Verdict
from apps.approvals.models import ApprovalRequest, Vote
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import make_user, register_passkey, sign_in
from tests.factories.approvals import (
    People,
    Person,
    edit_draft,
    make_draft,
    make_request,
)
from tests.simulators.authenticator import SimulatedAuthenticator

pytestmark = pytest.mark.django_db


def client_of(person: Person) -> Client:
    client = Client()
    sign_in(client, person.user, person.passkey)
    return client


def page(request: ApprovalRequest) -> str:
    return reverse("admin:approvals_approvalrequest_change", args=[request.pk])


def post(client: Client, name: str, request: ApprovalRequest, **body: Any) -> Any:
    return client.post(
        reverse(f"admin:{name}", args=[request.pk]),
        json.dumps(body),
        content_type="application/json",
    )


def vote(
    person: Person, request: ApprovalRequest, verdict: str = "approve", reason: str = ""
) -> Any:
    """Walk the ceremony as vote.js does."""
    client = client_of(person)
    words = {"verdict": verdict, "reason": reason}
    options = post(client, "approvals_vote_options", request, **words)
    if options.status_code != 200:
        return options
    ceremony = options.json()
    return post(
        client,
        "approvals_vote",
        request,
        **words,
        ceremony=ceremony["ceremony"],
        credential=person.authenticator.get(ceremony["publicKey"]),
    )


def test_the_list_counts_requests_by_state(
    open_request: ApprovalRequest, people: People
) -> None:
    response = client_of(people("anna")).get(
        reverse("admin:approvals_approvalrequest_changelist")
    )
    assert "Open 1" in response.text
    assert open_request.title in response.text
    assert "0 of 2" in response.text


def test_the_list_says_when_there_is_nothing(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    response = client_of(people("anna")).get(
        reverse("admin:approvals_approvalrequest_changelist")
    )
    assert "No request here" in response.text


def test_the_number_of_queries_does_not_grow_with_the_list(
    open_request: ApprovalRequest,  # noqa: ARG001
    people: People,
    django_assert_max_num_queries: Any,
) -> None:
    olga, ada = people("olga").user, people("ada").user
    for number in range(8):
        make_request(olga, make_draft(ada, f"Rule {number}"))
    client = client_of(people("anna"))
    with django_assert_max_num_queries(60):
        client.get(reverse("admin:approvals_approvalrequest_changelist"))


def test_the_number_of_queries_does_not_grow_with_the_request(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    django_assert_max_num_queries: Any,
) -> None:
    ada, olga = people("ada", "security_admin").user, people("olga", "security_admin")
    people("anna")
    drafts = [make_draft(ada, f"Rule {number}") for number in range(12)]
    request = make_request(olga.user, *drafts)
    client = client_of(people("anna"))
    with django_assert_max_num_queries(60):
        assert "Rule 11" in client.get(page(request)).text


def test_an_approver_sees_what_changes_and_how_to_vote(
    open_request: ApprovalRequest, people: People
) -> None:
    response = client_of(people("anna")).get(page(open_request))
    assert open_request.digest in response.text
    assert "Approve with passkey" in response.text
    assert "new policy" in response.text


@pytest.mark.parametrize("name", ["olga", "ada"])
def test_a_person_behind_the_change_sees_why_they_cannot_vote(
    open_request: ApprovalRequest, people: People, name: str
) -> None:
    response = client_of(people(name)).get(page(open_request))
    assert "another person must decide" in response.text
    assert "Approve with passkey" not in response.text


def test_an_outdated_request_offers_no_vote(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    edit_draft(draft_id, people("ada").user)
    response = client_of(people("anna")).get(page(open_request))
    assert "This request is out of date" in response.text
    assert "Approve with passkey" not in response.text


def test_votes_are_listed_with_their_proof_and_demo_votes_marked(
    open_request: ApprovalRequest, people: People
) -> None:
    anna = people("anna")
    anna.user.is_demo = True
    anna.user.save()
    anna.vote(open_request)
    response = client_of(people("ben")).get(page(open_request))
    assert "Signature verified" in response.text
    assert "demo</span>" in response.text


def test_no_page_carries_inline_code(
    open_request: ApprovalRequest, people: People
) -> None:
    text = client_of(people("anna")).get(page(open_request)).text
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_the_ceremony_records_a_vote_and_says_where_to_go(
    open_request: ApprovalRequest, people: People
) -> None:
    response = vote(people("anna"), open_request)
    assert (response.status_code, response.json()) == (
        200,
        {"next": page(open_request)},
    )
    assert Vote.objects.get().user_id == people("anna").user.pk


def test_the_quorum_is_reached_through_the_pages(
    open_request: ApprovalRequest, people: People
) -> None:
    vote(people("anna"), open_request)
    vote(people("ben"), open_request)
    assert selectors.request_by_id(open_request.pk).state == RequestState.APPROVED


@pytest.mark.parametrize(
    ("name", "verdict", "reason", "status", "code"),
    [
        ("anna", "deny", "", 400, "approvals.request_invalid"),
        ("anna", "perhaps", "", 400, "approvals.request_invalid"),
        ("olga", "approve", "", 403, "approvals.vote_forbidden"),
    ],
)
def test_a_refusal_says_why(
    open_request: ApprovalRequest,
    people: People,
    name: str,
    verdict: str,
    reason: str,
    status: int,
    code: str,
) -> None:
    response = vote(people(name), open_request, verdict, reason)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_second_vote_is_a_conflict(
    open_request: ApprovalRequest, people: People
) -> None:
    vote(people("anna"), open_request)
    response = vote(people("anna"), open_request)
    assert (response.status_code, response.json()["code"]) == (
        409,
        "approvals.already_voted",
    )


@pytest.mark.parametrize(
    "body", [{}, {"ceremony": "x"}, {"ceremony": str(uuid.uuid4()), "credential": 1}]
)
def test_an_incomplete_answer_is_refused(
    open_request: ApprovalRequest, people: People, body: dict[str, Any]
) -> None:
    response = post(
        client_of(people("anna")),
        "approvals_vote",
        open_request,
        verdict="approve",
        **body,
    )
    assert response.status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(
    open_request: ApprovalRequest, people: People, body: bytes
) -> None:
    url = reverse("admin:approvals_vote", args=[open_request.pk])
    response = client_of(people("anna")).post(
        url, body, content_type="application/json"
    )
    assert response.status_code == 400


def test_a_vote_is_a_post(open_request: ApprovalRequest, people: People) -> None:
    url = reverse("admin:approvals_vote", args=[open_request.pk])
    assert client_of(people("anna")).get(url).status_code == 405


def propose(client: Client, *draft_ids: uuid.UUID, **data: str) -> Any:
    ids = ",".join(str(draft_id) for draft_id in draft_ids)
    return client.post(f"{reverse('admin:approvals_propose')}?drafts={ids}", data)


def test_drafts_are_proposed_with_a_title_and_a_reason(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> None:
    client = client_of(people("olga", "security_admin"))
    response = propose(client, draft_id, title="Open", reason="Why not")
    request = ApprovalRequest.objects.get()
    assert (response.status_code, response["Location"]) == (302, page(request))


def test_the_propose_page_shows_what_changes(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> None:
    client = client_of(people("olga", "security_admin"))
    response = client.get(f"{reverse('admin:approvals_propose')}?draft={draft_id}")
    assert "Office hours" in response.text
    assert "Ask for approval" in response.text


def test_a_draft_under_review_is_not_proposed_again(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    response = propose(
        client_of(people("olga")), draft_id, title="Again", reason="Why not"
    )
    assert response.status_code == 200
    assert f"under review in “{open_request.title}”" in response.text


@pytest.mark.parametrize("name", ["anna", "tom"])
def test_who_is_no_security_admin_proposes_nothing(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
    name: str,
) -> None:
    people("tom", "auditor")
    response = propose(client_of(people(name)), draft_id, title="x", reason="y")
    assert response.status_code == 403
    assert not ApprovalRequest.objects.exists()


def test_an_id_that_is_none_is_not_found(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    client = client_of(people("olga", "security_admin"))
    response = client.get(f"{reverse('admin:approvals_propose')}?drafts=nothing")
    assert response.status_code == 404


def test_an_address_that_names_no_request_is_not_found(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    url = reverse("admin:approvals_approvalrequest_change", args=["nothing"])
    assert client_of(people("anna")).get(url).status_code == 404


def test_cancelling_asks_first_and_then_does_it(
    open_request: ApprovalRequest, people: People
) -> None:
    client = client_of(people("olga"))
    url = reverse("admin:approvals_cancel", args=[open_request.pk])
    assert "Yes, cancel" in client.get(url).text
    assert selectors.request_by_id(open_request.pk).is_open
    client.post(url, {"reason": "Not needed"})
    assert selectors.request_by_id(open_request.pk).state == RequestState.CANCELLED


def test_who_may_not_cancel_is_turned_away(
    open_request: ApprovalRequest, people: People
) -> None:
    client = client_of(people("anna"))
    url = reverse("admin:approvals_cancel", args=[open_request.pk])
    assert client.get(url).status_code == 403
    assert client.post(url, {"reason": ""}).status_code == 403
    assert selectors.request_by_id(open_request.pk).is_open


NAMES = [
    "approvals_approvalrequest_change",
    "approvals_cancel",
    "approvals_vote",
    "approvals_vote_options",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_another_tenant_finds_nothing(
    open_request: ApprovalRequest,
    other_tenant: Tenant,
    software_authenticator: SimulatedAuthenticator,
    name: str,
) -> None:
    user = make_user("mallory", ["security_admin", "approver"], tenant=other_tenant)
    passkey = register_passkey(user, software_authenticator)
    client = client_of(Person(user, software_authenticator, passkey))
    url = reverse(f"admin:{name}", args=[open_request.pk])
    body = json.dumps({"verdict": Verdict.APPROVE})
    answers = [client.get(url), client.post(url, body, content_type="application/json")]
    assert {answer.status_code for answer in answers} <= {302, 404, 405}
    assert 404 in {answer.status_code for answer in answers}
    with tenant_scope(open_request.tenant_id):
        assert not Vote.objects.exists()
