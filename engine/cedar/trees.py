"""Conditions of statements in Cedar's JSON form, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import cedarpy

from engine.cedar.reading import only_statement, to_json
from engine.cedar.writing import NO_HEADS, statement_text


def condition_trees(text: str) -> list[dict[str, Any]]:
    """Return the conditions of one statement in Cedar's JSON form.

    Raises CedarSyntaxError for a text that is not one statement of Cedar.
    """
    return [condition["body"] for condition in _conditions(text)]


def conjuncts(text: str) -> list[str]:
    """Return what must all hold for one statement to apply, each as an expression.

    What follows `unless` is one condition, that it does not hold.

    Raises CedarSyntaxError for a text that is not one statement of Cedar.
    """
    return [expression(body) for body in _split(text, _operands)]


def conjunct_trees(text: str) -> list[dict[str, Any]]:
    """Return all that must hold for one statement in Cedar's JSON form, flat.

    What follows `unless` is one condition, that it does not hold.

    Raises CedarSyntaxError for a text that is not one statement of Cedar.
    """
    return _split(text, flat)


def _conditions(text: str) -> list[dict[str, Any]]:
    """Return the conditions of one statement, each with its kind and body."""
    found: list[dict[str, Any]] = only_statement(text)["conditions"]
    return found


def _split(text: str, parts: Callable[[Any], list[Any]]) -> list[Any]:
    found: list[Any] = []
    for condition in _conditions(text):
        if condition["kind"] == "unless":
            found.append({"!": {"arg": condition["body"]}})
        else:
            found.extend(parts(condition["body"]))
    return found


def _operands(body: Mapping[str, Any]) -> list[Any]:
    """Return the operands of the outermost conjunction.

    A test that something is there stays with what asks for it.
    """
    found: list[Any] = []
    for operand in flat(body):
        if found and "has" in found[-1]:
            found.append({"&&": {"left": found.pop(), "right": operand}})
        else:
            found.append(operand)
    return found


def flat(body: Mapping[str, Any]) -> list[Any]:
    """Return the operands of nested conjunctions in Cedar's JSON form."""
    match body:
        case {"&&": {"left": left, "right": right}}:
            return [*flat(left), *flat(right)]
        case _:
            return [body]


def expression(body: Mapping[str, Any]) -> str:
    """Return the text of an expression in Cedar's JSON form."""
    text = _permit([{"kind": "when", "body": body}], "")
    return text.partition("when {")[2].rpartition("}")[0].strip()


def without_head(text: str, statement_id: str) -> str:
    """Return a statement as a permit for everything on the same conditions.

    Raises CedarSyntaxError for a text that is not one statement of Cedar.
    """
    return _permit(_conditions(text), statement_id)


def _permit(conditions: list[dict[str, Any]], statement_id: str) -> str:
    parsed = to_json(statement_text(statement_id, "permit", NO_HEADS, ()))
    for policy in parsed["staticPolicies"].values():
        policy["conditions"] = conditions
    return str(cedarpy.policies_from_json_str(json.dumps(parsed)))
