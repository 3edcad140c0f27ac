"""Which denials may be asked about, and what an approval that was shown leads to."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from engine import arap
from engine.arap import Reason
from engine.decide import PolicyEngine, Request
from protocol.records import (
    EligibilityRecord,
    EntityRef,
    Head,
    Record,
    SeparationRecord,
)
from tests.engine.builders import (
    ALICE,
    BERLIN,
    NOON,
    WEB,
    assignment,
    policy,
    resource,
    role,
)

OPERATORS = Head("in", "Role", "operator")
ASKED = Request(ALICE, "restart", WEB, NOON)
OFFERED = EligibilityRecord(
    "e1", "Restart web nodes", "operator", "operator", 30, principals=(ALICE,)
)
WORLD: tuple[Record, ...] = (
    policy("p1", principal=OPERATORS, action=Head("==", id="restart")),
    role("operator"),
    role("lead", "operator"),
    role("guest"),
    resource(WEB, BERLIN),
    resource(BERLIN),
)


def engine_of(*records: Record) -> PolicyEngine:
    return PolicyEngine.from_records((*WORLD, *records), {})


def offer(*records: Record, request: Request = ASKED) -> EligibilityRecord | None:
    engine = engine_of(*records)
    return arap.offer(engine, request, engine.decide(request))


def test_what_an_offered_role_would_permit_may_be_asked_for() -> None:
    assert offer(OFFERED) == OFFERED


def test_a_role_above_the_offered_one_counts() -> None:
    assert offer(dataclasses.replace(OFFERED, role="lead")) is not None


def test_what_is_permitted_needs_no_request() -> None:
    assert offer(OFFERED, assignment("a1", "operator")) is None


def test_what_is_offered_to_somebody_else_may_not_be_asked_for() -> None:
    other = dataclasses.replace(OFFERED, principals=(EntityRef("User", "bob"),))
    assert offer(other) is None


def test_a_role_that_would_not_permit_it_is_not_offered() -> None:
    assert offer(dataclasses.replace(OFFERED, role="guest")) is None


def test_what_is_forbidden_is_not_offered() -> None:
    assert offer(OFFERED, policy("no", effect="forbid")) is None


def test_what_the_role_would_run_into_is_not_offered() -> None:
    assert offer(OFFERED, policy("no", effect="forbid", principal=OPERATORS)) is None


@pytest.mark.parametrize(("scope", "is_offered"), [(BERLIN, True), (WEB, True)])
def test_an_offer_for_a_place_around_counts(
    scope: EntityRef, *, is_offered: bool
) -> None:
    found = offer(dataclasses.replace(OFFERED, scope=scope))
    assert (found is not None) is is_offered


def test_an_offer_for_another_place_does_not_count() -> None:
    elsewhere = EntityRef("Node", "web-2")
    assert offer(dataclasses.replace(OFFERED, scope=elsewhere)) is None


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_role_that_is_kept_apart_from_what_is_held_is_not_offered(kind: str) -> None:
    apart = SeparationRecord("s1", "Apart", kind, ("guest", "operator"), 1)
    assert offer(OFFERED, apart) == OFFERED
    assert offer(OFFERED, apart, assignment("a1", "guest")) is None


def test_standing_holders_of_a_role_may_ask() -> None:
    offered = dataclasses.replace(OFFERED, principals=(), holders="guest")
    assert offer(offered) is None
    assert offer(offered, assignment("a1", "guest")) == offered


@pytest.mark.parametrize("source", ["elevation", "break_glass"])
def test_what_is_held_for_minutes_opens_no_further_door(source: str) -> None:
    offered = dataclasses.replace(OFFERED, principals=(), holders="guest")
    held = dataclasses.replace(assignment("a1", "guest"), source=source)
    assert offer(offered, held) is None


def test_the_lowest_tier_is_offered_first() -> None:
    higher = dataclasses.replace(OFFERED, id="e0", role="lead", tier="admin")
    assert offer(higher, OFFERED) == OFFERED


def judge(approval: Any, *records: Record, request: Request = ASKED) -> Reason | None:
    engine = engine_of(*records)
    asked = dataclasses.replace(request, context={"approval": approval})
    return arap.judge(engine, asked, engine.decide(asked), created=NOON)


def approval(**changes: str) -> dict[str, str]:
    return {
        "id": "a1",
        "approved_at": "2026-11-20T11:50:00Z",
        "approved_until": "2026-11-20T12:20:00Z",
    } | changes


def grant(**changes: Any) -> Record:
    return dataclasses.replace(
        assignment(
            "a1",
            "operator",
            start="2026-11-20T11:50:00Z",
            end="2026-11-20T12:20:00Z",
        ),
        source="elevation",
        **changes,
    )


def test_a_grant_in_force_permits() -> None:
    assert judge(approval(), grant()) is None
    engine = engine_of(grant())
    assert engine.decide(ASKED).allowed


def test_without_an_approval_nothing_is_judged() -> None:
    assert judge(None) is None


@pytest.mark.parametrize(
    "shown", ["a1", {}, {"id": 7}, {"id": "a1"}, approval(approved_until="soon")]
)
def test_a_malformed_approval_cannot_be_verified(shown: Any) -> None:
    assert judge(shown) is Reason.UNVERIFIABLE


def test_an_approval_of_nobody_knows_what_cannot_be_verified() -> None:
    assert judge(approval(id="made-up")) is Reason.UNVERIFIABLE


def test_a_revoked_approval_does_not_count_before_its_end() -> None:
    assert judge(approval()) is Reason.UNVERIFIABLE


def test_an_approval_younger_than_the_release_is_on_its_way() -> None:
    assert judge(approval(approved_at="2026-11-20T12:00:00Z")) is Reason.PENDING


def test_what_does_not_arrive_is_not_waited_for_without_end() -> None:
    later = dataclasses.replace(ASKED, now=NOON + dt.timedelta(minutes=3))
    shown = approval(approved_at="2026-11-20T12:00:00Z")
    assert judge(shown, request=later) is Reason.UNVERIFIABLE


def test_an_approval_past_its_end_is_over() -> None:
    assert judge(approval(approved_until="2026-11-20T12:00:00Z")) is Reason.EXPIRED


def test_a_grant_past_its_end_is_over_whatever_the_approval_says() -> None:
    over = grant(end="2026-11-20T12:00:00Z")
    late = approval(approved_until="2026-12-01T00:00:00Z")
    assert judge(late, over) is Reason.EXPIRED


def test_a_grant_before_its_start_is_on_its_way() -> None:
    assert judge(approval(), grant(start="2026-11-20T12:10:00Z")) is Reason.PENDING


def test_anothers_grant_cannot_be_borrowed() -> None:
    foreign = grant(principal=EntityRef("User", "bob"))
    assert judge(approval(), foreign) is Reason.UNVERIFIABLE


def test_a_grant_for_another_place_does_not_reach() -> None:
    elsewhere = grant(scope=EntityRef("Node", "web-2"))
    assert judge(approval(), elsewhere) is Reason.OUT_OF_SCOPE


def test_a_grant_for_another_action_does_not_reach() -> None:
    request = dataclasses.replace(ASKED, action="delete")
    assert judge(approval(), grant(), request=request) is Reason.OUT_OF_SCOPE


def test_a_policy_that_forbids_wins_over_an_approval() -> None:
    forbids = policy("no", effect="forbid")
    assert judge(approval(), grant(), forbids) is Reason.POLICY_DENIED


@pytest.mark.parametrize(
    ("reason", "requestable", "action"),
    [
        (Reason.EXPIRED, True, "request"),
        (Reason.EXPIRED, False, "none"),
        (Reason.OUT_OF_SCOPE, True, "request"),
        (Reason.PENDING, True, "retry"),
        (Reason.POLICY_DENIED, True, "none"),
        (Reason.UNVERIFIABLE, True, "none"),
    ],
)
def test_what_to_do_next_follows_from_the_reason(
    reason: Reason, action: str, *, requestable: bool
) -> None:
    told = arap.next_step(reason, is_requestable=requestable)
    assert told["next_action"] == action
    assert ("retry_after" in told) is (action == "retry")


def test_a_denial_is_bound_to_its_question() -> None:
    claims = arap.binding_claims(
        ASKED,
        OFFERED,
        evaluation_id="ev-1",
        issuer="https://pdp.example",
        endpoint="https://portal.example/access/v1/requests",
    )
    assert claims["iss"] == "https://pdp.example"
    assert claims["aud"] == "https://portal.example/access/v1/requests"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["subject"] == {"type": "User", "id": "alice"}
    assert claims["resource"] == {"type": "Node", "id": "web-1"}
    assert claims["action"] == {"name": "restart"}
    told = arap.access_request(OFFERED, endpoint="https://x", now=NOON, token="t")
    assert told["expires_at"] == "2026-11-20T12:10:00Z"
    assert told["template"] == "operator"
    later = NOON.astimezone(dt.timezone(dt.timedelta(hours=2)))
    assert arap.stamp(later) == "2026-11-20T12:00:00Z"
