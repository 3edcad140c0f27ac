"""Obligations: what is unknown never helps, and who cannot do all of it is denied."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.authzen import AuthzenError, decision_response, parse_evaluation
from engine.authzen_search import parse_search, search_response
from engine.decide import Decision, PolicyEngine, Request
from engine.explain import Explainer, FindingKind
from engine.obligations import SUPPORTED, UNMET
from engine.search import Searcher, Sought
from protocol.records import Obligation, PolicyRecord, Record, SchemaRecord
from tests.engine.builders import ALICE, NOON, WEB, policy, principal, resource
from tests.engine.worlds import ZONES, contexts, moments, worlds

MFA = Obligation("mfa", level=2, max_age=300)
DEVICE = Obligation("device_trust")
RISK = Obligation("max_risk", at_most=50)
NOTIFY = Obligation("notify", to="team", body="Restarted", topic="nodes")
END = Obligation("end_session")
PROVEN = {"mfa": 2, "mfa_age": 300, "risk": 50, "device": {"trusted": True}}


def asking(*obligations: Obligation, effect: str = "permit") -> PolicyRecord:
    return replace(policy("p", effect=effect), obligations=obligations)


def ask(*records: Record, **context: Any) -> Decision:
    engine = PolicyEngine.from_records(records, {})
    return engine.decide(Request(ALICE, "restart", WEB, NOON, context))


@pytest.mark.parametrize(
    ("obligation", "changes", "reason", "acr"),
    [
        (MFA, {"mfa": 1}, "step_up_required", "urn:portward:acr:mfa:2"),
        (MFA, {"mfa": None}, "step_up_required", "urn:portward:acr:mfa:2"),
        (MFA, {"mfa_age": 301}, "step_up_required", "urn:portward:acr:mfa:2"),
        (MFA, {"mfa_age": None}, "step_up_required", "urn:portward:acr:mfa:2"),
        *(
            (DEVICE, {"device": told}, "device_not_trusted", f"{acr}:trusted-device")
            for acr in ("urn:portward:acr",)
            for told in (None, {}, {"trusted": False})
        ),
        (RISK, {"risk": 51}, "risk_too_high", "urn:portward:acr:risk:50"),
        (RISK, {"risk": None}, "risk_too_high", "urn:portward:acr:risk:50"),
    ],
    ids=str,
)
def test_what_is_not_proven_denies_and_says_what_would_prove_it(
    obligation: Obligation, changes: dict[str, Any], reason: str, acr: str
) -> None:
    assert ask(asking(obligation), **PROVEN).allowed
    decision = ask(asking(obligation), **(PROVEN | changes))
    assert (decision.allowed, decision.reason) == (False, reason)
    (duty,) = decision.obligations
    assert (duty.type, duty.properties["acr_value"]) == ("step-up", acr)
    assert decision.determining == ("p",)


def test_any_age_will_do_where_none_is_asked_for() -> None:
    assert ask(asking(Obligation("mfa", level=2)), mfa=2).allowed


def test_the_first_thing_to_mend_names_the_reason() -> None:
    decision = ask(asking(RISK, DEVICE, MFA))
    assert decision.reason == "step_up_required"
    assert [duty.properties["acr_value"].split(":")[3] for duty in decision.obligations]
    assert len(decision.obligations) == 3


def test_who_can_do_it_gets_the_duty_with_the_permit() -> None:
    supported = ["notification", "session_termination"]
    decision = ask(asking(NOTIFY, END), supported_obligations=supported)
    assert decision.allowed
    assert [duty.to_dict() for duty in decision.obligations] == [
        {
            "id": "p/0",
            "type": "notification",
            "properties": {"to": "team", "body": "Restarted", "topic": "nodes"},
        },
        {
            "id": "p/1",
            "type": "session_termination",
            "properties": {"subject": ALICE.to_dict()},
        },
    ]


@pytest.mark.parametrize("context", [{}, {"supported_obligations": []}])
def test_who_does_not_say_that_they_can_do_it_is_denied(
    context: dict[str, Any],
) -> None:
    decision = ask(asking(NOTIFY), **context)
    assert (decision.allowed, decision.reason) == (False, "obligation_unsupported")
    assert decision.obligations == ()


def test_who_can_do_a_part_is_denied_and_still_does_it() -> None:
    decision = ask(asking(NOTIFY, END), supported_obligations=["notification"])
    assert (decision.allowed, decision.reason) == (False, "obligation_unsupported")
    assert [duty.type for duty in decision.obligations] == ["notification"]


def test_every_permit_that_applies_adds_what_it_asks_for() -> None:
    assert not ask(policy("q"), asking(MFA)).allowed
    assert ask(policy("q"), asking(MFA), **PROVEN).allowed


def test_a_forbid_says_what_to_do_and_asks_for_nothing() -> None:
    supported = {"supported_obligations": ["session_termination"]}
    decision = ask(policy("q"), asking(END, NOTIFY, effect="forbid"), **supported)
    assert (decision.allowed, decision.reason) == (False, "forbidden")
    assert [duty.type for duty in decision.obligations] == ["session_termination"]
    assert ask(policy("q"), asking(END, effect="forbid")).reason == "forbidden"


def test_no_policy_no_obligations() -> None:
    assert "obligations" not in decision_response(ask())["context"]


def test_the_answer_carries_the_obligations() -> None:
    context = decision_response(ask(asking(MFA)))["context"]
    assert context["obligations"] == [
        {
            "id": "p/0",
            "type": "step-up",
            "properties": {
                "acr_value": "urn:portward:acr:mfa:2",
                "amr_values": ["mfa"],
                "max_age": 300,
            },
        }
    ]


@pytest.mark.parametrize(
    "context",
    [
        {"mfa_age": "5"},
        {"mfa_age": -1},
        {"mfa_age": True},
        {"supported_obligations": "notification"},
        {"supported_obligations": [1]},
    ],
    ids=str,
)
def test_a_context_of_the_wrong_shape_is_an_error(context: dict[str, Any]) -> None:
    body = {
        "subject": {"type": "User", "id": "alice"},
        "action": {"name": "restart"},
        "resource": {"type": "Node", "id": "web-1"},
        "context": context,
    }
    with pytest.raises(AuthzenError):
        parse_evaluation(body, NOON)


def test_a_search_leaves_out_what_whoever_asks_cannot_do() -> None:
    actions: dict[str, Any] = {"": {"actions": {"restart": {}}}}
    records = (
        asking(NOTIFY),
        principal(ALICE),
        resource(WEB),
        SchemaRecord("schema", cedar_json=actions),
    )
    searcher = Searcher(PolicyEngine.from_records(records, {}))

    def results(context: dict[str, Any]) -> list[dict[str, Any]]:
        body = {
            "subject": {"type": "User"},
            "action": {"name": "restart"},
            "resource": {"type": "Node", "id": "web-1"},
            "context": context,
        }
        search = parse_search(Sought.SUBJECT, body, NOON)
        found = searcher.find(search.query, limit=10, budget=100)
        return list(search_response(search, found)["results"])

    assert results({}) == []
    (result,) = results({"supported_obligations": ["notification"]})
    assert (result["id"], result["obligations"][0]["type"]) == ("alice", "notification")


def test_an_explanation_names_what_is_not_proven_first() -> None:
    records = (asking(MFA), principal(ALICE), resource(WEB))
    explainer = Explainer(PolicyEngine.from_records(records, {}), records)
    found = explainer.explain(
        Request(ALICE, "restart", WEB, NOON, {"mfa": 2, "mfa_age": 301})
    )
    assert found.decision.reason == "step_up_required"
    assert found.nearest is not None
    assert found.nearest.kind is FindingKind.OBLIGATION
    assert found.nearest.words == (
        "asks for MFA level 2 or higher, proven at most 300 seconds ago; "
        "found: level 2, 301 seconds ago"
    )


obligations = st.lists(
    st.sampled_from([MFA, DEVICE, RISK, NOTIFY, END]), max_size=3, unique=True
)
proofs = st.fixed_dictionaries(
    {},
    optional={
        "mfa_age": st.integers(0, 600),
        "device": st.fixed_dictionaries({"trusted": st.booleans()}),
        "supported_obligations": st.lists(st.sampled_from(SUPPORTED), unique=True),
    },
)


@settings(max_examples=200, deadline=None)
@given(worlds(), contexts, proofs, moments, st.data())
def test_asking_for_more_never_permits_more(
    records: list[Record],
    context: dict[str, Any],
    proof: dict[str, Any],
    now: dt.datetime,
    data: st.DataObject,
) -> None:
    request = Request(ALICE, "restart", WEB, now, context | proof)
    plain = PolicyEngine.from_records(records, ZONES).decide(request)
    stricter = [
        replace(record, obligations=tuple(data.draw(obligations)))
        if isinstance(record, PolicyRecord)
        else record
        for record in records
    ]
    engine = PolicyEngine.from_records(stricter, ZONES)
    decision = engine.decide(request)
    assert decision.determining == plain.determining or not plain.allowed
    if decision.allowed:
        assert plain.allowed
    else:
        assert decision.reason == plain.reason or decision.reason in UNMET
    supported = set(proof.get("supported_obligations", ()))
    assert {duty.type for duty in decision.obligations} <= supported | {"step-up"}
    if decision.allowed:
        assert all(duty.type != "step-up" for duty in decision.obligations)


@settings(max_examples=200, deadline=None)
@given(worlds(), contexts, proofs, moments, st.data())
def test_forgetting_a_proof_never_permits_more(
    records: list[Record],
    context: dict[str, Any],
    proof: dict[str, Any],
    now: dt.datetime,
    data: st.DataObject,
) -> None:
    stricter = [
        replace(record, obligations=tuple(data.draw(obligations)))
        if isinstance(record, PolicyRecord)
        else record
        for record in records
    ]
    engine = PolicyEngine.from_records(stricter, ZONES)
    told = data.draw(st.sets(st.sampled_from(sorted(proof)))) if proof else set()
    known = Request(ALICE, "restart", WEB, now, context | proof)
    kept = {name: proof[name] for name in told}
    if engine.decide(replace(known, context=context | kept)).allowed:
        assert engine.decide(known).allowed
