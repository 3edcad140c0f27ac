"""Who may vote, and when a stage is decided."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.choices import Verdict
from apps.approvals.errors import FlowInvalidError
from apps.approvals.rules import (
    DEFAULT_FLOW,
    Ballot,
    Outcome,
    Parties,
    Reason,
    Stage,
    changed_fields,
    evaluate_quorum,
    may_vote,
    parse_flow,
)

PEOPLE = [uuid.UUID(int=number) for number in range(1, 7)]
OPENER, AUTHOR, EDITOR, ANNA, BEN, CARA = PEOPLE
PARTIES = Parties(
    opener=OPENER, authors=frozenset({AUTHOR}), last_editors=frozenset({EDITOR})
)
APPROVER = frozenset({"approver"})


def stage(quorum: int = 2, deny_threshold: int = 1) -> Stage:
    return Stage("Review", "approver", quorum, deny_threshold)


def ballot(
    user_id: uuid.UUID,
    verdict: Verdict = Verdict.APPROVE,
    roles: frozenset[str] = APPROVER,
) -> Ballot:
    return Ballot(user_id, verdict, roles)


def judge(
    user_id: uuid.UUID,
    roles: frozenset[str] = APPROVER,
    voted: tuple[uuid.UUID, ...] = (),
) -> Reason:
    return may_vote(
        user_id=user_id, roles=roles, stage=stage(), parties=PARTIES, voted=voted
    )


def test_an_uninvolved_approver_may_vote() -> None:
    assert judge(ANNA) is Reason.NONE


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (OPENER, Reason.OPENER),
        (AUTHOR, Reason.AUTHOR),
        (EDITOR, Reason.LAST_EDITOR),
    ],
)
def test_a_person_behind_the_change_may_not_vote(
    person: uuid.UUID, reason: Reason
) -> None:
    assert judge(person) is reason
    assert reason.sentence


def test_a_member_without_the_role_may_not_vote() -> None:
    assert judge(ANNA, roles=frozenset({"auditor"})) is Reason.ROLE_MISSING


def test_a_person_votes_once() -> None:
    assert judge(ANNA, voted=(ANNA,)) is Reason.ALREADY_VOTED


def test_a_quorum_is_met_by_that_many_persons_and_not_by_fewer() -> None:
    one = evaluate_quorum(stage=stage(2), parties=PARTIES, ballots=[ballot(ANNA)])
    two = evaluate_quorum(
        stage=stage(2), parties=PARTIES, ballots=[ballot(ANNA), ballot(BEN)]
    )
    assert (one.outcome, one.missing) == (Outcome.PENDING, 1)
    assert (two.outcome, two.missing) == (Outcome.APPROVED, 0)


def test_one_denial_decides_even_beside_a_full_quorum() -> None:
    ballots = [ballot(ANNA), ballot(BEN), ballot(CARA, Verdict.DENY)]
    result = evaluate_quorum(stage=stage(2), parties=PARTIES, ballots=ballots)
    assert result.outcome is Outcome.DENIED


def test_a_second_ballot_of_a_person_is_ignored_with_its_reason() -> None:
    result = evaluate_quorum(
        stage=stage(2), parties=PARTIES, ballots=[ballot(ANNA), ballot(ANNA)]
    )
    assert result.outcome is Outcome.PENDING
    assert result.ignored == ((ANNA, Reason.ALREADY_VOTED),)


BALLOTS = st.lists(
    st.builds(
        Ballot,
        user_id=st.sampled_from(PEOPLE),
        verdict=st.sampled_from(list(Verdict)),
        roles=st.sampled_from([APPROVER, frozenset(), frozenset({"security_admin"})]),
    ),
    max_size=10,
)


@given(BALLOTS, st.integers(1, 3), st.integers(1, 2))
def test_what_is_approved_was_approved_by_enough_uninvolved_approvers(
    ballots: list[Ballot], quorum: int, deny_threshold: int
) -> None:
    result = evaluate_quorum(
        stage=stage(quorum, deny_threshold), parties=PARTIES, ballots=ballots
    )
    entitled: dict[uuid.UUID, Verdict] = {}
    for one in ballots:
        if one.user_id in {ANNA, BEN, CARA} and "approver" in one.roles:
            entitled.setdefault(one.user_id, one.verdict)
    verdicts = list(entitled.values())
    denied = verdicts.count(Verdict.DENY) >= deny_threshold
    approved = not denied and verdicts.count(Verdict.APPROVE) >= quorum
    assert (result.outcome is Outcome.DENIED) == denied
    assert (result.outcome is Outcome.APPROVED) == approved
    assert len(result.ignored) + len(entitled) == len(ballots)


@given(BALLOTS, st.integers(1, 3))
def test_further_ballots_never_undo_a_denial(
    ballots: list[Ballot], quorum: int
) -> None:
    outcomes = [
        evaluate_quorum(
            stage=stage(quorum), parties=PARTIES, ballots=ballots[:length]
        ).outcome
        for length in range(len(ballots) + 1)
    ]
    if Outcome.DENIED in outcomes:
        first = outcomes.index(Outcome.DENIED)
        assert set(outcomes[first:]) == {Outcome.DENIED}


def test_the_default_flow_reads_back() -> None:
    assert parse_flow(DEFAULT_FLOW.to_dict()) == DEFAULT_FLOW


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quorum", 0),
        ("quorum", True),
        ("quorum", "1"),
        ("quorum", 10),
        ("deny_threshold", 0),
        ("approvers", "auditor"),
    ],
)
def test_a_flow_that_nobody_or_anybody_could_meet_is_refused(
    field: str, value: object
) -> None:
    flow = DEFAULT_FLOW.to_dict()
    flow["stages"][0][field] = value
    with pytest.raises(FlowInvalidError) as caught:
        parse_flow(flow)
    assert caught.value.field == field


@pytest.mark.parametrize("stages", [[], None, [{"quorum": 1}], [1, 2]])
def test_a_flow_without_one_whole_stage_is_refused(stages: object) -> None:
    with pytest.raises(FlowInvalidError):
        parse_flow({"v": 1, "stages": stages})


def test_a_flow_of_another_version_is_refused() -> None:
    with pytest.raises(FlowInvalidError):
        parse_flow(DEFAULT_FLOW.to_dict() | {"v": 2})


def test_changed_fields_names_what_differs_and_nothing_else() -> None:
    before = {"name": "a", "effect": "permit", "gone": 1}
    after = {"name": "b", "effect": "permit", "new": 2}
    assert changed_fields(before, after) == [
        ("gone", 1, None),
        ("name", "a", "b"),
        ("new", None, 2),
    ]
    assert changed_fields(None, {"name": "b"}) == [("name", None, "b")]
