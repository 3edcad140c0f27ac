"""In no combination of absences does anybody approve what they are behind."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from apps.delegations.rules import Seat, Votes, seat_of

ANN, BOB, CAT, DAN, EVE = PEOPLE = [uuid.UUID(int=n) for n in range(1, 6)]


def test_an_approver_votes_for_themselves() -> None:
    assert seat_of(Votes({ANN}), ANN) == Seat(ANN, ANN)


def test_who_stands_in_takes_the_seat_of_the_absent() -> None:
    votes = Votes({ANN}, standins={ANN: {BOB}})
    seat = seat_of(votes, BOB)
    assert seat == Seat(BOB, ANN)
    assert seat.is_stand_in


def test_who_stands_in_for_nobody_here_has_no_vote() -> None:
    assert seat_of(Votes({ANN}, standins={CAT: {BOB}}), BOB) is None


def test_an_author_does_not_stand_in_for_an_approver() -> None:
    votes = Votes({ANN}, barred={BOB}, standins={ANN: {BOB}})
    assert seat_of(votes, BOB) is None


def test_nobody_stands_in_for_an_author() -> None:
    votes = Votes({ANN}, barred={ANN}, standins={ANN: {BOB}})
    assert seat_of(votes, BOB) is None


def test_an_approver_who_stands_in_votes_once() -> None:
    votes = Votes({ANN, BOB}, standins={ANN: {BOB}})
    first = seat_of(votes, BOB)
    assert first == Seat(BOB, BOB)
    again = Votes({ANN, BOB}, standins={ANN: {BOB}}, cast=[first])
    assert seat_of(again, BOB) is None


def test_a_seat_is_taken_once() -> None:
    votes = Votes({ANN}, standins={ANN: {BOB, CAT}}, cast=[Seat(BOB, ANN)])
    assert seat_of(votes, CAT) is None
    assert seat_of(votes, ANN) is None


def test_standing_in_is_not_passed_on() -> None:
    votes = Votes({ANN}, standins={ANN: {BOB}, BOB: {CAT}})
    assert seat_of(votes, CAT) is None


_people = st.frozensets(st.sampled_from(PEOPLE))


@given(
    approvers=_people,
    barred=_people,
    standins=st.dictionaries(st.sampled_from(PEOPLE), _people),
    order=st.lists(st.sampled_from(PEOPLE), max_size=12),
)
def test_every_vote_that_counts_is_of_another_person_and_for_another_seat(
    approvers: frozenset[uuid.UUID],
    barred: frozenset[uuid.UUID],
    standins: dict[uuid.UUID, frozenset[uuid.UUID]],
    order: list[uuid.UUID],
) -> None:
    cast: list[Seat] = []
    for voter in order:
        seat = seat_of(Votes(approvers, barred, standins, cast), voter)
        if seat is not None:
            cast.append(seat)
    voters = [seat.voter for seat in cast]
    seats = [seat.approver for seat in cast]
    assert len(set(voters)) == len(voters)
    assert len(set(seats)) == len(seats)
    assert not barred & {*voters, *seats}
    assert set(seats) <= approvers
    for seat in cast:
        assert not seat.is_stand_in or seat.voter in standins[seat.approver]
        # Who voted is nobody's empty seat: two votes are always two people.
        assert not seat.is_stand_in or seat.approver not in voters
