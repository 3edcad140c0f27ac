"""What a Cedar text really says: effect, heads, conditions, entities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cedarpy

from engine.cedar.attributes import ACTION_TYPE
from engine.errors import CedarSyntaxError
from protocol.records import EntityRef, Head


@dataclass(frozen=True)
class ReadStatement:
    """What a text really says: effect, heads and Cedar's JSON of its conditions.

    A condition is its kind (when, unless) and its body.
    """

    effect: str
    heads: tuple[Head, Head, Head]
    conditions: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Written:
    """What one statement says beside its conditions."""

    effect: str
    heads: tuple[Head, Head, Head]
    annotations: tuple[str, ...]
    has_conditions: bool


def to_json(text: str) -> dict[str, Any]:
    """Return statements in Cedar's JSON form; raises CedarSyntaxError."""
    try:
        parsed: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error
    return parsed


def only_statement(text: str) -> dict[str, Any]:
    """Return one statement in Cedar's JSON form.

    Raises CedarSyntaxError for what is not one statement, or a template.
    """
    parsed = to_json(text)
    if parsed["templates"]:
        raise CedarSyntaxError("a template with ?principal or ?resource says nothing")
    found: list[dict[str, Any]] = [*parsed["staticPolicies"].values()]
    if len(found) != 1:
        raise CedarSyntaxError("one statement is expected here")
    return found[0]


def parse_heads(text: str) -> dict[str, tuple[Head, Head, Head]]:
    """Return the heads that statements really have, by statement id.

    Raises CedarSyntaxError for a text that is not Cedar, or a statement without id.
    """
    return {ident: heads for ident, (_, heads) in parse_statements(text).items()}


def parse_statements(text: str) -> dict[str, tuple[str, tuple[Head, Head, Head]]]:
    """Return the effect and heads that statements really have, by statement id.

    Raises CedarSyntaxError for a text that is not Cedar, or a statement without id.
    """
    read = read_statements(text)
    return {ident: (found.effect, found.heads) for ident, found in read.items()}


def read_statements(text: str) -> dict[str, ReadStatement]:
    """Return what statements really say, by statement id.

    Raises CedarSyntaxError for a text that is not Cedar, or a statement without id.
    """
    parsed = to_json(text)
    if parsed["templates"]:
        raise CedarSyntaxError("templates have no place in a release")
    found = {}
    for policy in parsed["staticPolicies"].values():
        ident = policy.get("annotations", {}).get("id")
        if not ident or ident in found:
            raise CedarSyntaxError("every statement has an @id of its own")
        conditions = [(one["kind"], one["body"]) for one in policy["conditions"]]
        found[ident] = ReadStatement(
            str(policy["effect"]), _heads(policy), tuple(conditions)
        )
    return found


def syntax_error(text: str) -> str | None:
    """Return what Cedar's parser has against a text, if anything."""
    try:
        cedarpy.policies_to_json_str(text)
    except ValueError as error:
        return str(error)
    return None


def read_statement(text: str) -> Written:
    """Return what one statement says, with or without an id.

    Raises CedarSyntaxError for what is not one statement, or a template.
    """
    if error := syntax_error(text):
        raise CedarSyntaxError(error)
    policy = only_statement(text)
    return Written(
        str(policy["effect"]),
        _heads(policy),
        tuple(sorted(policy.get("annotations", ()))),
        bool(policy["conditions"]),
    )


def entities_in(text: str) -> frozenset[EntityRef]:
    """Return the entities that statements name anywhere, actions left out.

    Raises CedarSyntaxError for a text that is not Cedar.
    """
    parsed = to_json(text)
    found: set[EntityRef] = set()
    _collect(parsed, found)
    return frozenset(ref for ref in found if ref.type != ACTION_TYPE)


def _collect(value: object, found: set[EntityRef]) -> None:
    """Add every entity in Cedar's JSON form; only these have a type and an id."""
    match value:
        case {"type": str() as kind, "id": str() as ident, **rest} if not rest:
            found.add(EntityRef(kind, ident))
        case dict():
            for part in value.values():
                _collect(part, found)
        case list():
            for part in value:
                _collect(part, found)
        case _:
            pass


def _heads(policy: Mapping[str, Any]) -> tuple[Head, Head, Head]:
    return (
        _head(policy["principal"]),
        _action_head(policy["action"]),
        _head(policy["resource"]),
    )


def _head(value: Mapping[str, Any]) -> Head:
    """Read a principal or resource constraint of Cedar's JSON form."""
    match value:
        case {"op": "All"}:
            return Head()
        case {"op": "==" | "in" as op, "entity": {"type": kind, "id": ident}}:
            return Head(op, kind, ident)
        case {"op": "is", "entity_type": kind, "in": {"entity": group}}:
            return Head("is_in", kind, in_type=group["type"], in_id=group["id"])
        case {"op": "is", "entity_type": kind}:
            return Head("is", kind)
        case _:
            raise CedarSyntaxError(f"a head that is not understood: {value}")


def _action_head(value: Mapping[str, Any]) -> Head:
    match value:
        case {"op": "All"}:
            return Head()
        case {"op": "==", "entity": {"id": ident}}:
            return Head("==", id=ident)
        case {"op": "in", "entity": {"id": ident}}:
            return Head("in", ids=(ident,))
        case {"op": "in", "entities": [*entities]}:
            return Head("in", ids=tuple(entity["id"] for entity in entities))
        case _:
            raise CedarSyntaxError(f"an action head that is not understood: {value}")
