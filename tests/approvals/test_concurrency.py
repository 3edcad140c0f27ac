"""Votes that arrive at the same instant, each on a connection of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.accounts.errors import CeremonyError
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import AlreadyVotedError, RequestClosedError
from apps.approvals.models import ApprovalRequest, Vote
from apps.audit.events import Actor
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.approvals import (
    People,
    Person,
    frozen_by,
    make_draft,
    make_request,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def committed_request(tenant: Tenant, people: People) -> ApprovalRequest:
    """Return a request that other connections see; it needs two approvals."""
    with tenant_scope(tenant.pk):
        services.set_flow(
            actor=Actor.command("tests"), kind=RequestKind.CHANGE, quorum=2
        )
        for name in ("anna", "ben", "cara"):
            people(name)
        draft_id = make_draft(people("ada", "security_admin").user)
        return make_request(people("olga", "security_admin").user, draft_id)


def send(
    request: ApprovalRequest, person: Person, signed: tuple[uuid.UUID, dict[str, Any]]
) -> None:
    with tenant_scope(request.tenant_id):
        services.record_vote(
            actor=actor_for(person.user),
            voter=person.user,
            request_id=request.pk,
            verdict=Verdict.APPROVE,
            reason="",
            ceremony_id=signed[0],
            credential=signed[1],
        )


def at_once(*acts: Callable[[], None]) -> list[BaseException]:
    """Run acts in threads that start together; return what they raised."""
    barrier = threading.Barrier(len(acts))
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            barrier.wait(timeout=10)
            act()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return failures


def state(request: ApprovalRequest) -> tuple[str, int, int]:
    """Return the request's state, its votes, and the versions it froze."""
    with tenant_scope(request.tenant_id):
        found = selectors.request_by_id(request.pk)
        return found.state, Vote.objects.count(), frozen_by(found)


@pytest.mark.parametrize("round_", range(3))
def test_two_approvers_at_the_same_instant_freeze_each_version_once(
    committed_request: ApprovalRequest, people: People, round_: int
) -> None:
    assert round_ >= 0
    pair = [people("anna"), people("ben")]
    with tenant_scope(committed_request.tenant_id):
        signed = [person.sign(committed_request) for person in pair]
    failures = at_once(
        *(
            lambda p=p, s=s: send(committed_request, p, s)
            for p, s in zip(pair, signed, strict=True)
        )
    )
    assert failures == []
    assert state(committed_request) == (RequestState.APPROVED, 2, 1)


def test_a_third_approver_at_the_same_instant_finds_the_request_closed(
    committed_request: ApprovalRequest, people: People
) -> None:
    three = [people("anna"), people("ben"), people("cara")]
    with tenant_scope(committed_request.tenant_id):
        signed = [person.sign(committed_request) for person in three]
    failures = at_once(
        *(
            lambda p=p, s=s: send(committed_request, p, s)
            for p, s in zip(three, signed, strict=True)
        )
    )
    assert [type(error) for error in failures] == [RequestClosedError]
    assert state(committed_request) == (RequestState.APPROVED, 2, 1)


def test_the_same_approver_twice_at_the_same_instant_has_one_vote(
    committed_request: ApprovalRequest, people: People
) -> None:
    anna = people("anna")
    with tenant_scope(committed_request.tenant_id):
        signed = [anna.sign(committed_request), anna.sign(committed_request)]
    failures = at_once(*(lambda s=s: send(committed_request, anna, s) for s in signed))
    assert [type(error) for error in failures] == [AlreadyVotedError]
    assert state(committed_request) == (RequestState.OPEN, 1, 0)


def test_one_assertion_sent_twice_at_the_same_instant_counts_once(
    committed_request: ApprovalRequest, people: People
) -> None:
    anna = people("anna")
    with tenant_scope(committed_request.tenant_id):
        signed = anna.sign(committed_request)
    failures = at_once(
        lambda: send(committed_request, anna, signed),
        lambda: send(committed_request, anna, signed),
    )
    assert len(failures) == 1
    assert isinstance(failures[0], AlreadyVotedError | CeremonyError)
    assert state(committed_request) == (RequestState.OPEN, 1, 0)
