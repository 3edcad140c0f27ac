"""How long a passkey sign-in takes while somebody guesses passwords, and without.

Fifty people sign in at once over HTTP, each from an address of their own. In turns,
nobody else is there, or one address keeps guessing passwords as fast as it is answered.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, median, percentile
from tests.journeys.running import RunningPortal

if TYPE_CHECKING:
    from benchmarks.people import Person

PEOPLE = 50
ATTEMPTS = 2_000
# Each takes three requests, and one address has a burst of 40 for signing in.
SIGN_INS_A_TURN = 2
TURNS = 3
_THROTTLED = 0.9


def run(portal: RunningPortal, turns: int) -> Iterator[Figure]:
    """Measure without and with the attack in turns, so that both see one machine."""
    from benchmarks.people import Guesser, Person  # noqa: PLC0415  # needs Django

    calm: list[float] = []
    attacked: list[float] = []
    answers: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="portward-people-") as folder:
        people = [Person(n, portal.web_port, Path(folder)) for n in range(PEOPLE)]
        names = [person.username for person in people]
        _all_at_once(people, 1)
        for _ in range(turns):
            calm += _all_at_once(people, SIGN_INS_A_TURN)
            least = -(-ATTEMPTS // turns)
            with Guesser(portal.web_port, names, least) as guesser:
                attacked += _all_at_once(people, SIGN_INS_A_TURN)
            answers += guesser.answers
    if answers[HTTPStatus.TOO_MANY_REQUESTS] < _THROTTLED * answers.total():
        raise AssertionError(f"the guesses were not throttled: {answers}")
    note = ", ".join(
        f"{status} {count} times" for status, count in sorted(answers.items())
    )
    for name, value, baseline in (
        ("median", median(attacked), median(calm)),
        ("p99", percentile(attacked, 0.99), percentile(calm, 0.99)),
    ):
        yield Figure(
            f"{PEOPLE} passkey sign-ins at once under attack, {name}",
            value,
            "without the attack",
            baseline,
            f"answers to {answers.total()} guesses: {note}",
        )


def _all_at_once(people: Sequence[Person], count: int) -> list[float]:
    """Return the milliseconds of every sign-in."""

    def several(person: Person) -> list[float]:
        return [person.sign_in() for _ in range(count)]

    with ThreadPoolExecutor(len(people)) as pool:
        return [value for found in pool.map(several, people) for value in found]
