"""Tell the portal what this node runs: signed, retried until accepted, newest wins."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.selftest import SelfTest
from node_agent.backoff import Backoff
from node_agent.config import Identity
from node_agent.errors import AgentError
from protocol.channel import REPORT_TYPE
from protocol.envelope import dsse_sign
from protocol.errors import ProtocolError

_MOST_NAMES = 20
_LONGEST_NAME = 200
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What the node runs, or why it did not take what it was given."""

    revision: int | None
    fingerprint: str | None
    received_at: datetime | None
    activated_at: datetime | None
    duration_ms: int | None
    error: str
    self_test: SelfTest | None = None

    def says_the_same(self, other: Report | None) -> bool:
        """Say whether the portal would learn nothing new."""
        return other is not None and (
            (self.revision, self.fingerprint, self.error)
            == (other.revision, other.fingerprint, other.error)
        )


class ReportSink(Protocol):
    """Where signed reports go."""

    def send_report(self, body: bytes) -> None:
        """Deliver, or raise ProtocolError."""


class ReportSigner:
    """Sign reports as this node, in this run.

    `boot_id` is drawn at start and `counter` grows with every signature, so that two
    copies of one node's key give themselves away.
    """

    def __init__(self, identity: Identity, key: Ed25519PrivateKey) -> None:
        self._identity = identity
        self._key = key
        self.boot_id = str(uuid.uuid4())
        self._counter = 0

    def sign(self, report: Report) -> bytes:
        """Return the report in a DSSE envelope."""
        self._counter += 1
        payload = {
            "tenant": self._identity.tenant,
            "node": self._identity.node,
            "revision": report.revision,
            "fingerprint": report.fingerprint,
            "received_at": _text(report.received_at),
            "activated_at": _text(report.activated_at),
            "duration_ms": report.duration_ms,
            "error": report.error,
            "self_test": _tests(report.self_test),
            "boot_id": self.boot_id,
            "counter": self._counter,
        }
        return dsse_sign(
            REPORT_TYPE, payload, key_id=self._identity.node, sign=self._key.sign
        )


class Reporter:
    """Deliver the newest report from a thread of its own."""

    def __init__(
        self,
        signer: ReportSigner,
        sink: ReportSink,
        *,
        backoff: Backoff | None = None,
    ) -> None:
        self._signer = signer
        self._sink = sink
        self._backoff = backoff or Backoff()
        self._changed = threading.Condition()
        self._pending: Report | None = None
        self._last: Report | None = None
        self._stopped = False

    def submit(self, report: Report) -> None:
        """Replace whatever was still waiting; the portal wants the newest state."""
        with self._changed:
            if report.says_the_same(self._last):
                return
            self._last = self._pending = report
            self._changed.notify()

    def stop(self) -> None:
        """End the thread; what was not delivered is told again at the next start."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Deliver until stopped."""
        while (report := self._next()) is not None:
            try:
                self._sink.send_report(self._signer.sign(report))
            except ProtocolError as error:
                log.warning("Report not accepted: %s", error)
                asked = error.retry_after if isinstance(error, AgentError) else 0.0
                self._wait_before_retry(report, asked)
                continue
            self._backoff.reset()
            self._settle(report)

    def _next(self) -> Report | None:
        with self._changed:
            while self._pending is None and not self._stopped:
                self._changed.wait()
            return None if self._stopped else self._pending

    def _settle(self, report: Report) -> None:
        with self._changed:
            if self._pending is report:
                self._pending = None

    def _wait_before_retry(self, report: Report, asked: float) -> None:
        pause = self._backoff.next(asked=asked)
        with self._changed:
            # News does not wait for a failure to pass, but for what the edge asked.
            self._changed.wait_for(
                lambda: self._stopped or (not asked and self._pending is not report),
                timeout=pause,
            )


def _tests(found: SelfTest | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "passed": found.passed,
        "failed": len(found.failed),
        "names": [name[:_LONGEST_NAME] for name in found.names[:_MOST_NAMES]],
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
