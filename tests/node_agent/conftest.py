"""An enrolled node, its state, and a portal to serve it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node_agent.config import Identity, StatePaths, create_key, write_durably
from node_agent.state import AgentState
from tests.simulators.edge import EdgeSimulator
from tests.simulators.releases import ReleaseSimulator


@dataclass
class EnrolledNode:
    """A state folder as enrollment leaves it."""

    paths: StatePaths
    identity: Identity
    portal: ReleaseSimulator

    def state(self) -> AgentState:
        """Return the state as a newly started agent sees it."""
        return AgentState(self.paths, self.identity, scratch=self.paths.bundle)

    def trust_files(self) -> dict[str, bytes]:
        """Return every file that trust depends on."""
        folder = self.paths.bundle
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def portal() -> ReleaseSimulator:
    return ReleaseSimulator()


Enroll = Callable[..., EnrolledNode]


@pytest.fixture
def enroll(tmp_path: Path, portal: ReleaseSimulator) -> Enroll:
    """Return a function that makes an enrolled node without asking an edge."""

    def enroll(**identity: Any) -> EnrolledNode:
        return enrolled_node(tmp_path / "node", portal, **identity)

    return enroll


def enrolled_node(
    folder: Path,
    portal: ReleaseSimulator,
    *,
    edge: str = "http://127.0.0.1:1",
    floor: int = 0,
) -> EnrolledNode:
    """Make a state folder as enrollment leaves it."""
    paths = StatePaths(folder)
    paths.create()
    create_key(paths)
    write_durably(paths.root, portal.roots[0])
    identity = Identity(
        tenant=portal.tenant,
        node="0d2c6a52-6a1f-4f0e-8f4e-5a5b8ad3c001",
        name="web-1",
        edge=edge,
        floor=floor,
    )
    identity.save(paths)
    return EnrolledNode(paths, identity, portal)


@pytest.fixture
def node(enroll: Enroll) -> EnrolledNode:
    """Return an enrolled node that has seen no release."""
    return enroll()


@pytest.fixture
def edge(portal: ReleaseSimulator) -> Iterator[EdgeSimulator]:
    """Return an edge that serves on real HTTP."""
    with EdgeSimulator(portal).running() as simulator:
        yield simulator
