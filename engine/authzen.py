"""OpenID AuthZEN Authorization API 1.0: what is asked, and the answer.

Parsing is strict where the specification demands 400, and ignores unknown members.
A denial is an answer, not an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.decide import Decision, Request, known_context
from engine.errors import EngineError
from engine.obligations import as_json
from protocol.records import EntityRef

EXECUTE_ALL = "execute_all"
DENY_ON_FIRST_DENY = "deny_on_first_deny"
PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"
SEMANTICS = (EXECUTE_ALL, DENY_ON_FIRST_DENY, PERMIT_ON_FIRST_PERMIT)
MOST_EVALUATIONS = 1000
_MEMBERS = ("subject", "action", "resource", "context")


class AuthzenError(EngineError):
    """A request that AuthZEN answers with 400."""

    code = "authzen.invalid_request"


@dataclass(frozen=True)
class Evaluations:
    """A batch: one entry for each item, either a request or why it is none."""

    items: tuple[Request | AuthzenError, ...]
    semantic: str


def parse_evaluation(body: object, now: dt.datetime) -> Request:
    """Return the question of an evaluation request; raises AuthzenError."""
    members = _object(body, "request")
    subject = _entity(members.get("subject"), "subject")
    resource = _entity(members.get("resource"), "resource")
    action = _object(members.get("action"), "action")
    name = action.get("name")
    if not isinstance(name, str) or not name:
        raise AuthzenError("action.name: a text is required")
    _properties(action, "action")
    context = members.get("context")
    request = Request(
        principal=subject,
        action=name,
        resource=resource,
        now=now,
        context=_object({} if context is None else context, "context"),
        principal_attributes=_properties(members["subject"], "subject"),
        resource_attributes=_properties(members["resource"], "resource"),
    )
    try:
        known_context(request.context)
    except EngineError as error:
        raise AuthzenError(error.message) from error
    return request


def parse_evaluations(body: object, now: dt.datetime) -> Evaluations | Request:
    """Return a batch; without `evaluations` it is a single request (section 7.1)."""
    members = _object(body, "request")
    items = members.get("evaluations")
    if items is None or items == []:
        return parse_evaluation(members, now)
    if not isinstance(items, list) or len(items) > MOST_EVALUATIONS:
        raise AuthzenError(f"evaluations: a list of up to {MOST_EVALUATIONS} objects")
    given = members.get("options")
    options = _object({} if given is None else given, "options")
    semantic = options.get("evaluations_semantic", EXECUTE_ALL)
    if semantic not in SEMANTICS:
        raise AuthzenError(f"options.evaluations_semantic: one of {SEMANTICS}")
    defaults = {name: members[name] for name in _MEMBERS if name in members}
    for name, value in defaults.items():
        # A default may be incomplete, as items may replace it, but not of another type.
        _object({} if value is None else value, name)
    return Evaluations(tuple(_items(items, defaults, now)), str(semantic))


def answer_evaluations(
    batch: Evaluations, answer: Callable[[Request], dict[str, Any]]
) -> dict[str, Any]:
    """Answer a batch in order; short-circuit semantics end with what stopped them."""
    answers: list[dict[str, Any]] = []
    for item in batch.items:
        if isinstance(item, AuthzenError):
            error = {"status": 400, "message": item.message}
            answers.append({"decision": False, "context": {"error": error}})
        else:
            answers.append(answer(item))
        allowed = answers[-1]["decision"]
        if batch.semantic == DENY_ON_FIRST_DENY and not allowed:
            break
        if batch.semantic == PERMIT_ON_FIRST_PERMIT and allowed:
            break
    return {"evaluations": answers}


def decision_response(decision: Decision, **context: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the answer to one question; `context` holds ids, revision and the like.

    Errors are codes: what Cedar said of them quotes policies, and stays on the node.
    """
    found: dict[str, Any] = {**context, "reason": decision.reason}
    if decision.determining:
        found["determining"] = list(decision.determining)
    if decision.errors:
        found["errors"] = list(decision.errors)
    if decision.obligations:
        found["obligations"] = as_json(decision.obligations)
    return {"decision": decision.allowed, "context": found}


def _items(
    items: list[Any], defaults: Mapping[str, Any], now: dt.datetime
) -> Iterator[Request | AuthzenError]:
    for number, item in enumerate(items):
        # Each member of an item replaces the default as a whole.
        given = _object(item, f"evaluations[{number}]")
        chosen = {name: given[name] for name in _MEMBERS if name in given}
        try:
            yield parse_evaluation({**defaults, **chosen}, now)
        except AuthzenError as error:
            yield error


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AuthzenError(f"{name}: an object is required")
    return value


def _entity(value: object, name: str) -> EntityRef:
    members = _object(value, name)
    for member in ("type", "id"):
        if not isinstance(members.get(member), str) or not members[member]:
            raise AuthzenError(f"{name}.{member}: a text is required")
    return EntityRef(members["type"], members["id"])


def _properties(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the properties that an attribute can hold; others are left out."""
    given = members.get("properties")
    found = _object({} if given is None else given, f"{name}.properties")
    return {
        key: value
        for key, value in found.items()
        if isinstance(value, str | bool | int)
        or (isinstance(value, list) and all(isinstance(v, str) for v in value))
    }
