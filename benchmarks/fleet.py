"""Changes to publish, and many polls from one process. Needs Django to be ready."""

from __future__ import annotations

import threading
import time
import uuid
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Metadata, Targets

from apps.audit.events import Actor
from apps.bundles import selectors as bundles
from apps.nodes import services as nodes
from apps.roles.rules import EntrySpec
from apps.roles.services import save_principal
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope
from node_agent.config import Identity
from node_agent.link import Edge
from protocol.envelope import unpack_envelope
from protocol.records import EntityRef
from protocol.trust import TARGET_PATH, TargetClaim
from tests.journeys.running import RunningPortal

ACTOR = Actor.command("benchmark")


def change(name: str) -> int:
    """Commit a change that makes a release; return the revision before it."""
    tenant = tenant_by_slug("acme")
    with tenant_scope(tenant.pk):
        release = bundles.newest_signed()
        save_principal(actor=ACTOR, spec=EntrySpec(EntityRef("User", name)))
    return release.revision if release else 0


class Polls:
    """So many enrolled nodes that poll the edge, each from a thread of its own.

    Every client reads the whole envelope; checking it is measured with real agents.
    """

    def __init__(self, portal: RunningPortal, count: int) -> None:
        self._url = f"http://127.0.0.1:{portal.edge_port}"
        self._count = count
        self._stopping = threading.Event()
        self._lock = threading.Condition()
        self._arrived: list[float] = []
        self._asked = 0
        self._started = 0.0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            edge, identity = self._enroll()
            thread = threading.Thread(target=self._follow, args=(edge, identity))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def forget_round(self) -> None:
        """Forget the answers of the round before."""
        with self._lock:
            self._arrived.clear()

    def start_clock(self) -> None:
        """Start the clock of a round: call it when the change has committed.

        An answer that came before counts too, as less than nothing.
        """
        with self._lock:
            self._started = time.perf_counter()

    def await_parked(self) -> None:
        """Wait until every client waits for something newer."""
        with self._lock:
            if not self._lock.wait_for(lambda: self._asked >= self._count, 60):
                raise TimeoutError("not every poll was parked")
        # The last of them has sent its request but may not have been read yet.
        threading.Event().wait(0.5)

    def await_round(self, deadline: float) -> tuple[float, float]:
        """Return the milliseconds to the first and the last answer."""
        with self._lock:
            done = self._lock.wait_for(
                lambda: len(self._arrived) >= self._count, deadline
            )
            if not done:
                raise TimeoutError(f"{len(self._arrived)} polls were answered")
            return (
                (min(self._arrived) - self._started) * 1000,
                (max(self._arrived) - self._started) * 1000,
            )

    def _enroll(self) -> tuple[Edge, Identity]:
        tenant = tenant_by_slug("acme")
        name = f"bench-{uuid.uuid4().hex[:12]}"
        with tenant_scope(tenant.pk):
            token = nodes.create_join_token(actor=ACTOR, node_name=name)
        key = Ed25519PrivateKey.generate()
        found = Edge(self._url).enroll(
            tenant=str(tenant.pk), token=token, name=name, key=key
        )
        identity = Identity(
            tenant=found.tenant, node=found.node, name=name, edge=self._url, floor=0
        )
        return Edge(self._url, identity=identity, key=key), identity

    def _follow(self, edge: Edge, _identity: Identity) -> None:
        etag, waits = "", 0
        while not self._stopping.is_set():
            if etag:
                with self._lock:
                    self._asked += 1
                    self._lock.notify_all()
            answer = edge.sync(etag=etag, revision=None, fingerprint="", wait=waits)
            moment = time.perf_counter()
            with self._lock:
                if etag:
                    self._asked -= 1
                if answer.envelope is not None and etag:
                    self._arrived.append(moment)
                    self._lock.notify_all()
            if answer.envelope is not None:
                etag = _etag(answer.envelope)
            waits = 5
        edge.close()


def _etag(envelope: bytes) -> str:
    """Return the tag of an envelope, as the edge names it."""
    files = unpack_envelope(envelope)
    (name,) = (name for name in files if name.endswith(".targets.json"))
    target = Metadata[Targets].from_bytes(files[name]).signed.targets[TARGET_PATH]
    claim = TargetClaim.from_target(target)
    return f'"{claim.state_digest}.{claim.revision}"'
