"""How long to wait after a failure."""

from __future__ import annotations

import random
from collections.abc import Callable

_FIRST = 0.5
# A node must converge within 30 s after an outage, whatever came before.
_LONGEST = 15.0
# The edge may ask for more time, but not silence a node.
_LONGEST_ASKED = 60.0
_random = random.SystemRandom()


class Backoff:
    """Doubling delays with jitter, so that a fleet does not return in step."""

    def __init__(
        self, *, uniform: Callable[[float, float], float] = _random.uniform
    ) -> None:
        self._uniform = uniform
        self._delay = _FIRST

    def next(self, *, asked: float = 0.0) -> float:
        """Return the next delay in seconds, never shorter than the edge asked for."""
        delay = self._delay
        self._delay = min(delay * 2, _LONGEST)
        return min(asked, _LONGEST_ASKED) + self._uniform(delay / 2, delay)

    def reset(self) -> None:
        """Start over after a success."""
        self._delay = _FIRST
