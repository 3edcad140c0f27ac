"""AuthZEN searches, in small bites: whoever waits for a decision goes first.

One search runs at a time, a few wait, the others are turned away. Between any few
candidates the loop answers what else has come in, and a page ends after so many
candidates or so much time, whatever it has found.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engine import authzen_search
from engine.authzen_search import Search
from engine.obligations import Duty
from engine.search import Found, Searcher
from node_agent.errors import BusyError
from node_agent.state import ActiveRelease, AgentState

MOST_CANDIDATES = 1000
MOST_SECONDS = 0.5
MOST_WAITING = 8
_BITE = 10
_NOTHING = Found((), None, 0)

Clock = Callable[[], float]


class Searches:
    """Answers searches from the release in force."""

    def __init__(self, state: AgentState, *, clock: Clock = time.monotonic) -> None:
        self._state = state
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._searcher: tuple[ActiveRelease, Searcher] | None = None

    async def answer(self, search: Search) -> dict[str, object]:
        """Return a page of results. Raises BusyError when too many wait."""
        if self._waiting >= MOST_WAITING:
            raise BusyError("Too many searches wait; ask again in a moment.")
        self._waiting += 1
        try:
            async with self._turn:
                found = await self._find(search)
        finally:
            self._waiting -= 1
        return authzen_search.search_response(search, found)

    async def _find(self, search: Search) -> Found:
        release = self._state.active
        if release is None:
            return _NOTHING
        searcher = await self._searcher_of(release)
        names = await asyncio.to_thread(
            searcher.candidates_after, search.query, search.after
        )
        ends = self._clock() + MOST_SECONDS
        found: list[str] = []
        asked: dict[str, tuple[Duty, ...]] = {}
        for number, name in enumerate(names, start=1):
            decision = self._state.decide(search.query.filled(name), release)
            if decision.allowed:
                found.append(name)
            if decision.allowed and decision.obligations:
                asked[name] = decision.obligations
            is_full = len(found) == search.limit or number == MOST_CANDIDATES
            if is_full or self._clock() >= ends:
                after = name if number < len(names) else None
                return Found(tuple(found), after, number, asked)
            if number % _BITE == 0:
                await asyncio.sleep(0)
        return Found(tuple(found), None, len(names), asked)

    async def _searcher_of(self, release: ActiveRelease) -> Searcher:
        if self._searcher is None or self._searcher[0] is not release:
            searcher = Searcher(release.engine)
            await asyncio.to_thread(searcher.warm)
            self._searcher = (release, searcher)
        return self._searcher[1]
