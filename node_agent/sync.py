"""Keep the node's release equal to the portal's: ask, take, report, ask again."""

from __future__ import annotations

import logging
import threading
from typing import Any

from engine.selftest import SelfTest
from node_agent.backoff import Backoff
from node_agent.config import StatePaths, write_json
from node_agent.errors import (
    AgentError,
    EdgeFailedError,
    EdgeRefusedError,
    ReleaseWithheldError,
    SelfTestFailedError,
    StateError,
)
from node_agent.link import Answer, Edge
from node_agent.report import Report, Reporter
from node_agent.state import Acceptance, ActiveRelease, AgentState, utc_now
from protocol.errors import BundleUnsignedError, ProtocolError

log = logging.getLogger(__name__)


class SyncLoop:
    """Keep the node's release equal to the portal's, for as long as it runs."""

    def __init__(
        self,
        *,
        state: AgentState,
        edge: Edge,
        reporter: Reporter,
        status: StatusFile,
        wait: int = 25,
        backoff: Backoff | None = None,
    ) -> None:
        self._state = state
        self._edge = edge
        self._reporter = reporter
        self._status = status
        self._wait = wait
        self._backoff = backoff or Backoff()
        self._wants_envelope = False
        self.stopping = threading.Event()

    def run(self) -> None:
        """Say what a start from disk brought, then ask until told to stop."""
        self._report()
        while not self.stopping.is_set():
            try:
                pause = self.step()
            except Exception:  # a node must not stay behind while it looks alive
                log.exception("The sync loop failed; it goes on.")
                self._status.failed(AgentError("The sync loop failed; see the log."))
                pause = self._backoff.next()
            self.stopping.wait(pause)

    def step(self) -> float:
        """Ask once; return how many seconds to wait before asking again."""
        try:
            answer = self._ask()
            self._take(answer)
        except StateError as error:
            # Enforced, but not stored. The whole envelope again is the next try.
            log.error("%s: %s", error.code, error)  # noqa: TRY400  # the trace adds nothing to the code
            self._wants_envelope = True
            self._status.failed(error, reached=True)
            self._report(error=error.code)
            return self._backoff.next()
        except AgentError as error:
            log.warning("%s: %s", error.code, error)
            reached = isinstance(error, EdgeFailedError | EdgeRefusedError)
            self._status.failed(error, reached=reached)
            return self._backoff.next(asked=error.retry_after)
        except ProtocolError as error:
            log.error("Refused what the edge sent, %s: %s", error.code, error)  # noqa: TRY400  # the trace adds nothing to the code
            self._status.failed(error, reached=True)
            self._report(error=error.code, tests=_tests_of(error))
            return self._backoff.next()
        self._status.succeeded(self._state.active)
        return self._pause(answer)

    def _ask(self) -> Answer:
        active = self._state.active
        if active is None:
            return self._edge.sync(
                etag="", revision=None, fingerprint="", wait=self._wait
            )
        return self._edge.sync(
            etag="" if self._wants_envelope else active.etag,
            revision=active.revision,
            fingerprint=active.fingerprint,
            wait=self._wait,
            takes_delta=not self._wants_envelope,
        )

    def _take(self, answer: Answer) -> None:
        if answer.envelope is not None:
            accepted = self._accept(answer, answer.envelope)
            if accepted is None:
                return
            self._wants_envelope = False
            if accepted.is_change:
                log.info(
                    "Revision %d is in force after %d ms.",
                    accepted.release.revision,
                    accepted.duration_ms,
                )
            self._report(accepted)
            return
        if answer.stamp is not None and self._state.active is not None:
            try:
                self._state.confirm(answer.stamp)
            except ReleaseWithheldError:
                # It may have been signed this moment. Ask for it by name, once.
                if self._wants_envelope:
                    raise
                self._wants_envelope = True
                return
            except BundleUnsignedError:
                # The keys may have changed without a new release. A whole envelope
                # brings the root chain along; a timestamp alone cannot.
                self._wants_envelope = True
                raise
        self._report()

    def _accept(self, answer: Answer, envelope: bytes) -> Acceptance | None:
        """Take a release; None for a delta that is discarded for the whole release."""
        try:
            return self._state.accept(envelope)
        except AgentError:
            raise
        except ProtocolError as error:
            if not answer.is_delta:
                raise
            log.warning("Discarded a delta, %s: %s", error.code, error)
            self._wants_envelope = True
            self._report(error=error.code, tests=_tests_of(error))
            return None

    def _pause(self, answer: Answer) -> float:
        if (
            answer.envelope is None
            and answer.seconds < self._wait / 2
            and not self._wants_envelope
        ):
            # The edge did not wait although it was asked to. Asking again at once would
            # turn a long poll into a busy loop.
            return self._backoff.next()
        self._backoff.reset()
        return 0.0

    def _report(
        self,
        accepted: Acceptance | None = None,
        *,
        error: str = "",
        tests: SelfTest | None = None,
    ) -> None:
        active = self._state.active
        if active is None and not error:
            return
        self._reporter.submit(
            Report(
                revision=active.revision if active else None,
                fingerprint=active.fingerprint if active else None,
                received_at=active.received_at if active else None,
                activated_at=active.activated_at if active else None,
                duration_ms=accepted.duration_ms if accepted else None,
                error=error,
                self_test=accepted.self_test if accepted else tests,
            )
        )


def _tests_of(error: ProtocolError) -> SelfTest | None:
    return error.found if isinstance(error, SelfTestFailedError) else None


class StatusFile:
    """What the running agent last knew, for `portward-agent status`."""

    def __init__(self, paths: StatePaths, **fixed: object) -> None:
        self._path = paths.status
        self._values: dict[str, Any] = {
            "revision": None,
            "fingerprint": None,
            "last_contact": None,
            "last_error": None,
            **fixed,
        }

    def succeeded(self, active: ActiveRelease | None) -> None:
        """Note a contact without complaint."""
        self._values["last_error"] = None
        self._values["last_contact"] = utc_now().isoformat()
        self.holds(active)

    def holds(self, active: ActiveRelease | None) -> None:
        """Note the release in force."""
        self._values["revision"] = active.revision if active else None
        self._values["fingerprint"] = active.fingerprint if active else None
        self._write()

    def failed(self, error: ProtocolError, *, reached: bool = False) -> None:
        """Note what went wrong, and whether the edge answered at all."""
        now = utc_now().isoformat()
        if reached:
            self._values["last_contact"] = now
        self._values["last_error"] = {
            "code": error.code,
            "message": str(error),
            "at": now,
        }
        self._write()

    def values(self) -> dict[str, Any]:
        """Return a copy of what is known."""
        return dict(self._values)

    def _write(self) -> None:
        try:
            write_json(self._path, self._values)
        except OSError as error:
            log.warning("Cannot write %s: %s", self._path, error)
