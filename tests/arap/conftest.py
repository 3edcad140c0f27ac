"""A tenant whose nodes tell what may be asked for, a portal over HTTP, and an agent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import uvicorn
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.accounts.services import TokenProof, actor_for, settle_refusals
from apps.approvals.models import ApprovalRequest
from apps.arap.choices import DRAFT
from apps.elevations.models import Eligibility
from apps.keys.tasks import ensure_tenant_keys
from apps.outbox.services import drain
from apps.policies.services import save_draft
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from node_agent.config import load_key
from node_agent.requests import AccessRequests
from node_agent.server import DecisionPoint, configuration
from tests.factories.approvals import CONTENT, People, make_request
from tests.factories.clients import token_of
from tests.factories.elevations import SYSTEM, build_roles, make_principal, offer
from tests.node_agent.test_with_the_portal import Agent, edge_url

__all__ = ["edge_url"]
QUESTION: dict[str, Any] = {
    "subject": {"type": "User", "id": "mia"},
    "action": {"name": "deploy"},
    "resource": {"type": "Namespace", "id": "shop"},
}
PROVEN = TokenProof(acr="phr")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


class Portal:
    """The portal as programs reach it, over real HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(retries=False)

    def ask(
        self, method: str, url: str, token: str, body: object = None, **headers: str
    ) -> Answer:
        """Send one request."""
        sent = {"Authorization": f"Bearer {token}", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        answer = self._pool.request(
            method,
            url if "://" in url else self.url + url,
            body=json.dumps(body).encode() if body is not None else None,
            headers=sent,
        )
        return Answer(answer.status, answer.headers, json.loads(answer.data))

    def request_for(
        self, denial: dict[str, Any], token: str, /, **changes: Any
    ) -> Answer:
        """Ask for what a denial says may be asked for."""
        headers = changes.pop("headers", {})
        context = denial["context"]
        told = context["access_request"]
        body = {
            **QUESTION,
            "denial": {
                "evaluation_id": context["evaluation_id"],
                "binding_token": told["binding_token"],
                "template": told["template"],
            },
            "requested_access": {"justification": "The shop does not answer."},
        } | changes
        return self.ask("POST", told["endpoint"], token, body, **headers)

    def close(self) -> None:
        """Let the connections go."""
        self._pool.clear()


class Pdp:
    """A node that decides, over real HTTP."""

    def __init__(self, agent: Agent, port: int) -> None:
        self.agent = agent
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False)

    def decide(self, **changes: Any) -> dict[str, Any]:
        """Ask whether Mia may deploy to the shop."""
        answer = self._pool.request(
            "POST",
            "/access/v1/evaluation",
            body=json.dumps(QUESTION | changes).encode(),
            headers={"Content-Type": "application/json"},
        )
        return dict(answer.json())

    def follow(self) -> None:
        """Fetch what the portal has released."""
        drain()
        self.agent.loop.step()

    def close(self) -> None:
        """Let the connections go."""
        self._pool.close()


@pytest.fixture(autouse=True)
def speaking(settings: Settings) -> None:
    """Speak the draft."""
    settings.PORTWARD_AUTHZEN_ACCESS_REQUEST = DRAFT


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    found = People(tenant, tmp_path)
    yield found
    settle_refusals()


@pytest.fixture
def offered(tenant: Tenant, people: People) -> Eligibility:
    """Let Mia ask to be a developer, which permits what she wants to do."""
    olga = people("olga", "security_admin").user
    mia = people("mia", "member")
    approvers = [people(name) for name in ("anna", "ben")]
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        build_roles()
        content = CONTENT | {"name": "Deploy", "owner": "Shop team"}
        content |= {"windows": [], "locations": [], "conditions": []}
        draft = save_draft(
            actor=actor_for(olga), policy_id=None, content=content, expected_lock=None
        )
        request = make_request(olga, draft.pk)
        for approver in approvers:
            request.refresh_from_db()
            if request.is_open:
                approver.vote(request)
        found = offer(make_principal(mia))
    drain()
    return found


@pytest.fixture
def portal(live_server: LiveServer, settings: Settings) -> Iterator[Portal]:
    settings.PORTWARD_WEB_URL = live_server.url
    found = Portal(live_server.url)
    yield found
    found.close()


@pytest.fixture
def pdp(
    tmp_path: Path,
    edge_url: str,  # the fixture
    tenant: Tenant,
    offered: Eligibility,  # noqa: ARG001
    portal: Portal,
) -> Iterator[Pdp]:
    """Return an agent that serves, which holds the tenant's release."""
    agent = Agent(tmp_path / "node", edge_url, tenant)
    agent.loop.step()
    issuer = "http://127.0.0.1"
    requests = AccessRequests.of(
        agent.identity,
        load_key(agent.paths),
        endpoint=f"{portal.url}/access/v1/requests",
        issuer=issuer,
    )
    app = DecisionPoint(agent.state, base_url=issuer, status=dict, requests=requests)
    server = uvicorn.Server(configuration(app, port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    found = Pdp(agent, server.servers[0].sockets[0].getsockname()[1])
    yield found
    found.close()
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def approve(tenant: Tenant, people: People) -> Callable[[str], None]:
    """Return a function by which somebody approves what waits, with their passkey."""

    def vote(name: str) -> None:
        with tenant_scope(tenant.pk):
            people(name).vote(ApprovalRequest.objects.get(state="open"))

    return vote


@pytest.fixture
def token(tenant: Tenant, offered: Eligibility, people: People) -> str:  # noqa: ARG001
    """Return a token of Mia's, made right after she used her passkey."""
    return token_of(tenant, people("mia").user, proof=PROVEN)
