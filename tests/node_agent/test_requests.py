"""A denial that may be asked about says so, signed by the node."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node_agent.__main__ import _parser
from node_agent.config import load_key
from node_agent.requests import AccessRequests
from node_agent.server import DecisionPoint, configuration
from protocol.records import EligibilityRecord, EntityRef
from tests.node_agent.conftest import EnrolledNode, enrolled_node
from tests.node_agent.test_server import BASE, EVALUATION, METADATA, QUESTION, Client
from tests.simulators.releases import ReleaseSimulator, records

ENDPOINT = "https://portal.example/access/v1/requests"
BOB = {"type": "User", "id": "bob"}
OFFERED = EligibilityRecord(
    *("e1", "Restart web nodes", "operators", "operator", 30),
    principals=(EntityRef("User", "bob"),),
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> EnrolledNode:
    found = enrolled_node(tmp_path_factory.mktemp("requests"), ReleaseSimulator())
    found.portal.publish((*records(), OFFERED))
    return found


@pytest.fixture(scope="module")
def client(node: EnrolledNode) -> Iterator[Client]:
    state = node.state()
    state.accept(node.portal.envelope())
    app = DecisionPoint(
        state,
        base_url=BASE,
        status=dict,
        requests=AccessRequests.of(
            node.identity, load_key(node.paths), endpoint=ENDPOINT, issuer=BASE
        ),
    )
    server = uvicorn.Server(configuration(app, port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    found = Client(server.servers[0].sockets[0].getsockname()[1])
    yield found
    found.close()
    server.should_exit = True
    thread.join(5)


def ask(client: Client, **changes: Any) -> dict[str, Any]:
    return dict(client.post(EVALUATION, QUESTION | changes).json())


def decoded(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))


def test_the_metadata_says_where_requests_go(client: Client) -> None:
    metadata = client.get(METADATA).json()
    assert metadata["access_request_endpoint"] == ENDPOINT
    assert metadata["jwks_uri"] == f"{BASE}/.well-known/jwks.json"
    assert metadata["capabilities"] == ["urn:openid:authzen:capability:access-request"]


def test_a_requestable_denial_stays_a_denial(client: Client) -> None:
    answer = ask(client, subject=BOB)
    assert answer["decision"] is False
    told = answer["context"]["access_request"]
    assert answer["context"]["reason"] == "approval_required"
    assert told["endpoint"] == ENDPOINT
    assert told["template"] == "operator"
    assert told["display"]["title"] == "Restart web nodes"


def test_the_binding_is_signed_by_the_key_that_the_node_publishes(
    client: Client, node: EnrolledNode
) -> None:
    answer = ask(client, subject=BOB)
    header, claims, signature = answer["context"]["access_request"][
        "binding_token"
    ].split(".")
    (jwk,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert decoded(header)["kid"] == jwk["kid"] == node.identity.node
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))
    key.verify(
        base64.urlsafe_b64decode(signature + "=="), f"{header}.{claims}".encode()
    )
    assert decoded(claims)["jti"] == answer["context"]["evaluation_id"]
    assert decoded(claims)["aud"] == ENDPOINT
    assert decoded(claims)["subject"] == BOB


def test_a_permit_says_nothing_of_requests(client: Client) -> None:
    answer = ask(client)
    assert answer["decision"] is True
    assert "access_request" not in answer["context"]


def test_whoever_may_ask_for_nothing_is_told_nothing(client: Client) -> None:
    answer = ask(client, subject={"type": "User", "id": "mallory"})
    assert answer["decision"] is False
    assert "access_request" not in answer["context"]


def test_an_approval_that_was_made_up_changes_nothing(client: Client) -> None:
    approval = {"id": "made-up", "approved_until": "2999-01-01T00:00:00Z"}
    answer = ask(client, subject=BOB, context={"approval": approval})
    assert answer["decision"] is False
    assert answer["context"]["reason"] == "approval_unverifiable"
    assert answer["context"]["next_action"] == "none"
    assert "access_request" not in answer["context"]


def test_an_approval_that_is_over_may_be_asked_for_again(client: Client) -> None:
    approval = {"id": "a-0", "approved_until": "2020-01-01T00:00:00Z"}
    answer = ask(client, subject=BOB, context={"approval": approval})
    assert answer["context"]["reason"] == "approval_expired"
    assert answer["context"]["next_action"] == "request"
    assert "binding_token" in answer["context"]["access_request"]


@pytest.mark.parametrize(
    ("address", "is_accepted"),
    [
        (ENDPOINT, True),
        ("http://localhost:8000/access/v1/requests", True),
        ("http://portal.example/access/v1/requests", False),
        ("portal", False),
    ],
)
def test_requests_go_to_an_https_address(address: str, *, is_accepted: bool) -> None:
    arguments = ["run", "--state", "x", "--access-requests", address]
    if is_accepted:
        assert _parser().parse_args(arguments).access_requests == address
    else:
        with pytest.raises(SystemExit):
            _parser().parse_args(arguments)
