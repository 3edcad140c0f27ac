"""AuthZEN on the loopback interface, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
import uvicorn

from node_agent.server import BODY_LIMIT, DecisionPoint, configuration
from node_agent.state import AgentState
from tests.node_agent.conftest import EnrolledNode, enrolled_node
from tests.simulators.releases import ReleaseSimulator, records

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
METADATA = "/.well-known/authzen-configuration"
BASE = "https://pdp.example.com"
QUESTION: dict[str, Any] = {
    "subject": {"type": "User", "id": "alice"},
    "action": {"name": "restart"},
    "resource": {"type": "Node", "id": "web-1"},
}
BOB = {"type": "User", "id": "bob"}


class Client:
    """Asks the server."""

    def __init__(self, port: int) -> None:
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request("GET", path, headers=headers)

    def post(
        self, path: str, body: object, *, kind: str | None = "application/json"
    ) -> urllib3.BaseHTTPResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Request-ID": "request-1"}
        if kind is not None:
            headers["Content-Type"] = kind
        return self._pool.request("POST", path, body=content, headers=headers)

    def close(self) -> None:
        self._pool.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> AgentState:
    """Return a state that every test of this module only reads."""
    node = enrolled_node(tmp_path_factory.mktemp("server"), ReleaseSimulator())
    node.portal.publish(records())
    state = node.state()
    state.accept(node.portal.envelope())
    return state


def serving(state: AgentState) -> Iterator[Client]:
    app = DecisionPoint(state, base_url=BASE + "/", status=lambda: {"revision": 1})
    server = uvicorn.Server(configuration(app, port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    client = Client(server.servers[0].sockets[0].getsockname()[1])
    try:
        yield client
    finally:
        client.close()
        server.should_exit = True
        thread.join(5)


@pytest.fixture(scope="module")
def client(state: AgentState) -> Iterator[Client]:
    """Return a client of an agent that holds a release."""
    yield from serving(state)


@pytest.fixture
def early_client(node: EnrolledNode) -> Iterator[Client]:
    """Return a client of an agent that holds nothing yet."""
    yield from serving(node.state())


def test_a_permitted_request_is_answered_with_its_context(
    client: Client, state: AgentState
) -> None:
    response = client.post(EVALUATION, QUESTION)
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert answer["decision"] is True
    context = answer["context"]
    assert state.active is not None
    assert context["revision"] == 1
    assert context["policy_set_hash"] == state.active.fingerprint
    assert context["reason"] == "permitted"
    assert context["determining"] == ["restart-nodes"]
    assert {"evaluation_id", "evaluated_at"} <= set(context)


def test_a_denial_is_an_answer_with_status_200(client: Client) -> None:
    response = client.post(EVALUATION, {**QUESTION, "subject": BOB})
    assert (response.status, response.json()["decision"]) == (200, False)


def test_without_a_release_the_answer_is_no(early_client: Client) -> None:
    answer = early_client.post(EVALUATION, QUESTION).json()
    assert answer["decision"] is False
    assert answer["context"]["reason"] == "no_release"


def test_many_questions_get_as_many_answers_in_order(client: Client) -> None:
    body = {**QUESTION, "evaluations": [{}, {"subject": BOB}, {}]}
    answer = client.post(EVALUATIONS, body).json()
    decisions = [item["decision"] for item in answer["evaluations"]]
    assert decisions == [True, False, True]
    assert "decision" not in answer


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_a_batch_stops_where_its_semantic_says(
    client: Client, semantic: str, decisions: list[bool]
) -> None:
    body = {
        **QUESTION,
        "evaluations": [{}, {"subject": BOB}, {}],
        "options": {"evaluations_semantic": semantic, "unknown": 1},
    }
    answer = client.post(EVALUATIONS, body).json()
    assert [item["decision"] for item in answer["evaluations"]] == decisions


def test_an_incomplete_item_of_a_batch_is_denied_alone(client: Client) -> None:
    body = {
        "subject": QUESTION["subject"],
        "action": QUESTION["action"],
        "resource": {},
        "evaluations": [{}, {"resource": QUESTION["resource"]}],
    }
    response = client.post(EVALUATIONS, body)
    bad, good = response.json()["evaluations"]
    assert response.status == 200
    assert bad["decision"] is False
    assert bad["context"]["error"]["status"] == 400
    assert good["decision"] is True


@pytest.mark.parametrize("evaluations", [{}, {"evaluations": []}])
def test_a_batch_without_items_is_a_single_question(
    client: Client, evaluations: dict[str, Any]
) -> None:
    answer = client.post(EVALUATIONS, {**QUESTION, **evaluations}).json()
    assert answer["decision"] is True


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in QUESTION.items() if key != name}


BAD: list[object] = [
    *(without(name) for name in QUESTION),
    {**QUESTION, "subject": {"type": "User"}},
    {**QUESTION, "resource": {"id": "web-1"}},
    {**QUESTION, "action": {}},
    {**QUESTION, "subject": "alice"},
    {**QUESTION, "action": {"name": 7}},
    {**QUESTION, "context": []},
    [],
    b"",
    b"{",
    b"\xff",
]


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize("body", BAD, ids=repr)
def test_a_malformed_question_is_refused(
    client: Client, path: str, body: object
) -> None:
    response = client.post(path, body)
    assert response.status == 400
    assert isinstance(response.json(), str)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
def test_another_content_type_is_refused_with_400(
    client: Client, path: str, kind: str | None
) -> None:
    assert client.post(path, QUESTION, kind=kind).status == 400


def test_a_charset_does_not_make_another_content_type(client: Client) -> None:
    kind = "Application/JSON; charset=utf-8"
    assert client.post(EVALUATION, QUESTION, kind=kind).status == 200


def test_a_large_body_is_refused(client: Client) -> None:
    body = {**QUESTION, "context": {"padding": "x" * BODY_LIMIT}}
    assert client.post(EVALUATION, body).status == 413


@pytest.mark.parametrize("body", [QUESTION, b"{"])
def test_the_request_id_comes_back_also_on_errors(client: Client, body: object) -> None:
    assert client.post(EVALUATION, body).headers["X-Request-ID"] == "request-1"


def test_the_same_question_gets_the_same_decision(client: Client) -> None:
    answers = [client.post(EVALUATION, QUESTION).json() for _ in range(3)]
    assert {answer["decision"] for answer in answers} == {True}
    ids = {answer["context"]["evaluation_id"] for answer in answers}
    assert len(ids) == 3


def test_addresses_come_from_the_configuration_not_from_the_host(
    client: Client,
) -> None:
    metadata = client.get(METADATA, Host="evil.example").json()
    assert metadata == {
        "policy_decision_point": BASE,
        "access_evaluation_endpoint": BASE + EVALUATION,
        "access_evaluations_endpoint": BASE + EVALUATIONS,
        "search_subject_endpoint": BASE + "/access/v1/search/subject",
        "search_resource_endpoint": BASE + "/access/v1/search/resource",
        "search_action_endpoint": BASE + "/access/v1/search/action",
        "supported_obligations": ["notification", "session_termination", "step-up"],
    }


def test_health_says_whether_a_release_is_in_force(client: Client) -> None:
    assert client.get("/healthz").status == 200


def test_health_fails_before_the_first_release(early_client: Client) -> None:
    assert early_client.get("/healthz").status == 503
    assert early_client.get("/status").json()["age_seconds"] is None


def test_status_tells_the_age_of_the_release(client: Client) -> None:
    status = client.get("/status").json()
    assert status["revision"] == 1
    assert 0 <= status["age_seconds"] < 60


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", EVALUATION, 405), ("POST", METADATA, 405), ("GET", "/nothing", 404)],
)
def test_other_addresses_and_methods_are_refused(
    client: Client, method: str, path: str, status: int
) -> None:
    response = client.get(path) if method == "GET" else client.post(path, {})
    assert response.status == status
