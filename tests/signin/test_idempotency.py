"""A REST change with an Idempotency-Key happens once, however often it is sent."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import IdempotentAnswer
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.factories.clients import token_of
from tests.signin.conftest import Visitor
from tests.signin.test_api import BODY, FREEZES, Program, carol, confirmed, freezes

__all__ = ["carol", "program"]
pytestmark = pytest.mark.django_db
KEY = "5f0c2a3e-once"


@pytest.fixture
def program(tenant: Tenant, alice: Visitor) -> Program:
    return Program(token_of(tenant, alice.user))


def send(program: Program, proof: str, key: str = KEY, body: str = BODY) -> Any:
    return program.client.post(
        FREEZES,
        body,
        content_type="application/json",
        headers={"Operation-Token": proof, "Idempotency-Key": key},
    )


@pytest.mark.usefixtures("carol")
def test_the_same_request_is_answered_again_and_done_once(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    proof = confirmed(program, alice)
    first, again = send(program, proof), send(program, proof)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert freezes(tenant) == 1


@pytest.mark.usefixtures("carol")
def test_a_key_serves_no_other_request(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    proof = confirmed(program, alice)
    send(program, proof)
    answer = send(program, proof, body=BODY.replace("2", "3"))
    assert answer.status_code == 422
    assert answer.json()["code"] == "api.idempotency_key_reused"
    assert freezes(tenant) == 1


@pytest.mark.usefixtures("carol")
def test_what_was_refused_may_be_sent_again_with_its_key(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    assert send(program, "pwo_wrong").status_code in {401, 403, 404, 409}
    assert send(program, confirmed(program, alice)).status_code == 201
    assert freezes(tenant) == 1


@pytest.mark.usefixtures("carol")
def test_a_key_of_one_token_is_not_one_of_another(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    send(program, confirmed(program, alice))
    other = Program(token_of(tenant, alice.user))
    answer = send(other, confirmed(other, alice))
    assert "Idempotent-Replayed" not in answer


@pytest.mark.parametrize("key", ["", "x" * 256, "snow☃"], ids=["none", "long", "wide"])
@pytest.mark.usefixtures("carol")
def test_a_malformed_key_is_refused_before_anything_happens(
    program: Program, alice: Visitor, tenant: Tenant, key: str
) -> None:
    answer = send(program, confirmed(program, alice), key=key)
    assert answer.status_code == 400
    assert answer.json()["code"] == "api.idempotency_key_invalid"
    assert freezes(tenant) == 0


@pytest.mark.usefixtures("carol")
def test_after_a_day_a_key_is_forgotten(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    send(program, confirmed(program, alice))
    with tenant_scope(tenant.pk):
        IdempotentAnswer.objects.update(
            created_at=timezone.now() - dt.timedelta(days=2)
        )
    answer = send(program, confirmed(program, alice))
    assert "Idempotent-Replayed" not in answer


def test_answers_that_hold_secrets_are_not_kept(
    program: Program, alice: Visitor, tenant: Tenant, make_user: MakeUser
) -> None:
    make_user("carol", ["approver"])
    program.client.defaults["HTTP_IDEMPOTENCY_KEY"] = KEY
    confirmed(program, alice)
    with tenant_scope(tenant.pk):
        assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("carol")
def test_two_at_the_same_instant_are_done_once(
    program: Program, alice: Visitor, tenant: Tenant
) -> None:
    proof = confirmed(program, alice)
    start, answers = threading.Barrier(2), []

    def one() -> None:
        start.wait(timeout=10)
        answers.append(send(program, proof))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert freezes(tenant) == 1
