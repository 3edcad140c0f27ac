"""Whether there are enough different people for all stages of a flow at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence


def can_be_met(needed: Sequence[int], able: Sequence[frozenset[uuid.UUID]]) -> bool:
    """Say whether every stage finds its approvers when nobody votes twice.

    A matching of seats to persons by augmenting paths (Kuhn).
    """
    seats = [stage for stage, number in enumerate(needed) for _ in range(number)]
    seated: dict[uuid.UUID, int] = {}

    def seat(place: int, tried: set[uuid.UUID]) -> bool:
        for person in able[seats[place]] - tried:
            tried.add(person)
            if person not in seated or seat(seated[person], tried):
                seated[person] = place
                return True
        return False

    return all(seat(place, set()) for place in range(len(seats)))
