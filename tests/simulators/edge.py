"""An edge on real HTTP: enrollment, long polls, reports, and faults on demand."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typing_extensions import override

from protocol.channel import (
    PROOF_HEADER,
    REPORT_TYPE,
    NodeProof,
    RequestParts,
    parse_proof,
    verify_request,
)
from protocol.envelope import (
    DELTA_MANIPULATION,
    ENVELOPE_TYPE,
    compress,
    dsse_verify,
    pack_envelope,
)
from protocol.errors import ProtocolError
from protocol.records import Record
from tests.simulators.releases import Files, ReleaseSimulator

TOKEN = "join-me"
_PATIENCE = 10.0


class EdgeSimulator:
    """What an edge knows, and the knobs that tests turn."""

    def __init__(self, portal: ReleaseSimulator | None = None) -> None:
        self.portal = portal or ReleaseSimulator()
        self.changed = threading.Condition()
        self.tokens = {TOKEN}
        self.nodes: dict[str, Ed25519PublicKey] = {}
        self.nonces: set[str] = set()
        self.reports: list[dict[str, Any]] = []
        self.syncs: list[dict[str, str]] = []
        self.connections = 0
        self.tamper: Callable[[Files], Files] | None = None
        self.tamper_delta: Callable[[Files], Files] | None = None
        self.failing: int | None = None
        self.failing_reports: int | None = None
        self.canned: tuple[int, bytes, dict[str, str]] | None = None
        self.is_patient = True
        self.url = ""

    def publish(self, records: Iterable[Record], **breaks: Any) -> int:
        """Sign a release and wake whoever waits."""
        with self.changed:
            revision = self.portal.publish(records, **breaks)
            self.changed.notify_all()
        return revision

    def envelope(self) -> bytes:
        files = self.portal.files()
        return pack_envelope(self.tamper(files) if self.tamper else files)

    def delta_for(self, etag: str) -> bytes | None:
        """Return the answer with the delta from what a node holds."""
        delta = self.portal.delta_from(etag)
        if delta is None:
            return None
        files = self.portal.delta_files(delta.base.revision)
        tampered = self.tamper_delta(files) if self.tamper_delta else files
        return compress(pack_envelope(tampered))

    def key_of(self, proof: NodeProof) -> Ed25519PublicKey:
        """Return the key that a proof must verify with, once per nonce."""
        key = self.nodes.get(proof.node)
        if key is None or proof.nonce in self.nonces:
            raise ProtocolError("unknown node or used nonce")
        return key

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something the edge sees has happened."""
        with self.changed:
            if not self.changed.wait_for(condition, timeout=_PATIENCE):
                raise AssertionError(f"{what} did not happen in {_PATIENCE} s")

    def wait_for_report(self, **fields: object) -> dict[str, Any]:
        """Wait for a report that says this."""

        def said() -> bool:
            return any(
                all(report[k] == v for k, v in fields.items())
                for report in self.reports
            )

        self.wait_for(said, f"a report of {fields} (got {self.reports})")
        return next(
            report
            for report in reversed(self.reports)
            if all(report[k] == v for k, v in fields.items())
        )

    @contextmanager
    def running(self) -> Iterator[EdgeSimulator]:
        """Serve on a free port of the loopback interface."""
        server = _Server(("127.0.0.1", 0), _Request)
        server.edge = self
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.is_patient = False
            with self.changed:
                self.changed.notify_all()
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    edge: EdgeSimulator

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that die in the middle; the tests kill them."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    @property
    def edge(self) -> EdgeSimulator:
        return self.server.edge

    @override
    def setup(self) -> None:
        super().setup()
        self.edge.connections += 1

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests readable."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._send_canned():
            return
        if self.path == "/edge/v1/enroll":
            self._enroll(json.loads(body))
        elif self.path == "/edge/v1/reports":
            self._report(body)
        else:
            self._refuse(404)

    def do_GET(self) -> None:
        if self._send_canned():
            return
        if self.path != "/edge/v1/sync":
            self._refuse(404)
            return
        edge = self.edge
        with edge.changed:
            edge.syncs.append(dict(self.headers))
            edge.changed.notify_all()
        if edge.failing:
            self._refuse(edge.failing)
        elif self._node(b"") is not None:
            self._sync()

    def _enroll(self, body: dict[str, str]) -> None:
        edge = self.edge
        if body["token"] not in edge.tokens or body["tenant"] != edge.portal.tenant:
            self._refuse(403)
            return
        edge.tokens.discard(body["token"])
        node = str(uuid.uuid4())
        raw = base64.urlsafe_b64decode(body["public_key"] + "=")
        edge.nodes[node] = Ed25519PublicKey.from_public_bytes(raw)
        answer = {
            "node": node,
            "tenant": edge.portal.tenant,
            "root": base64.b64encode(edge.portal.roots[0]).decode(),
            "revision": edge.portal.revision,
        }
        self._send(201, json.dumps(answer).encode(), "application/json")

    def _sync(self) -> None:
        edge = self.edge
        held = self.headers["If-None-Match"]
        deadline = time.monotonic() + int(self.headers["Prefer"].removeprefix("wait="))
        with edge.changed:
            while edge.portal.etag == held and edge.is_patient and not edge.failing:
                left = deadline - time.monotonic()
                if left <= 0 or not edge.changed.wait(left):
                    break
            answer = edge.envelope() if edge.portal.revision else b""
            stamp = base64.b64encode(edge.portal.timestamp).decode()
            etag = edge.portal.etag
            delta = edge.delta_for(held) if self._takes_delta() else None
        if not answer or etag == held:
            self._send(304, b"", "", **{"ETag": etag, "Portward-Timestamp": stamp})
        elif delta is not None:
            self._send(226, delta, ENVELOPE_TYPE, ETag=etag, IM=DELTA_MANIPULATION)
        else:
            self._send(200, answer, ENVELOPE_TYPE, ETag=etag)

    def _takes_delta(self) -> bool:
        return self.headers.get("A-IM") == DELTA_MANIPULATION

    def _report(self, body: bytes) -> None:
        edge = self.edge
        key = self._node(body)
        if key is None:
            return
        if edge.failing_reports:
            self._refuse(edge.failing_reports)
            return
        report = dsse_verify(body, payload_type=REPORT_TYPE, public_key=key)
        with edge.changed:
            edge.reports.append(report)
            edge.changed.notify_all()
        self._send(202, b"{}", "application/json")

    def _node(self, body: bytes) -> Ed25519PublicKey | None:
        edge = self.edge
        try:
            proof = parse_proof(self.headers.get(PROOF_HEADER, ""))
            key = edge.key_of(proof)
            parts = RequestParts(self.command, self.path, body)
            verify_request(proof, parts, public_key=key, now=int(time.time()))
        except ProtocolError as error:
            self._refuse(401, str(error))
            return None
        edge.nonces.add(proof.nonce)
        return key

    def _send_canned(self) -> bool:
        if self.edge.canned is None:
            return False
        status, body, headers = self.edge.canned
        self._send(status, body, "application/json", **headers)
        return True

    def _refuse(self, status: int, message: str = "no") -> None:
        body = json.dumps({"code": "edge.refused", "message": message}).encode()
        self._send(status, body, "application/json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = int(headers["Content-Length"]) != len(body)
