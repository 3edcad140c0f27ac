"""How much one address and one node may ask of this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter

from apps.core.errors import PortwardError, status_of
from apps.limits import rules
from apps.limits.errors import TooManyRequestsError
from apps.limits.rules import Bucket, Verdict
from apps.limits.rules.table import EDGE_ADDRESS, EDGE_ENROLL, HEALTH
from apps.limits.selectors import bucket, trusted_proxies
from apps.limits.services import LocalBuckets
from portal.edge.store import Store
from portal.edge.wire import EdgeRefusal, Scope

_TELL_EVERY = 10.0
_MOST_UNTOLD = 10_000
_BY_PATH = {"/edge/v1/enroll": EDGE_ENROLL, "/healthz": HEALTH}
logger = logging.getLogger(__name__)


class Counted:
    """The buckets that one request was counted in."""

    def __init__(self) -> None:
        self.address = ""
        self.verdicts: list[tuple[Bucket, Verdict]] = []

    def headers(self) -> dict[str, str]:
        """Return what the answer says about limits."""
        return rules.limit_headers(self.verdicts)


class Limits:
    """Buckets in memory; what was refused is told to the database now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._buckets = LocalBuckets()
        self._untold: Counter[tuple[str, str]] = Counter()
        self._teller: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start telling what was refused."""
        self._teller = asyncio.create_task(self._tell_forever(), name="edge-refusals")

    async def stop(self) -> None:
        """Tell what is left."""
        if self._teller is not None:
            self._teller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._teller
        await self._tell()

    def enter(self, scope: Scope, counted: Counted) -> None:
        """Count a request before anything of it is read.

        1. The address is the connection's, or what the trusted proxies appended.
        2. The address has not asked too much for this path.
        3. Nor in all.
        """
        name = _BY_PATH.get(scope["path"], "")
        try:
            counted.address = _address(scope, is_health=name == HEALTH)
        except PortwardError as error:
            raise self._refusal(error, counted) from error
        key = rules.client_key(counted.address) if counted.address else ""
        if name:
            self.take(name, key, counted)
        self.take(EDGE_ADDRESS, key, counted)

    def take(self, name: str, key: str, counted: Counted) -> None:
        """Take a token, or refuse with 429."""
        chosen = bucket(name)
        verdict = self._buckets.take(chosen, key)
        counted.verdicts.append((chosen, verdict))
        if not verdict.is_allowed:
            raise self._refusal(TooManyRequestsError(), counted)

    def _refusal(self, error: PortwardError, counted: Counted) -> EdgeRefusal:
        place = (error.code, counted.address)
        if place in self._untold or len(self._untold) < _MOST_UNTOLD:
            self._untold[place] += 1
        return EdgeRefusal(status_of(error), error.code, error.message, error.remedy)

    async def _tell_forever(self) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY)
            await self._tell()

    async def _tell(self) -> None:
        if not self._untold:
            return
        counts, self._untold = self._untold, Counter()
        try:
            await self._store.note_refusals(counts)
        except Exception:  # the edge goes on, whatever happens to its counts
            logger.exception("refusals were not counted")


def _address(scope: Scope, *, is_health: bool) -> str:
    client = scope.get("client") or ("", 0)
    if is_health:
        return str(client[0])
    forwarded = [
        value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() == b"x-forwarded-for"
    ]
    chain = ",".join(forwarded) if forwarded else None
    return rules.client_address(client[0], chain, trusted_proxies())
