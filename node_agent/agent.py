"""The running agent: its parts, its threads, and how it stops."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass

from node_agent.collect import Collector
from node_agent.config import Identity, StatePaths, load_key
from node_agent.errors import NothingStoredError
from node_agent.link import Edge
from node_agent.report import Reporter, ReportSigner
from node_agent.requests import AccessRequests
from node_agent.server import DecisionPoint, serve
from node_agent.state import AgentState, exclusive
from node_agent.sync import StatusFile, SyncLoop
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True)
class RunOptions:
    """What the command line says beyond the state folder."""

    port: int
    base_url: str
    wait: int
    edge: str | None
    ca_file: str | None
    # Where requests for access go; None tells nobody of any.
    access_requests: str | None = None


def run_agent(paths: StatePaths, options: RunOptions) -> None:
    """Run until SIGTERM or SIGINT."""
    identity = Identity.load(paths)
    key = load_key(paths)
    url = options.edge or identity.edge
    with exclusive(paths):
        state = AgentState(paths, identity, scratch=paths.bundle)
        state.sweep()
        signer = ReportSigner(identity, key)
        status = StatusFile(
            paths,
            tenant=identity.tenant,
            node=identity.node,
            name=identity.name,
            edge=url,
            boot_id=signer.boot_id,
            pid=os.getpid(),
            port=options.port,
        )
        _load_last_good(state, status)
        # Reports have a connection of their own: the other one is parked in a poll.
        sync_edge, report_edge, decision_edge = (
            Edge(url, identity=identity, key=key, ca_file=options.ca_file)
            for _ in range(3)
        )
        reporter = Reporter(signer, report_edge)
        loop = SyncLoop(
            state=state,
            edge=sync_edge,
            reporter=reporter,
            status=status,
            wait=options.wait,
        )
        collector = Collector(identity, key, decision_edge, boot_id=signer.boot_id)
        app = DecisionPoint(
            state,
            base_url=options.base_url,
            status=status.values,
            note=collector.note,
            requests=AccessRequests.of(
                identity,
                key,
                endpoint=options.access_requests,
                issuer=options.base_url,
            )
            if options.access_requests
            else None,
        )
        _serve(app, options.port, loop, reporter, collector)


def _serve(
    app: DecisionPoint,
    port: int,
    loop: SyncLoop,
    reporter: Reporter,
    collector: Collector,
) -> None:
    # The server raises the signal again after it has stopped. That must not kill us
    # before the state folder is closed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    # A parked poll cannot be interrupted, so its thread does not keep the process
    # alive. Whatever it was writing is whole or invisible.
    last_words = threading.Thread(target=collector.run, name="decisions", daemon=True)
    last_words.start()
    for name, work in (("sync", loop.run), ("reports", reporter.run)):
        threading.Thread(target=work, name=name, daemon=True).start()
    try:
        serve(app, port=port)
    finally:
        loop.stopping.set()
        reporter.stop()
        collector.stop()
        last_words.join(timeout=_LAST_WORDS_SECONDS)


def _load_last_good(state: AgentState, status: StatusFile) -> None:
    try:
        release = state.load()
    except NothingStoredError:
        log.info("No release on disk yet; everything is denied until one arrives.")
    except ProtocolError as error:
        log.error("The release on disk is not good, %s: %s", error.code, error)  # noqa: TRY400  # the trace adds nothing to the code
        status.failed(error)
    else:
        log.info("Start from revision %d on disk.", release.revision)
        status.holds(release)
