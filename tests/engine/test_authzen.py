"""AuthZEN: strict where the specification says 400, and a denial is an answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from engine.authzen import (
    AuthzenError,
    Evaluations,
    answer_evaluations,
    decision_response,
    parse_evaluation,
    parse_evaluations,
)
from engine.cedar import condition_text
from engine.decide import PolicyEngine, Request
from protocol.records import PolicyRecord
from tests.engine.builders import policy

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
GOOD: dict[str, Any] = {
    "subject": {"type": "User", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "Node", "id": "web-1"},
}


def test_a_request_is_understood_and_unknown_members_are_ignored() -> None:
    request = parse_evaluation({**GOOD, "extra": 1, "context": {"time": "now"}}, NOW)
    assert (str(request.principal), request.action) == ('User::"alice"', "read")


@pytest.mark.parametrize(
    "change",
    [
        {"subject": None},
        {"subject": "alice"},
        {"subject": {"type": "User"}},
        {"subject": {"id": "alice"}},
        {"action": {}},
        {"action": {"name": 1}},
        {"resource": {"type": "Node", "id": ""}},
        {"context": []},
        {"context": {"mfa": "two"}},
        {"context": {"risk": 101}},
        {"context": {"risk": "low"}},
        {"context": {"device": "laptop"}},
        {"context": {"device": {"trusted": "yes"}}},
    ],
    ids=str,
)
def test_a_malformed_request_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AuthzenError):
        parse_evaluation({**GOOD, **change}, NOW)


def evaluate(body: dict[str, Any]) -> list[bool]:
    batch = parse_evaluations(body, NOW)
    assert isinstance(batch, Evaluations)

    def answer(request: Request) -> dict[str, Any]:
        return {"decision": request.action == "read"}

    return [
        item["decision"] for item in answer_evaluations(batch, answer)["evaluations"]
    ]


WRITE_READ = [{"action": {"name": "write"}}, {}, {"action": {"name": "write"}}]


def test_a_batch_without_items_is_a_single_request() -> None:
    assert isinstance(parse_evaluations({**GOOD, "evaluations": []}, NOW), Request)


@pytest.mark.parametrize(
    ("semantic", "answers"),
    [
        ("execute_all", [False, True, False]),
        ("deny_on_first_deny", [False]),
        ("permit_on_first_permit", [False, True]),
    ],
)
def test_a_batch_stops_where_its_semantic_says(
    semantic: str, answers: list[bool]
) -> None:
    options = {"evaluations_semantic": semantic, "other": 1}
    body = {**GOOD, "evaluations": WRITE_READ, "options": options}
    assert evaluate(body) == answers


def test_an_incomplete_item_denies_and_the_others_are_answered() -> None:
    items: list[dict[str, Any]] = [{"resource": {}}, {}]
    assert evaluate({**GOOD, "evaluations": items}) == [False, True]


def test_a_default_that_no_item_uses_may_be_incomplete() -> None:
    items = [{"resource": GOOD["resource"]}]
    assert evaluate({**GOOD, "resource": {}, "evaluations": items}) == [True]


@pytest.mark.parametrize(
    "change", [{"options": []}, {"subject": "alice"}, {"context": []}], ids=str
)
def test_a_batch_with_a_wrong_type_at_the_top_is_refused(
    change: dict[str, Any],
) -> None:
    assert evaluate({**GOOD, "evaluations": [{}]}) == [True]
    with pytest.raises(AuthzenError):
        parse_evaluations({**GOOD, "evaluations": [{}], **change}, NOW)


LOW_RISK = condition_text("risk", "<=", 40)
TRUSTED = condition_text("device.trusted", "==", value=True)
HIGH_RISK = condition_text("risk", ">", 40, unknown_matches=True)
UNTRUSTED = condition_text("device.trusted", "==", value=False, unknown_matches=True)


def answer(context: dict[str, Any], *policies: PolicyRecord) -> dict[str, Any]:
    engine = PolicyEngine.from_records(policies, {})
    request = parse_evaluation({**GOOD, "context": context}, NOW)
    return decision_response(engine.decide(request))


@pytest.mark.parametrize(
    ("context", "is_allowed"),
    [
        ({"risk": 12, "device": {"trusted": True}}, True),
        ({"risk": 41, "device": {"trusted": True}}, False),
        ({"risk": 12, "device": {"trusted": False}}, False),
        ({"risk": 12, "device": {"trusted": None}}, False),
        ({"risk": 12, "device": {}}, False),
        ({"risk": 12, "device": None}, False),
        ({"risk": 12}, False),
        ({"risk": None, "device": {"trusted": True}}, False),
        ({"device": {"trusted": True}}, False),
        ({}, False),
    ],
    ids=str,
)
def test_risk_and_device_come_with_the_question_or_deny(
    context: dict[str, Any], *, is_allowed: bool
) -> None:
    permit = policy("p", when=(LOW_RISK, TRUSTED))
    assert answer(context, permit)["decision"] is is_allowed

    forbids = [
        policy("risky", effect="forbid", when=(HIGH_RISK,)),
        policy("strange", effect="forbid", when=(UNTRUSTED,)),
    ]
    assert answer(context, policy("p"), *forbids)["decision"] is is_allowed


def test_what_went_wrong_is_a_code_for_who_asked() -> None:
    assert answer({}, policy("p", when=("context.risk > 1",))) == {
        "decision": False,
        "context": {
            "reason": "evaluation_error",
            "errors": ["engine.evaluation_failed"],
        },
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"context": {"ticket": "\ud800"}}, "engine.evaluation_failed"),
        ({"subject": {"type": "User", "id": "\ud800"}}, "engine.question_unreadable"),
    ],
    ids=["context", "subject"],
)
def test_a_question_that_cedar_cannot_read_is_a_code_for_who_asked(
    change: dict[str, Any], code: str
) -> None:
    engine = PolicyEngine.from_records([policy("p")], {})
    found = decision_response(engine.decide(parse_evaluation({**GOOD, **change}, NOW)))
    assert found == {
        "decision": False,
        "context": {"reason": "evaluation_error", "errors": [code]},
    }
