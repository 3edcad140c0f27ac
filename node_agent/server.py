"""Answer access questions on the loopback interface: OpenID AuthZEN 1.0, raw ASGI.

The server holds no state of its own; it reads the release in force for every question.
"""

from __future__ import annotations

import inspect
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Protocol

import uvicorn

from engine import authzen, authzen_search
from engine.decide import Decision, Request
from engine.obligations import SUPPORTED
from engine.search import Sought
from node_agent.errors import BusyError
from node_agent.requests import JWKS_PATH, AccessRequests
from node_agent.searches import Searches
from node_agent.state import ActiveRelease, AgentState

logger = logging.getLogger(__name__)

EVALUATION_PATH = "/access/v1/evaluation"
EVALUATIONS_PATH = "/access/v1/evaluations"
SEARCH_PATH = "/access/v1/search/"
METADATA_PATH = "/.well-known/authzen-configuration"
BODY_LIMIT = 1024 * 1024
_GRACE_SECONDS = 1

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Note(Protocol):
    """What hears of every decision."""

    def __call__(
        self,
        request: Request,
        decision: Decision,
        *,
        evaluation_id: uuid.UUID,
        revision: int | None,
    ) -> None:
        """Take note; must not block."""


Content = Mapping[str, Any] | str
Answer = tuple[HTTPStatus, Content]
Answering = Callable[[bytes], Answer | Awaitable[Answer]]


class _Refused(Exception):  # noqa: N818  # an answer on its way out, not an error of ours
    """A request that gets an error message instead of a decision."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class DecisionPoint:
    """The ASGI application."""

    def __init__(
        self,
        state: AgentState,
        *,
        base_url: str,
        status: Callable[[], Mapping[str, Any]],
        note: Note | None = None,
        requests: AccessRequests | None = None,
    ) -> None:
        self._state = state
        self._note = note
        self._requests = requests
        # Addresses in the metadata come from here, never from the Host header, which
        # is whatever the caller says it is.
        self._base_url = base_url.rstrip("/")
        self._status = status
        self._searches = Searches(state)
        self._routes: dict[str, tuple[str, Answering]] = {
            EVALUATION_PATH: ("POST", self._evaluation),
            EVALUATIONS_PATH: ("POST", self._evaluations),
            METADATA_PATH: ("GET", self._metadata),
            "/healthz": ("GET", self._health),
            "/status": ("GET", self._tell_status),
        }
        for sought in Sought:
            self._routes[SEARCH_PATH + sought] = ("POST", self._search(sought))
        if requests is not None:
            self._routes[JWKS_PATH] = ("GET", self._jwks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        try:
            answer = self._route(scope)
            body = await _read_body(scope["method"], headers, receive)
            answered = answer(body)
            if inspect.isawaitable(answered):
                answered = await answered
            status, content = answered
        except _Refused as refused:
            status, content = refused.status, refused.message
        await _send(send, status, content, headers.get("x-request-id"))

    def _route(self, scope: Scope) -> Answering:
        method, answer = self._routes.get(scope["path"], ("", None))
        if answer is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "no such address")
        if scope["method"] != method:
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"use {method}")
        return answer

    def _evaluation(self, body: bytes) -> Answer:
        try:
            request = authzen.parse_evaluation(_parse(body), self._state.now())
        except authzen.AuthzenError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, error.message) from error
        return HTTPStatus.OK, self._answer(request, self._state.active)

    def _evaluations(self, body: bytes) -> Answer:
        try:
            batch = authzen.parse_evaluations(_parse(body), self._state.now())
        except authzen.AuthzenError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, error.message) from error
        release = self._state.active
        if isinstance(batch, Request):
            return HTTPStatus.OK, self._answer(batch, release)
        return HTTPStatus.OK, authzen.answer_evaluations(
            batch, lambda request: self._answer(request, release)
        )

    def _answer(
        self, request: Request, release: ActiveRelease | None
    ) -> dict[str, Any]:
        decision = self._state.decide(request, release)
        evaluation_id = uuid.uuid4()
        revision = release.revision if release else None
        if self._note is not None:
            self._note(
                request, decision, evaluation_id=evaluation_id, revision=revision
            )
        for detail in decision.details:
            logger.warning("evaluation %s went wrong: %r", evaluation_id, detail)
        answer = authzen.decision_response(
            decision,
            evaluation_id=str(evaluation_id),
            evaluated_at=request.now.isoformat(),
            revision=revision,
            policy_set_hash=release.fingerprint if release else None,
        )
        if self._requests is not None and release is not None:
            answer["context"] |= self._requests.explain(
                release.engine,
                request,
                decision,
                evaluation_id=str(evaluation_id),
                created=release.manifest.created,
            )
        return answer

    def _search(self, sought: Sought) -> Answering:
        async def answer(body: bytes) -> Answer:
            try:
                search = authzen_search.parse_search(
                    sought, _parse(body), self._state.now()
                )
            except authzen.AuthzenError as error:
                raise _Refused(HTTPStatus.BAD_REQUEST, error.message) from error
            try:
                return HTTPStatus.OK, await self._searches.answer(search)
            except BusyError as error:
                raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, error.message) from error

        return answer

    def _metadata(self, _body: bytes) -> Answer:
        base = self._base_url
        return HTTPStatus.OK, {
            "policy_decision_point": base,
            "access_evaluation_endpoint": base + EVALUATION_PATH,
            "access_evaluations_endpoint": base + EVALUATIONS_PATH,
            **{
                f"search_{sought}_endpoint": base + SEARCH_PATH + sought
                for sought in Sought
            },
            "supported_obligations": list(SUPPORTED),
            **(self._requests.metadata() if self._requests else {}),
        }

    def _jwks(self, _body: bytes) -> Answer:
        keys: Content = self._requests.jwks() if self._requests else {"keys": []}
        return HTTPStatus.OK, keys

    def _health(self, _body: bytes) -> Answer:
        if self._state.active is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "no_release"}
        return HTTPStatus.OK, {"status": "ok"}

    def _tell_status(self, _body: bytes) -> Answer:
        age = self._state.age_seconds()
        return HTTPStatus.OK, {
            **self._status(),
            "age_seconds": round(age, 1) if age != float("inf") else None,
        }


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"not JSON: {error}") from error


async def _read_body(
    method: str, headers: Mapping[str, str], receive: Receive
) -> bytes:
    if method == "GET":
        return b""
    media_type = headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        # AuthZEN asks for 400 where HTTP would suggest 415.
        raise _Refused(HTTPStatus.BAD_REQUEST, "Content-Type must be application/json")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(HTTPStatus.BAD_REQUEST, "the request broke off")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise _Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_LIMIT} bytes"
            )
        if not message.get("more_body"):
            return bytes(body)


async def _send(
    send: Send, status: HTTPStatus, content: Content, request_id: str | None
) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if request_id is not None:
        headers.append((b"x-request-id", request_id.encode("latin-1")))
    await send(
        {"type": "http.response.start", "status": int(status), "headers": headers}
    )
    await send({"type": "http.response.body", "body": body})


def serve(app: DecisionPoint, *, port: int) -> None:
    """Serve in the main thread until SIGTERM or SIGINT."""
    uvicorn.Server(configuration(app, port=port)).run()


def configuration(app: DecisionPoint, *, port: int) -> uvicorn.Config:
    """Return how the server runs: small, silent, loopback only."""
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
