"""A hundred real agents in this process, and grants for them to enforce.

Each is the agent's own code: identity, trust store, sync loop, engine and folder on
disk. Only its decision server is left out. Needs Django to be ready.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.utils import timezone
from typing_extensions import override

from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.elevations import services as elevations
from apps.elevations.rules import ElevationSpec, EligibilitySpec
from apps.nodes import services as nodes
from apps.roles.models import Role
from apps.roles.rules import EntrySpec
from apps.roles.services import link_person, save_principal
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope
from engine.decide import Request
from node_agent.config import Identity, StatePaths, create_key, write_durably
from node_agent.content import Verified
from node_agent.link import Answer, Edge
from node_agent.report import Reporter, ReportSigner
from node_agent.state import ActiveRelease, AgentState
from node_agent.sync import StatusFile, SyncLoop
from protocol.records import EntityRef
from tests.factories.accounts import make_user
from tests.journeys.running import RunningPortal

ACTOR = Actor.command("benchmark")
TENANT = "acme"
PERSON = EntityRef("User", "bench-elevated")
ROLE = "operator"
WAIT = 5


class Grants:
    """A person who may ask for a role, and does, again and again."""

    def __init__(self, people: int) -> None:
        """Register so many people more, so that a snapshot is worth avoiding."""
        self._tenant = tenant_by_slug(TENANT)
        with tenant_scope(self._tenant.pk):
            for number in range(people):
                entity = EntityRef("User", f"bench-{number:05}")
                save_principal(actor=ACTOR, spec=EntrySpec(entity))
            principal = save_principal(actor=ACTOR, spec=EntrySpec(PERSON))
            self._person = make_user(PERSON.id, ["member"], tenant=self._tenant)
            link_person(actor=ACTOR, principal_id=principal.pk, user_id=self._person.pk)
            offer = EligibilitySpec(
                purpose="Benchmark",
                role=Role.objects.get(slug=ROLE).pk,
                max_minutes=30,
                principal=principal.pk,
            )
            self._offer = elevations.save_eligibility(actor=ACTOR, spec=offer)

    def approve(self) -> uuid.UUID:
        """Return an elevation that only has to be activated."""
        with tenant_scope(self._tenant.pk):
            row = elevations.prepare(
                actor=self._actor,
                requester=self._person,
                spec=ElevationSpec(self._offer.pk, 30, "Measure how fast it arrives."),
                now=timezone.now(),
            )
            elevations.approve(
                actor=ACTOR,
                elevation_id=row.pk,
                request_id=uuid.uuid4(),
                approver_ids=[uuid.uuid4()],
            )
        return row.pk

    def activate(self, elevation_id: uuid.UUID) -> None:
        """Begin to hold the role."""
        with tenant_scope(self._tenant.pk):
            elevations.activate(
                actor=self._actor, elevation_id=elevation_id, now=timezone.now()
            )

    def end(self, elevation_id: uuid.UUID) -> None:
        """Hold it no longer."""
        with tenant_scope(self._tenant.pk):
            elevations.end(
                actor=self._actor,
                elevation_id=elevation_id,
                reason="Benchmark",
                now=timezone.now(),
            )

    @property
    def _actor(self) -> Actor:
        return actor_for(self._person)


class Round:
    """Who enforces what was changed, and since when."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._wanted: bool | None = None
        self._moments: dict[str, float] = {}

    def expect(self, *, allowed: bool) -> None:
        """Begin: from now on this answer is the news."""
        with self._lock:
            self._wanted, self._moments = allowed, {}

    def answered(self, name: str, *, allowed: bool) -> None:
        """Note the first answer of an agent that is the expected one."""
        moment = time.perf_counter()
        with self._lock:
            if allowed is self._wanted and name not in self._moments:
                self._moments[name] = moment
                self._lock.notify_all()

    def wait_for(self, count: int, started: float, deadline: float) -> list[float]:
        """Return how many milliseconds each agent took."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self._moments) >= count, deadline):
                raise TimeoutError(f"{len(self._moments)} of {count} agents followed")
            return sorted((m - started) * 1000 for m in self._moments.values())


class ProbedState(AgentState):
    """An agent's state that asks its engine the question whenever it has a new one.

    It asks right after the swap and before the release is stored: that is when callers
    get another answer.
    """

    def __init__(self, paths: StatePaths, identity: Identity, round_: Round) -> None:
        super().__init__(paths, identity, scratch=paths.bundle)
        self._name, self._round = identity.name, round_

    @override
    def _store(
        self, verified: Verified, active: ActiveRelease, confirmed_at: dt.datetime
    ) -> None:
        self.ask()
        super()._store(verified, active, confirmed_at)

    def ask(self) -> None:
        """Ask whether the person may restart a node, and tell the answer."""
        request = Request(
            principal=PERSON,
            action="restart",
            resource=EntityRef("Node", "shop-fra-1"),
            now=self.now(),
            context={"mfa": 1},
        )
        decision = self.decide(request, self.active)
        self._round.answered(self._name, allowed=decision.allowed)


class CountingEdge(Edge):
    """A link that can be told to take snapshots only, and counts what it was sent."""

    takes_deltas = True
    sizes: tuple[list[int], list[int]] = ([], [])

    @override
    def sync(self, *, takes_delta: bool = False, **kwargs: Any) -> Answer:
        takes_delta = takes_delta and CountingEdge.takes_deltas
        answer = super().sync(takes_delta=takes_delta, **kwargs)
        if answer.envelope is not None:
            self.sizes[answer.is_delta].append(len(answer.envelope))
        return answer


class _Agent:
    def __init__(self, folder: Path, url: str, round_: Round) -> None:
        tenant = tenant_by_slug(TENANT)
        name = f"bench-{uuid.uuid4().hex[:12]}"
        with tenant_scope(tenant.pk):
            token = nodes.create_join_token(actor=ACTOR, node_name=name)
        paths = StatePaths(folder / name)
        paths.create()
        key = create_key(paths)
        found = Edge(url).enroll(tenant=str(tenant.pk), token=token, name=name, key=key)
        write_durably(paths.root, found.root)
        identity = Identity(found.tenant, found.node, name, url, floor=0)
        identity.save(paths)
        self.edge = CountingEdge(url, identity=identity, key=key)
        self.state = ProbedState(paths, identity, round_)
        self.reporter = Reporter(
            ReportSigner(identity, key), Edge(url, identity=identity, key=key)
        )
        self.loop = SyncLoop(
            state=self.state,
            edge=self.edge,
            reporter=self.reporter,
            status=StatusFile(paths),
            wait=WAIT,
        )


class Enforcers:
    """So many agents that follow the portal, each with the threads of an agent."""

    def __init__(self, portal: RunningPortal, folder: Path, count: int) -> None:
        self._url = f"http://127.0.0.1:{portal.edge_port}"
        self._folder, self._count = folder, count
        self.round = Round()
        self._agents: list[_Agent] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._agents = [
            _Agent(self._folder, self._url, self.round) for _ in range(self._count)
        ]
        for agent in self._agents:
            for work in (agent.loop.run, agent.reporter.run):
                self._threads.append(threading.Thread(target=work))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for agent in self._agents:
            agent.loop.stopping.set()
            agent.reporter.stop()
        for thread in self._threads:
            thread.join()

    def await_same(self, deadline: float = 120) -> None:
        """Wait until all agents hold one release, the same one for half a second."""
        ends, steady, pause = time.monotonic() + deadline, 0, threading.Event()
        before: set[object] = set()
        while steady < 5:  # five looks, a tenth of a second apart
            held: set[object] = {
                a.state.active and a.state.active.revision for a in self._agents
            }
            same = len(held) == 1 and None not in held and held == before
            steady, before = (steady + 1 if same else 0), held
            if time.monotonic() > ends:
                raise TimeoutError(f"the agents hold {held}")
            pause.wait(0.1)

    def round_trip(self) -> float:
        """Return the milliseconds of an empty answer of the same edge."""
        agent = self._agents[0]
        active = agent.state.active
        if active is None:
            raise TypeError("the agent holds nothing")
        started = time.perf_counter()
        agent.edge.sync(
            etag=active.etag, revision=None, fingerprint="", wait=0, takes_delta=True
        )
        return (time.perf_counter() - started) * 1000

    def measure(self, change: Callable[[], object], *, allowed: bool) -> list[float]:
        """Make a change, and return how long each agent took to enforce it."""
        self.await_same()
        self.round.expect(allowed=allowed)
        change()
        started = time.perf_counter()
        return self.round.wait_for(self._count, started, 60)
