"""The numbered steps between bytes from the edge and a release in force.

A release is believed only after these, in this order:

 1. fix "now" once, so that no step sees another time than the one before it
 2. size: the answer is not larger than the cap
 3. archive: the envelope has no links, no paths, no duplicates
 4. signatures: root chain, timestamp, snapshot, targets (the client workflow of TUF,
    section 5 of the specification), then length and hashes of the bundle
 5. tenant: the signed tenant is our own
 6. revision: greater than the one held; the same is no change, a lower one a rollback
 7. content: strict schema, and the records add up to the signed state digest
 8. engine: every statement says what the release says of it, and the engine builds
 9. self-test: the tests that the release carries pass
10. swap: the new engine answers
11. store: bundle and trust metadata become durable together, by one rename
12. report: the portal is told

trust_store.py does 1 to 9, state.py 10 and 11, sync.py 12. A release on disk has passed
its tests before, so they are not run again at a start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from protocol.errors import ProtocolError


class Step(IntEnum):
    """The numbered steps of the module's documentation."""

    NOW = 1
    SIZE = 2
    ARCHIVE = 3
    SIGNATURES = 4
    TENANT = 5
    REVISION = 6
    CONTENT = 7
    ENGINE = 8
    SELF_TEST = 9
    SWAP = 10
    STORE = 11
    REPORT = 12


STEP_TITLES = {
    Step.NOW: "now is fixed",
    Step.SIZE: "size is within the cap",
    Step.ARCHIVE: "archive is safe",
    Step.SIGNATURES: "signatures, freshness and hashes hold",
    Step.TENANT: "tenant is our own",
    Step.REVISION: "revision is not older",
    Step.CONTENT: "content adds up to the signed digest",
    Step.ENGINE: "engine builds",
    Step.SELF_TEST: "tests of the release pass",
    Step.SWAP: "engine answers",
    Step.STORE: "release is stored",
    Step.REPORT: "portal is told",
}


@dataclass(frozen=True)
class StepResult:
    """How one step ended."""

    step: Step
    code: str
    detail: str

    @property
    def passed(self) -> bool:
        """Say whether the step raised nothing."""
        return not self.code


@dataclass
class Trace:
    """What was checked, in the order it was checked."""

    results: list[StepResult] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, step: Step, detail: str = "") -> Iterator[None]:
        """Record whether the body passes."""
        try:
            yield
        except ProtocolError as error:
            self.results.append(StepResult(step, error.code, str(error)))
            raise
        self.results.append(StepResult(step, "", detail))
