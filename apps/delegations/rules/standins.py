"""Decide for whom a vote counts when an approver is away.

An absent approver's seat is taken by who stands in for them. Persons are compared, so
no combination of absences lets anybody approve what they are behind: neither do they
take a seat, nor is a seat of theirs taken by somebody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Person = uuid.UUID


@dataclass(frozen=True)
class Seat:
    """A vote that counts: who casts it, and whose place it takes."""

    voter: Person
    approver: Person

    @property
    def is_stand_in(self) -> bool:
        """Say whether the voter stands in for somebody."""
        return self.voter != self.approver


@dataclass(frozen=True)
class Votes:
    """What is known of one request.

    `approvers` may vote by themselves, `barred` are behind the request: its authors,
    who gains, and who lends what is at stake. `standins` is who stands in for whom.
    """

    approvers: AbstractSet[Person]
    barred: AbstractSet[Person] = frozenset()
    standins: Mapping[Person, AbstractSet[Person]] = field(default_factory=dict)
    cast: Iterable[Seat] = ()

    def taken(self) -> frozenset[Person]:
        """Return everybody who has voted, or whose seat was taken."""
        return frozenset(who for s in self.cast for who in (s.voter, s.approver))


def seat_of(votes: Votes, voter: Person) -> Seat | None:
    """Return what a person's vote counts as, or None if it does not count.

    1. Who is behind the request has no vote, for nobody.
    2. A person votes once, whether for themselves or for another.
    3. An approver votes for themselves.
    4. Who stands in takes the seat of one absent approver who has not voted, and who
       is not behind the request. Standing in is not passed on.
    """
    taken = votes.taken()
    if voter in votes.barred or voter in taken:
        return None
    if voter in votes.approvers:
        return Seat(voter, voter)
    for absent in sorted(votes.approvers - votes.barred - taken):
        if voter in votes.standins.get(absent, frozenset()):
            return Seat(voter, absent)
    return None
