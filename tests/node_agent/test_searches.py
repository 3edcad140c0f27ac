"""AuthZEN searches of the agent: over real HTTP, and without holding it up."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pytest

from engine.authzen_search import parse_search
from engine.decide import Decision, PolicyEngine, Request
from engine.search import Sought
from node_agent import searches
from node_agent.errors import BusyError
from node_agent.searches import Searches
from node_agent.state import AgentState
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PrincipalRecord,
    ResourceRecord,
)
from tests.engine.builders import NOON, WEB, policy, principal, resource
from tests.node_agent.conftest import enrolled_node
from tests.node_agent.test_server import BOB, QUESTION, Client, serving
from tests.simulators.releases import ALICE, NODE, ReleaseSimulator, records

T = TypeVar("T")
CAROL = EntityRef("User", "carol")
SUBJECTS = "/access/v1/search/subject"
RESOURCES = "/access/v1/search/resource"
ACTIONS = "/access/v1/search/action"
EVERY_SUBJECT = {**QUESTION, "subject": {"type": "User"}}
EVERY_NODE = {**QUESTION, "resource": {"type": "Node"}}
EVERY_ACTION = {name: QUESTION[name] for name in ("subject", "resource")}
BODIES = {SUBJECTS: EVERY_SUBJECT, RESOURCES: EVERY_NODE, ACTIONS: EVERY_ACTION}


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a thread of its own: another test's loop may run in ours."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a client of an agent whose release knows Alice and a node."""
    node = enrolled_node(tmp_path_factory.mktemp("searches"), ReleaseSimulator())
    known = [
        PrincipalRecord("User::alice", ALICE, {}),
        PrincipalRecord("User::bob", EntityRef("User", "bob"), {}),
        AssignmentRecord("assignment-2", CAROL, "operators"),
        ResourceRecord("Node::web-1", NODE, {}),
    ]
    node.portal.publish([*records(), *known])
    state = node.state()
    state.accept(node.portal.envelope())
    yield from serving(state)


@pytest.mark.parametrize(
    ("path", "results"),
    [
        (
            SUBJECTS,
            [{"type": "User", "id": "alice"}, {"type": "User", "id": "carol"}],
        ),
        (RESOURCES, [{"type": "Node", "id": "web-1"}]),
        (ACTIONS, [{"name": "restart"}]),
    ],
    ids=["subject", "resource", "action"],
)
def test_a_search_answers_with_what_would_be_permitted(
    client: Client, path: str, results: list[dict[str, str]]
) -> None:
    response = client.post(path, BODIES[path])

    assert (response.status, response.json()) == (200, {"results": results})
    assert response.headers["X-Request-ID"] == "request-1"


def test_results_are_true_when_asked_again(client: Client) -> None:
    for result in client.post(SUBJECTS, EVERY_SUBJECT).json()["results"]:
        again = client.post("/access/v1/evaluation", {**QUESTION, "subject": result})
        assert again.json()["decision"] is True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RESOURCES, {**EVERY_NODE, "subject": BOB}),
        (RESOURCES, {**EVERY_NODE, "subject": {"type": "User", "id": "nobody"}}),
        (RESOURCES, {**EVERY_NODE, "resource": {"type": "Unknown"}}),
        (SUBJECTS, {**EVERY_SUBJECT, "resource": {"type": "Node", "id": "web-9"}}),
        (SUBJECTS, {**EVERY_SUBJECT, "action": {"name": "fly"}}),
        (ACTIONS, {**EVERY_ACTION, "subject": {"type": "X", "id": "alice"}}),
    ],
    ids=["not permitted", "who", "type", "what", "action", "type of who"],
)
def test_what_is_not_known_or_permitted_is_an_empty_answer(
    client: Client, path: str, body: dict[str, Any]
) -> None:
    response = client.post(path, body)

    assert (response.status, response.json()) == (200, {"results": []})


@pytest.mark.parametrize("path", list(BODIES))
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"page": {"limit": 0}}, "application/json"),
        ({"page": {"token": "x"}}, "application/json"),
        ({"resource": "web-1"}, "application/json"),
        ({"context": {"ip": "nowhere"}}, "application/json"),
        ({}, "text/plain"),
        ({}, None),
    ],
    ids=["limit", "token", "resource", "context", "media type", "no media type"],
)
def test_a_malformed_search_is_a_400_and_keeps_its_request_id(
    client: Client, path: str, change: dict[str, Any], kind: str | None
) -> None:
    response = client.post(path, {**BODIES[path], **change}, kind=kind)

    assert response.status == 400
    assert response.headers["X-Request-ID"] == "request-1"


@pytest.mark.parametrize("path", list(BODIES))
@pytest.mark.parametrize("body", [b"", b"{", b"[]"], ids=["empty", "broken", "list"])
def test_a_body_that_is_no_object_is_a_400(
    client: Client, path: str, body: bytes
) -> None:
    assert client.post(path, body).status == 400


def test_searches_are_asked_with_post(client: Client) -> None:
    assert client.get(SUBJECTS).status == 405


def test_the_pages_of_a_search_follow_each_other_by_token_alone(
    client: Client,
) -> None:
    body = {**EVERY_SUBJECT, "page": {"limit": 1}}
    first = client.post(SUBJECTS, body).json()
    token = first["page"]["next_token"]
    assert token

    last = client.post(SUBJECTS, {**EVERY_SUBJECT, "page": {"token": token}}).json()

    assert first["results"] == [{"type": "User", "id": "alice"}]
    assert last == {
        "results": [{"type": "User", "id": "carol"}],
        "page": {"next_token": "", "count": 1},
    }


@dataclass
class Release:
    """As much of a release in force as a search needs."""

    engine: PolicyEngine


class State:
    """A state in which any question costs a tick of the clock."""

    def __init__(self, people: int) -> None:
        crowd = [principal(EntityRef("User", f"u{n:05}")) for n in range(people)]
        self.active = Release(
            PolicyEngine.from_records([policy("p", when=()), resource(WEB), *crowd], {})
        )
        self.decided = 0

    def decide(self, _request: Request, _release: object) -> Decision:
        self.decided += 1
        return Decision(allowed=True, reason="permitted")


def ask(state: State, **changes: Any) -> Searches:
    return Searches(cast("AgentState", state), **changes)


SEARCH = parse_search(
    Sought.SUBJECT,
    {
        "subject": {"type": "User"},
        "action": {"name": "restart"},
        "resource": {"type": "Node", "id": "web-1"},
    },
    NOON,
)


@pytest.fixture(autouse=True)
def _known_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyEngine, "actions", frozenset({"restart"}))


def test_a_long_search_lets_others_go_first() -> None:
    state = State(500)

    async def run() -> int:
        turns = 0
        search = asyncio.create_task(ask(state).answer(SEARCH))
        while not search.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert finish(run()) > 500 / 10
    assert state.decided == 500


def test_a_page_ends_after_so_many_candidates() -> None:
    state = State(searches.MOST_CANDIDATES + 1)

    answer = cast("Any", finish(ask(state).answer(SEARCH)))

    assert state.decided == searches.MOST_CANDIDATES
    assert answer["page"]["next_token"]


def test_a_page_ends_after_so_much_time() -> None:
    state = State(50)
    clock = iter([0.0, 0.1, 0.2, searches.MOST_SECONDS])

    answer = cast("Any", finish(ask(state, clock=lambda: next(clock)).answer(SEARCH)))

    assert len(answer["results"]) == 3
    assert answer["page"]["next_token"]


def test_only_so_many_searches_wait() -> None:
    state = State(20)

    async def run() -> list[object]:
        asked = ask(state)
        many = [asked.answer(SEARCH) for _ in range(searches.MOST_WAITING + 1)]
        return list(await asyncio.gather(*many, return_exceptions=True))

    answers = finish(run())
    assert [isinstance(answer, BusyError) for answer in answers] == [
        *([False] * searches.MOST_WAITING),
        True,
    ]


def test_a_new_release_is_searched_from_then_on() -> None:
    state = State(1)
    asked = ask(state)
    before = cast("Any", finish(asked.answer(SEARCH)))

    state.active = State(2).active

    after = cast("Any", finish(asked.answer(SEARCH)))
    assert (len(before["results"]), len(after["results"])) == (1, 2)
