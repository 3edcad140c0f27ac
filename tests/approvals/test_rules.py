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
    OWN,
    Approver,
    ApproverType,
    Ballot,
    Flow,
    Outcome,
    Parties,
    Quorum,
    Reason,
    Reviewer,
    Stage,
    Way,
    changed_fields,
    may_vote,
    parse_flow,
    progress,
)

PEOPLE = [uuid.UUID(int=number) for number in range(1, 7)]
OPENER, AUTHOR, EDITOR, ANNA, BEN, CARA = PEOPLE
PARTIES = Parties(
    opener=OPENER, authors=frozenset({AUTHOR}), last_editors=frozenset({EDITOR})
)
APPROVERS = (Approver(ApproverType.TENANT_ROLE, "approver"),)


def stage(quorum: int = 2, deny_threshold: int = 1) -> Stage:
    return Stage("Review", APPROVERS, quorum, deny_threshold)


def panel(*people: uuid.UUID) -> dict[uuid.UUID, Reviewer]:
    return {person: Reviewer(person, frozenset({OWN})) for person in people}


def ballot(user_id: uuid.UUID, verdict: Verdict = Verdict.APPROVE) -> Ballot:
    return Ballot(user_id, verdict)


def count(
    *ballots: Ballot,
    quorum: int = 2,
    deny_threshold: int = 1,
    entitled: tuple[uuid.UUID, ...] = tuple(PEOPLE),
) -> Quorum:
    found = progress(
        flow=Flow((stage(quorum, deny_threshold),)),
        panels=[panel(*entitled)],
        parties=PARTIES,
        ballots=ballots,
    )
    return found.stages[0]


def judge(
    user_id: uuid.UUID,
    ways: frozenset[Way] = frozenset({OWN}),
    voted: tuple[uuid.UUID, ...] = (),
) -> Reason:
    reviewer = Reviewer(user_id, ways)
    return may_vote(
        reviewer=reviewer, stage=stage(), parties=PARTIES, voted=voted
    ).reason


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


def test_who_is_no_approver_may_not_vote() -> None:
    assert judge(ANNA, ways=frozenset()) is Reason.ROLE_MISSING


def test_a_person_votes_once() -> None:
    assert judge(ANNA, voted=(ANNA,)) is Reason.ALREADY_VOTED


def test_a_stand_in_votes_for_the_absent_approver() -> None:
    found = may_vote(
        reviewer=Reviewer(ANNA, frozenset({(BEN,)})), stage=stage(), parties=PARTIES
    )
    assert (found.reason, found.way) == (Reason.NONE, (BEN,))


@pytest.mark.parametrize("lender", [OPENER, AUTHOR, EDITOR])
def test_nobody_votes_for_a_person_behind_the_change(lender: uuid.UUID) -> None:
    assert judge(ANNA, frozenset({(lender,)})) is Reason.LENT_BY_PARTY
    assert judge(ANNA, frozenset({(BEN, lender)})) is Reason.LENT_BY_PARTY


def test_a_right_of_ones_own_counts_besides_a_lent_one() -> None:
    assert judge(ANNA, frozenset({(AUTHOR,), OWN})) is Reason.NONE


def test_one_right_is_one_vote() -> None:
    assert judge(ANNA, frozenset({(BEN,)}), voted=(BEN,)) is Reason.ALREADY_VOTED


def test_a_quorum_is_met_by_that_many_persons_and_not_by_fewer() -> None:
    one, two = count(ballot(ANNA)), count(ballot(ANNA), ballot(BEN))
    assert (one.outcome, one.missing) == (Outcome.PENDING, 1)
    assert (two.outcome, two.missing) == (Outcome.APPROVED, 0)


def test_one_denial_decides_even_beside_a_full_quorum() -> None:
    found = count(ballot(ANNA), ballot(BEN), ballot(CARA, Verdict.DENY))
    assert found.outcome is Outcome.DENIED


def test_a_second_ballot_of_a_person_is_ignored_with_its_reason() -> None:
    found = count(ballot(ANNA), ballot(ANNA))
    assert found.outcome is Outcome.PENDING
    assert found.ignored == ((ANNA, Reason.ALREADY_VOTED),)


def test_the_ballot_of_who_is_no_approver_any_more_is_ignored() -> None:
    found = count(ballot(ANNA), ballot(BEN), entitled=(ANNA,))
    assert found.outcome is Outcome.PENDING
    assert found.ignored == ((BEN, Reason.ROLE_MISSING),)


def test_stages_are_passed_in_order_and_by_different_people() -> None:
    flow = Flow((stage(1), stage(1)))
    panels = [panel(*PEOPLE), panel(*PEOPLE)]

    def after(*ballots: Ballot) -> tuple[Outcome, int]:
        found = progress(flow=flow, panels=panels, parties=PARTIES, ballots=ballots)
        return found.outcome, found.current

    first, second = ballot(ANNA), Ballot(BEN, Verdict.APPROVE, 1)
    assert after() == (Outcome.PENDING, 0)
    assert after(first) == (Outcome.PENDING, 1)
    assert after(first, Ballot(ANNA, Verdict.APPROVE, 1)) == (Outcome.PENDING, 1)
    assert after(first, second) == (Outcome.APPROVED, 1)
    assert after(first, Ballot(BEN, Verdict.DENY, 1))[0] is Outcome.DENIED


BALLOTS = st.lists(
    st.builds(
        Ballot,
        user_id=st.sampled_from(PEOPLE),
        verdict=st.sampled_from(list(Verdict)),
    ),
    max_size=10,
)
ENTITLED = st.lists(st.sampled_from(PEOPLE), unique=True).map(tuple)


@given(BALLOTS, ENTITLED, st.integers(1, 3), st.integers(1, 2))
def test_what_is_approved_was_approved_by_enough_uninvolved_approvers(
    ballots: list[Ballot],
    people: tuple[uuid.UUID, ...],
    quorum: int,
    deny_threshold: int,
) -> None:
    result = count(
        *ballots, quorum=quorum, deny_threshold=deny_threshold, entitled=people
    )
    entitled: dict[uuid.UUID, Verdict] = {}
    for one in ballots:
        if one.user_id in {ANNA, BEN, CARA} & set(people):
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
        count(*ballots[:length], quorum=quorum).outcome
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
        parse_flow({"v": 2, "name": "One", "stages": stages})


def test_a_flow_of_another_version_is_refused() -> None:
    with pytest.raises(FlowInvalidError):
        parse_flow(DEFAULT_FLOW.to_dict() | {"v": 3})


def test_a_flow_of_version_1_still_reads() -> None:
    old = {
        "v": 1,
        "stages": [
            {
                "name": "Review",
                "approvers": "approver",
                "quorum": 2,
                "deny_threshold": 1,
            }
        ],
    }
    assert parse_flow(old).stages == (stage(2),)


def test_changed_fields_names_what_differs_and_nothing_else() -> None:
    before = {"name": "a", "effect": "permit", "gone": 1}
    after = {"name": "b", "effect": "permit", "new": 2}
    assert changed_fields(before, after) == [
        ("gone", 1, None),
        ("name", "a", "b"),
        ("new", None, 2),
    ]
    assert changed_fields(None, {"name": "b"}) == [("name", None, "b")]
