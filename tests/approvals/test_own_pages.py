"""Whoever a flow names decides in the browser, whether they see the console or not."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.notifications.models import Notification
from apps.scopes import services as scopes
from apps.scopes.rules import LocationSpec
from apps.simulation.models import Evidence
from tests.approvals.test_flows import flow, stage
from tests.factories.accounts import SignedInClient
from tests.factories.approvals import People, Person, make_draft, make_request

LIST = reverse("access:requests")
pytestmark = pytest.mark.django_db


@pytest.fixture
def request_for_mona(people: People, draft_id: Any) -> ApprovalRequest:
    """Return a request that mona decides on, who is a member and nothing else."""
    people("mona", "member")
    people("max", "member")
    named = [{"type": "user", "id": "mona"}]
    flow(stage("Owner", approvers=named), kind="change")
    return make_request(people("olga", "security_admin", "approver").user, draft_id)


@pytest.fixture
def client_of(signed_in_client: SignedInClient, people: People) -> Any:
    return lambda name: signed_in_client(people(name).user)


def page(request: ApprovalRequest, name: str = "decide") -> str:
    return reverse(f"access:{name}", args=[request.pk])


def post(client: Client, url: str, **body: Any) -> Any:
    return client.post(url, json.dumps(body), content_type="application/json")


def vote(client: Client, person: Person, request: ApprovalRequest) -> Any:
    words = {"verdict": "approve", "reason": "ok"}
    options = post(client, page(request, "vote_options"), **words)
    if options.status_code != 200:
        return options
    told = options.json()
    return post(
        client,
        page(request, "vote"),
        **words,
        ceremony=told["ceremony"],
        credential=person.authenticator.get(told["publicKey"]),
    )


def test_a_member_whom_a_flow_names_finds_the_request_and_decides(
    client_of: Any, people: People, request_for_mona: ApprovalRequest
) -> None:
    mona = client_of("mona")

    assert page(request_for_mona) in mona.get(LIST).text
    shown = mona.get(page(request_for_mona)).text
    assert "Approve with passkey" in shown
    assert request_for_mona.reason in shown
    answer = vote(mona, people("mona"), request_for_mona)

    assert answer.json() == {"next": page(request_for_mona)}
    request_for_mona.refresh_from_db()
    assert request_for_mona.state == "approved"
    assert "Nothing waits for you" in mona.get(LIST).text
    assert mona.get(page(request_for_mona)).status_code == 200, "as who voted"


def test_the_notification_leads_a_member_to_their_own_page(
    people: People, request_for_mona: ApprovalRequest
) -> None:
    told = Notification.objects.filter(user=people("mona").user)

    assert [row.path for row in told] == [page(request_for_mona)]


def test_the_notification_leads_a_console_user_to_the_console(
    people: People, open_request: ApprovalRequest
) -> None:
    told = Notification.objects.filter(user=people("anna").user)

    assert [row.path for row in told] == [
        reverse("admin:approvals_approvalrequest_change", args=[open_request.pk])
    ]


def test_a_member_sees_how_far_the_evidence_is_and_has_it_computed_again(
    client_of: Any, request_for_mona: ApprovalRequest
) -> None:
    mona = client_of("mona")
    assert 'data-over="true"' in mona.get(page(request_for_mona, "progress")).text
    assert "All of the evidence" not in mona.get(page(request_for_mona)).text
    scopes.save_location(
        actor=Actor.command("tests"), spec=LocationSpec("x", "X", countries=("FR",))
    )
    Evidence.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
    assert "out of date" in mona.get(page(request_for_mona)).text
    answer = mona.post(page(request_for_mona, "prove"), follow=True)
    assert "The evidence is being computed." in answer.text
    assert "Waiting for a worker" in mona.get(page(request_for_mona, "progress")).text
    assert "computed (0 percent)" in mona.get(LIST).text


@pytest.mark.parametrize("name", ["decide", "vote_options", "vote", "prove"])
def test_whom_no_stage_names_finds_nothing(
    client_of: Any, request_for_mona: ApprovalRequest, name: str
) -> None:
    max_ = client_of("max")
    url = page(request_for_mona, name)

    answer = max_.get(url) if name == "decide" else post(max_, url, verdict="approve")

    assert answer.status_code == 404
    assert request_for_mona.title not in max_.get(LIST).text


def test_who_asked_sees_the_request_but_no_vote(
    client_of: Any, people: People, request_for_mona: ApprovalRequest
) -> None:
    olga = client_of("olga")

    shown = olga.get(page(request_for_mona)).text

    assert "Approve with passkey" not in shown
    assert vote(olga, people("olga"), request_for_mona).status_code == 403


def test_the_queries_of_the_list_do_not_grow_with_the_requests(
    client_of: Any, people: People, request_for_mona: ApprovalRequest
) -> None:
    mona = client_of("mona")
    mona.get(LIST)
    with CaptureQueriesContext(connection) as few:
        assert request_for_mona.title in mona.get(LIST).text
    for name in ("Second", "Third"):
        make_request(people("olga").user, make_draft(people("olga").user, name))
    with CaptureQueriesContext(connection) as many:
        assert mona.get(LIST).text.count("Decide<span") == 3

    assert len(many) == len(few)
