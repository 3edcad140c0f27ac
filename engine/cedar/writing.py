"""Statements and typed conditions as Cedar texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from engine.cedar.attributes import (
    ACTION_TYPE,
    CONTEXT_ATTRIBUTES,
    CONTEXT_RANGES,
    OPERATORS,
    Attribute,
    AttributeType,
)
from engine.errors import UnknownAttributeError, UnknownOperatorError, WrongTypeError
from engine.literals import entity_literal, literal, string_literal, string_set
from protocol.records import EntityRef, Head

NO_HEADS = (Head(), Head(), Head())
_PYTHON_TYPES: Mapping[AttributeType, type] = {
    AttributeType.LONG: int,
    AttributeType.STRING: str,
    AttributeType.BOOL: bool,
    AttributeType.STRINGS: str,
}


def head_text(variable: str, head: Head) -> str:
    """Return one constraint of a statement's head."""
    if variable == "action":
        match head.op:
            case "==":
                return f"action == {ACTION_TYPE}::{string_literal(head.id)}"
            case "in":
                actions = [f"{ACTION_TYPE}::{string_literal(i)}" for i in head.ids]
                return f"action in [{', '.join(actions)}]"
    match head.op:
        case "==" | "in":
            entity = entity_literal(EntityRef(head.type, head.id))
            return f"{variable} {head.op} {entity}"
        case "is":
            return f"{variable} is {head.type}"
        case "is_in":
            group = entity_literal(EntityRef(head.in_type, head.in_id))
            return f"{variable} is {head.type} in {group}"
        case _:
            return variable


def statement_text(
    statement_id: str,
    effect: str,
    heads: tuple[Head, Head, Head],
    conditions: Sequence[str],
) -> str:
    """Return one Cedar statement. Heads are principal, action, resource."""
    names = ("principal", "action", "resource")
    scope = ", ".join(map(head_text, names, heads))
    text = f"@id({string_literal(statement_id)})\n{effect} ({scope})"
    if conditions:
        text += "\nwhen {\n  " + "\n  && ".join(conditions) + "\n}"
    return text + ";\n"


def condition_text(
    attribute: str,
    operator: str,
    value: object,
    *,
    registry: Collection[Attribute] = (),
    unknown_matches: bool = False,
) -> str:
    """Return a Cedar expression for a typed condition.

    An attribute may be absent: for a permit the condition is then false, for a forbid
    (`unknown_matches`) true.

    Raises UnknownAttributeError, UnknownOperatorError, WrongTypeError.
    """
    kind, known, path = _resolve(attribute, registry)
    if operator not in OPERATORS[kind]:
        raise UnknownOperatorError(
            f"{attribute} is of type {kind.value}; "
            f"use one of {', '.join(OPERATORS[kind])}"
        )
    # Owners may differ in what they allow; what any of them allows can be asked for.
    lists = [found.values for found in registry if found.path == attribute]
    allowed = [value for values in lists for value in values] if all(lists) else []
    test = _comparison(attribute, kind, path, operator, value, allowed)
    if unknown_matches:
        # Cedar's type checker follows if-then-else, not a negated "has".
        return f"(if {known} then {test} else true)"
    return f"({known} && {test})"


def _resolve(
    attribute: str, registry: Iterable[Attribute]
) -> tuple[AttributeType, str, str]:
    """Return an attribute's type, the test that it is there, and its Cedar path."""
    if attribute in CONTEXT_ATTRIBUTES:
        outer = attribute.partition(".")[0]
        known = f"context has {outer}"
        return CONTEXT_ATTRIBUTES[attribute], known, f"context.{attribute}"
    found = [one for one in registry if one.path == attribute]
    if len({one.type for one in found}) != 1:
        known_names = sorted({*CONTEXT_ATTRIBUTES, *(a.path for a in registry)})
        raise UnknownAttributeError(
            f"there is no attribute {attribute!r}; known are {', '.join(known_names)}"
        )
    one = found[0]
    return one.type, f"{one.variable} has {one.name}", attribute


def _comparison(
    attribute: str,
    kind: AttributeType,
    path: str,
    operator: str,
    value: object,
    allowed: Collection[str],
) -> str:
    wanted = _PYTHON_TYPES[kind]
    values = value if operator == "in" else [value]
    if not isinstance(values, list) or not values:
        raise WrongTypeError(f"{attribute}: “in” needs a list with values")
    for one in values:
        if not isinstance(one, wanted) or (wanted is int and isinstance(one, bool)):
            raise WrongTypeError(
                f"{attribute} is of type {kind.value}; {one!r} is not of that type"
            )
        _check_range(attribute, one)
        if allowed and operator != "starts_with" and one not in allowed:
            raise WrongTypeError(
                f"{one!r} is not a value of {attribute}; it is one of "
                f"{', '.join(allowed)}"
            )
    match operator:
        case "in":
            return f"{string_set(values)}.contains({path})"
        case "starts_with":
            pattern = string_literal(str(value))[1:-1].replace("*", "\\*")
            return f'{path} like "{pattern}*"'
        case "contains":
            return f"{path}.contains({literal(value)})"
        case _:
            return f"{path} {operator} {literal(value)}"


def _check_range(attribute: str, value: object) -> None:
    if isinstance(value, int) and attribute in CONTEXT_RANGES:
        least, most = CONTEXT_RANGES[attribute]
        if not least <= value <= most:
            raise WrongTypeError(f"{attribute} goes from {least} to {most}")
