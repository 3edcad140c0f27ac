"""What binds a request to a denial, and how requests are read."""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_django.fixtures import Settings

from apps.arap.checks import check_draft
from apps.arap.choices import DRAFT, TaskStatus
from apps.arap.errors import (
    ExpiredDenialError,
    InvalidDenialBindingError,
    RequestInvalidError,
    UnknownTaskError,
    urn_of,
)
from apps.arap.rules.binding import TYPE, Denial, verify_binding
from apps.arap.rules.requests import Question, minutes_wanted, parse_request
from apps.arap.rules.tasks import TaskFacts, may_cancel, status_of, task_answer
from apps.elevations.choices import ElevationState
from protocol.canonical import canonical_bytes
from protocol.records import EntityRef

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NODE, DENIAL, OFFER = (uuid.UUID(int=n) for n in (1, 2, 3))
AUDIENCE = "https://portal.example/access/v1/requests"
QUESTION = Question(EntityRef("User", "mia"), "deploy", EntityRef("Namespace", "shop"))
NOW = 1_800_000_000
AT = dt.datetime(2027, 1, 15, 8, tzinfo=dt.UTC)


def key_of(node: uuid.UUID) -> bytes | None:
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return public if node == NODE else None


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    key: Ed25519PrivateKey = KEY,
) -> str:
    head = {"alg": "EdDSA", "typ": TYPE, "kid": str(NODE)} | (header or {})
    said = {
        "iss": "https://pdp.example",
        "aud": AUDIENCE,
        "iat": NOW - 60,
        "exp": NOW + 540,
        "jti": str(DENIAL),
        "eligibility": str(OFFER),
        **QUESTION.to_dict(),
    } | (claims or {})
    signed = f"{b64(canonical_bytes(head))}.{b64(canonical_bytes(said))}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def verify(text: str, *, now: int = NOW) -> Denial:
    return verify_binding(text, QUESTION, audience=AUDIENCE, now=now, key_of=key_of)


def test_a_binding_names_denial_node_and_offer() -> None:
    assert verify(token()) == Denial(DENIAL, NODE, OFFER)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example/access/v1/requests"},
        {"iss": None},
        {"action": {"name": "read"}},
        {"subject": {"type": "User", "id": "mia", "properties": {}}},
        {"jti": "x"},
        {"eligibility": None},
        {"iat": NOW + 60, "exp": NOW + 120},
        {"iat": NOW - 60, "exp": NOW + 3600},
        {"exp": str(NOW + 60)},
        {"iat": True},
    ],
)
def test_a_binding_about_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidDenialBindingError):
        verify(token(claims))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"typ": "JWT"},
        {"kid": str(uuid.UUID(int=9))},
        {"kid": "web-1"},
        {"crit": ["exp"]},
    ],
)
def test_a_binding_by_another_key_or_algorithm_is_refused(
    header: dict[str, Any],
) -> None:
    with pytest.raises(InvalidDenialBindingError):
        verify(token(header=header))


def test_a_binding_that_another_key_signed_is_refused() -> None:
    with pytest.raises(InvalidDenialBindingError):
        verify(token(key=Ed25519PrivateKey.from_private_bytes(bytes(32))))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "..", "é.é.é", "e30.e30.e30"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidDenialBindingError):
        verify(text)


def test_a_late_binding_is_expired_and_a_little_skew_is_forgiven() -> None:
    assert verify(token(), now=NOW + 570).id == DENIAL
    with pytest.raises(ExpiredDenialError):
        verify(token(), now=NOW + 571)


def test_a_forged_binding_does_not_tell_that_it_is_late() -> None:
    forged = token(key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(InvalidDenialBindingError):
        verify(forged, now=NOW + 9999)


def body(**changes: Any) -> dict[str, Any]:
    return {**QUESTION.to_dict(), "denial": {"binding_token": "t"}} | changes


def test_a_request_is_read() -> None:
    spec = parse_request(
        body(
            requested_access={
                "requested_until": "2027-01-15T09:00:00+01:00",
                "emergency": True,
                "justification": "It burns.",
                "ticket": "OPS-1",
            },
            callback={"endpoint": "https://pep.example/x", "events": ["approved"]},
            client={"name": "Shop bot", "unknown": 1},
            unknown="is ignored",
        )
    )
    assert spec.question == QUESTION
    assert spec.until == AT
    assert spec.is_emergency
    assert (spec.reason, spec.ticket) == ("It burns.", "OPS-1")
    assert spec.callback.events == ("approved",)
    assert spec.client_name == "Shop bot"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "mia"}, "subject"),
        ({"subject": {"type": "User"}}, "subject.id"),
        ({"action": {}}, "action.name"),
        ({"resource": None}, "resource"),
        ({"denial": {}}, "denial.binding_token"),
        ({"denial": {"binding_token": 7}}, "denial.binding_token"),
        ({"items": []}, "items"),
        ({"requested_access": {"emergency": "yes"}}, "requested_access.emergency"),
        (
            {"requested_access": {"requested_until": "2027-01-15T09:00:00"}},
            "requested_access.requested_until",
        ),
        ({"callback": {}}, "callback.endpoint"),
        (
            {"callback": {"endpoint": "https://x", "events": ["pending"]}},
            "callback.events",
        ),
    ],
)
def test_what_is_no_request_names_the_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(RequestInvalidError) as refusal:
        parse_request(body(**changes))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("minutes", "wanted"), [(None, 15), (0.5, 1), (10, 10), (30, 30), (600, 30)]
)
def test_no_more_time_is_asked_for_than_is_offered(
    minutes: float | None, wanted: int
) -> None:
    until = None if minutes is None else AT + dt.timedelta(minutes=minutes)
    assert minutes_wanted(until, now=AT, usual=15, longest=30) == wanted


def test_time_that_is_over_is_not_asked_for() -> None:
    with pytest.raises(RequestInvalidError):
        minutes_wanted(AT, now=AT, usual=15, longest=30)


@pytest.mark.parametrize("state", list(ElevationState))
def test_every_state_has_a_name_in_the_profile(state: ElevationState) -> None:
    facts = TaskFacts(
        id="t",
        state=state,
        title="Deploy",
        status_endpoint="https://p/t",
        cancel="https://p/t/cancel",
        review="https://p/review",
        approval_id="a",
        approved_until=AT,
    )
    answer = task_answer(facts)
    status = status_of(state)
    assert answer["task"]["status"] == status
    assert ("result" in answer) is (status is TaskStatus.APPROVED)
    assert ("links" in answer["task"]) is (status is TaskStatus.PENDING)
    assert may_cancel(state) is (status is TaskStatus.PENDING)


def test_errors_have_the_types_of_the_profile() -> None:
    assert (
        urn_of(UnknownTaskError())
        == "urn:openid:authzen:access-request:error:unknown_task"
    )
    assert urn_of(RequestInvalidError()) == ""


@pytest.mark.parametrize(("draft", "is_known"), [("", 1), (DRAFT, 1), ("2025", 0)])
def test_only_the_draft_that_is_spoken_can_be_switched_on(
    settings: Settings, draft: str, is_known: int
) -> None:
    settings.PORTWARD_AUTHZEN_ACCESS_REQUEST = draft
    assert (check_draft(None) == []) is bool(is_known)


def test_a_token_is_json_of_one_object() -> None:
    odd = f"{b64(json.dumps([1]).encode())}.e30.e30"
    with pytest.raises(InvalidDenialBindingError):
        verify(odd)
