"""Cedar: schemas, conditions, validation, evaluation.

The only module that imports the Cedar library, so that an upgrade has one place to
look at. Cedar 4 language reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cedarpy

from engine.errors import (
    CedarSyntaxError,
    QuestionUnreadableError,
    UnknownAttributeError,
    UnknownOperatorError,
    WrongTypeError,
)
from engine.literals import entity_literal, literal, string_literal, string_set
from protocol.records import EntityRef, Head

NO_HEADS = (Head(), Head(), Head())
PRINCIPAL_TYPES = ("User", "Service")
ROLE_TYPE = "Role"
GROUP_TYPE = "ResourceGroup"
ACTION_TYPE = "Action"


class AttributeType(StrEnum):
    """Types that an attribute may have."""

    STRING = "string"
    LONG = "long"
    BOOL = "bool"
    STRINGS = "strings"


CONTEXT_ATTRIBUTES: Mapping[str, AttributeType] = {
    "mfa": AttributeType.LONG,
    "risk": AttributeType.LONG,
    "country": AttributeType.STRING,
    "city": AttributeType.STRING,
    "method": AttributeType.STRING,
    "path": AttributeType.STRING,
    "ticket": AttributeType.STRING,
    "device.trusted": AttributeType.BOOL,
}
# What numbers can be: Cedar's own range, and narrower where the meaning is.
LONG_RANGE = (-(2**63), 2**63 - 1)
CONTEXT_RANGES: Mapping[str, tuple[int, int]] = {
    "risk": (0, 100),
    "mfa_age": (0, LONG_RANGE[1]),
}
OPERATORS: Mapping[AttributeType, tuple[str, ...]] = {
    AttributeType.LONG: ("==", "!=", "<", "<=", ">", ">="),
    AttributeType.STRING: ("==", "!=", "in", "starts_with"),
    AttributeType.BOOL: ("==",),
    AttributeType.STRINGS: ("contains",),
}
_PYTHON_TYPES: Mapping[AttributeType, type] = {
    AttributeType.LONG: int,
    AttributeType.STRING: str,
    AttributeType.BOOL: bool,
    AttributeType.STRINGS: str,
}


@dataclass(frozen=True)
class Attribute:
    """A registered attribute of principals or resources.

    With `values`, it has one of these and nothing else may be asked for.
    """

    owner: str
    name: str
    type: AttributeType
    values: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Return what stands for its owner in Cedar."""
        return "principal" if self.owner in PRINCIPAL_TYPES else "resource"

    @property
    def path(self) -> str:
        """Return how a condition names it: principal.x or resource.x."""
        return f"{self.variable}.{self.name}"


@dataclass(frozen=True)
class CedarProblem:
    """What Cedar's validator found, and in which statement."""

    statement_id: str
    message: str


@dataclass(frozen=True)
class Evaluation:
    """What Cedar decided: the statements that determined it, and errors."""

    allowed: bool
    reasons: tuple[str, ...]
    errors: tuple[str, ...]


def head_text(variable: str, head: Head) -> str:
    """Return one constraint of a statement's head."""
    if variable == "action":
        match head.op:
            case "==":
                return f"action == {ACTION_TYPE}::{string_literal(head.id)}"
            case "in":
                actions = [f"{ACTION_TYPE}::{string_literal(i)}" for i in head.ids]
                return f"action in [{', '.join(actions)}]"
            case _:
                return "action"
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
    scope = ", ".join(
        head_text(name, head) for name, head in zip(names, heads, strict=True)
    )
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


def validate_policies(text: str, schema: Mapping[str, Any]) -> list[CedarProblem]:
    """Return what Cedar's validator has against statements; raises CedarSyntaxError."""
    parse_heads(text)
    try:
        result = cedarpy.validate_policies(text, dict(schema))
    except ValueError as error:
        raise CedarSyntaxError(f"the schema is not accepted: {error}") from error
    names = result.id_annotations_by_policy_id or {}
    return [
        CedarProblem(str(names.get(error.policy_id, error.policy_id)), str(error.error))
        for error in result.errors
    ]


def parse_heads(text: str) -> dict[str, tuple[Head, Head, Head]]:
    """Return the heads that statements really have, by statement id.

    Raises CedarSyntaxError for a text that is not Cedar, or a statement without id.
    """
    return {ident: heads for ident, (_, heads) in parse_statements(text).items()}


@dataclass(frozen=True)
class ReadStatement:
    """What a text really says: effect, heads and Cedar's JSON of its conditions.

    A condition is its kind (when, unless) and its body.
    """

    effect: str
    heads: tuple[Head, Head, Head]
    conditions: tuple[tuple[str, Any], ...]


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
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error
    if parsed.get("templates"):
        raise CedarSyntaxError("templates have no place in a release")
    found = {}
    for policy in parsed["staticPolicies"].values():
        ident = policy.get("annotations", {}).get("id")
        if not ident or ident in found:
            raise CedarSyntaxError("every statement has an @id of its own")
        heads = (
            _head(policy["principal"]),
            _action_head(policy["action"]),
            _head(policy["resource"]),
        )
        conditions = [(one["kind"], one["body"]) for one in policy["conditions"]]
        found[ident] = ReadStatement(str(policy["effect"]), heads, tuple(conditions))
    return found


@dataclass(frozen=True)
class Written:
    """What one statement says beside its conditions."""

    effect: str
    heads: tuple[Head, Head, Head]
    annotations: tuple[str, ...]
    has_conditions: bool


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
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(str(error)) from error
    if parsed.get("templates"):
        raise CedarSyntaxError("a template with ?principal or ?resource says nothing")
    if len(parsed["staticPolicies"]) != 1:
        raise CedarSyntaxError("one statement is expected here")
    (policy,) = parsed["staticPolicies"].values()
    heads = (
        _head(policy["principal"]),
        _action_head(policy["action"]),
        _head(policy["resource"]),
    )
    return Written(
        str(policy["effect"]),
        heads,
        tuple(sorted(policy.get("annotations") or {})),
        bool(policy["conditions"]),
    )


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
    try:
        (policy,) = json.loads(cedarpy.policies_to_json_str(text))[
            "staticPolicies"
        ].values()
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error
    found: list[dict[str, Any]] = policy["conditions"]
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
    policy = {
        "effect": "permit",
        "principal": {"op": "All"},
        "action": {"op": "All"},
        "resource": {"op": "All"},
        "conditions": [{"kind": "when", "body": body}],
    }
    text = str(
        cedarpy.policies_from_json_str(
            json.dumps(
                {"staticPolicies": {"0": policy}, "templates": {}, "templateLinks": []}
            )
        )
    )
    return text.partition("when {")[2].rpartition("}")[0].strip()


def entities_in(text: str) -> frozenset[EntityRef]:
    """Return the entities that statements name anywhere, actions left out.

    Raises CedarSyntaxError for a text that is not Cedar.
    """
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error
    found: set[EntityRef] = set()
    _collect(parsed, found)
    return frozenset(ref for ref in found if ref.type != ACTION_TYPE)


def without_head(text: str, statement_id: str) -> str:
    """Return a statement as a permit for everything on the same conditions.

    Raises CedarSyntaxError for a text that is not Cedar.
    """
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error
    for policy in parsed["staticPolicies"].values():
        policy["effect"] = "permit"
        policy["annotations"] = {"id": statement_id}
        for variable in ("principal", "action", "resource"):
            policy[variable] = {"op": "All"}
    return str(cedarpy.policies_from_json_str(json.dumps(parsed)))


def parse_policies(text: str) -> Any:  # noqa: ANN401  # an opaque handle
    """Return a handle of parsed statements; raises CedarSyntaxError."""
    try:
        return cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error


def evaluate(
    request: Mapping[str, Any],
    policies: Any,  # noqa: ANN401  # the handle of parse_policies
    entities: list[dict[str, Any]],
) -> Evaluation:
    """Ask Cedar. Errors are returned, not raised: what they mean is not said here.

    Raises QuestionUnreadableError for a question that Cedar cannot read.
    """
    try:
        result = cedarpy.is_authorized(dict(request), policies, entities)
    except ValueError as error:
        message = f"the question cannot be read: {error}"
        raise QuestionUnreadableError(message) from error
    diagnostics = result.diagnostics
    names = diagnostics.id_annotations_by_reason or {}
    reasons = sorted(str(names.get(reason, reason)) for reason in diagnostics.reasons)
    return Evaluation(
        bool(result.allowed), tuple(reasons), tuple(map(str, diagnostics.errors))
    )


def _resolve(
    attribute: str, registry: Iterable[Attribute]
) -> tuple[AttributeType, str, str]:
    """Return an attribute's type, the test that it is there, and its Cedar path."""
    if attribute in CONTEXT_ATTRIBUTES:
        outer = attribute.partition(".")[0]
        known = f"context has {outer}"
        return CONTEXT_ATTRIBUTES[attribute], known, f"context.{attribute}"
    kinds = {found.type for found in registry if found.path == attribute}
    if len(kinds) != 1:
        known_names = sorted({*CONTEXT_ATTRIBUTES, *(a.path for a in registry)})
        raise UnknownAttributeError(
            f"there is no attribute {attribute!r}; known are {', '.join(known_names)}"
        )
    variable, _, name = attribute.partition(".")
    return kinds.pop(), f"{variable} has {name}", attribute


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
