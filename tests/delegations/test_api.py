"""Delegations and absences over REST: each act is bound to its person's passkey."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.delegations.models import ApproverAbsence, Delegation
from apps.signin.rules.operations import Operation
from apps.tenants.models import Tenant
from tests.delegations.conftest import offer
from tests.factories.clients import token_of
from tests.roles.test_api import change
from tests.signin.conftest import MakeVisitor, Visitor, visitor_for
from tests.signin.test_api import Program

__all__ = ["visitor_for"]
LOANS = "/api/v1/delegations"
ABSENCES = "/api/v1/absences"
SCOPES = ["delegations.read", "delegations.write", "operations.confirm"]


class Caller:
    """A person with a token and a passkey."""

    def __init__(self, tenant: Tenant, person: Visitor) -> None:
        self.person = person
        self.program = Program(token_of(tenant, person.user, scopes=SCOPES))

    def post(
        self, path: str, body: dict[str, Any], operation: Operation = Operation.LEND
    ) -> Any:
        return change(
            self.program, self.person, ("POST", path), body, operation=operation
        )


@pytest.fixture
def caller(in_tenant: Tenant, visitor_for: MakeVisitor) -> Any:
    return lambda user: Caller(in_tenant, visitor_for(user))


def wanted(delegate: User, **more: object) -> dict[str, Any]:
    end = timezone.now() + dt.timedelta(hours=2)
    return {
        "delegate": delegate.username,
        "role": "developer",
        "end": end.isoformat(),
        "reason": "On holiday.",
        **more,
    }


def test_what_is_offered_over_rest_is_accepted_and_revoked(
    caller: Any, alice: User, ben: User
) -> None:
    lender, borrower = caller(alice), caller(ben)
    made = lender.post(LOANS, wanted(ben))
    assert made.status_code == 201, made.content
    one = f"{LOANS}/{made.json()['id']}"
    taken = borrower.post(f"{one}/accept", {})
    assert (taken.status_code, taken.json()["state"]) == (200, "accepted")
    ended = lender.post(f"{one}/revoke", {"reason": "Back."}, Operation.END_LOAN)
    assert ended.status_code == 200
    assert [row["state"] for row in ended.json()] == ["revoked"]


def test_an_offer_is_declined_by_whom_it_is_for_only(
    caller: Any, alice: User, ben: User
) -> None:
    one = f"{LOANS}/{offer(alice, ben).pk}"
    own = caller(alice).post(f"{one}/decline", {}, Operation.END_LOAN)
    assert own.status_code in {403, 404}
    assert Delegation.objects.get().answered_at is None
    said = caller(ben).post(f"{one}/decline", {}, Operation.END_LOAN)
    assert (said.status_code, said.json()["state"]) == (200, "declined")


def test_nobody_lends_over_rest_what_they_do_not_hold(
    caller: Any, alice: User, ben: User
) -> None:
    answer = caller(alice).post(LOANS, wanted(ben, role="admin"))
    assert answer.status_code in {400, 403}
    assert not Delegation.objects.exists()


@pytest.mark.parametrize("act", ["", "/accept", "/decline", "/revoke"])
def test_without_a_passkey_nothing_is_lent_or_ended(
    caller: Any, alice: User, ben: User, act: str
) -> None:
    row = offer(alice, ben)
    path = f"{LOANS}/{row.pk}{act}" if act else LOANS
    answer = caller(ben).program.send("POST", path, json.dumps(wanted(ben)))
    assert answer.status_code == 401
    assert Delegation.objects.get().answered_at is None


def test_an_unknown_stand_in_is_named(caller: Any, alice: User) -> None:
    end = (timezone.now() + dt.timedelta(hours=2)).isoformat()
    body = {"stand_in": "nobody", "end": end, "reason": "Away."}
    answer = caller(alice).post(ABSENCES, body)
    assert answer.status_code == 400
    assert "There is no such member" in answer.content.decode()
    assert not ApproverAbsence.objects.exists()
