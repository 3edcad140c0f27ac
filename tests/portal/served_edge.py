"""An edge on a port of its own, and a node as the edge sees it."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections
from typing_extensions import override

from apps.audit.events import Actor
from apps.nodes import services as nodes
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.edge.application import Edge
from portal.edge.store import Store
from protocol.channel import PROOF_HEADER, REPORT_TYPE, RequestParts, sign_request
from protocol.envelope import dsse_sign

ACTOR = Actor.command("tests")
SYNC = "/edge/v1/sync"


class ClosingStore(Store):
    """A store whose thread gives its connections back when it ends."""

    @override
    def close(self) -> None:
        for thread in self.threads:
            thread.submit(connections.close_all).result()
        super().close()


class Served:
    """An edge on a port of its own."""

    def __init__(self) -> None:
        self.edge = Edge()
        config = uvicorn.Config(
            self.edge, host="127.0.0.1", port=0, lifespan="on", log_level="error"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.http = urllib3.PoolManager(maxsize=32)

    def start(self) -> None:
        self.thread.start()
        eventually(lambda: self.server.started and self.edge.hub.is_listening)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.http.clear()

    def ask(self, method: str, path: str, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(
            method, self.url + path, retries=False, redirect=False, **kwargs
        )


class NodeClient:
    """A node as the edge sees it."""

    def __init__(self, served: Served, tenant: Tenant, name: str) -> None:
        self.served, self.tenant, self.name = served, tenant, name
        self.key = Ed25519PrivateKey.generate()
        self.node = ""
        self.counter = 0

    def enroll(self, token: str) -> urllib3.BaseHTTPResponse:
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        body = {
            "tenant": str(self.tenant.pk),
            "token": token,
            "name": self.name,
            "public_key": base64.urlsafe_b64encode(raw).decode(),
        }
        answer = self.served.ask("POST", "/edge/v1/enroll", json=body)
        if answer.status == 201:
            self.node = answer.json()["node"]
        return answer

    def proof(self, method: str, path: str, body: bytes = b"", **change: Any) -> str:
        values: dict[str, Any] = {
            "tenant": str(self.tenant.pk),
            "node": self.node,
            "timestamp": int(time.time()),
            "nonce": secrets.token_bytes(16),
            "sign": self.key.sign,
        }
        return sign_request(RequestParts(method, path, body), **(values | change))

    def sync(
        self,
        etag: str = "",
        wait: int = 0,
        proof: str = "",
        held: str = "",
        revision: str = "1",
    ) -> urllib3.BaseHTTPResponse:
        sent = {
            "If-None-Match": etag,
            "Prefer": f"wait={wait}",
            PROOF_HEADER: proof or self.proof("GET", SYNC),
        }
        if held:
            sent |= {"Portward-Revision": revision, "Portward-Fingerprint": held}
        return self.served.ask("GET", SYNC, headers=sent)

    def report(self, **change: Any) -> urllib3.BaseHTTPResponse:
        self.counter += 1
        payload = {
            "tenant": str(self.tenant.pk),
            "node": self.node,
            "revision": 1,
            "fingerprint": "sha256:" + "0" * 64,
            "received_at": "2026-11-20T00:00:00+00:00",
            "activated_at": "2026-11-20T00:00:01+00:00",
            "duration_ms": 5,
            "error": "",
            "boot_id": "boot",
            "counter": self.counter,
        } | change
        body = dsse_sign(REPORT_TYPE, payload, key_id=self.node, sign=self.key.sign)
        path = "/edge/v1/reports"
        headers = {PROOF_HEADER: self.proof("POST", path, body)}
        return self.served.ask("POST", path, body=body, headers=headers)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("the condition did not come true")


def token_for(tenant: Tenant, name: str) -> str:
    with tenant_scope(tenant.pk):
        return nodes.create_join_token(actor=ACTOR, node_name=name)


def code(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    return answer.status, json.loads(answer.data)["code"]
