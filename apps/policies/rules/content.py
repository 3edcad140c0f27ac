"""The content of a policy: the same JSON in forms, YAML, REST and versions.

Parsing is strict and brings lists into a fixed order, so that the same policy has the
same digest however it was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from apps.policies.rules.obligations import Obligation, in_order, parse_obligation
from apps.policies.rules.problems import Problem, ProblemCode
from apps.policies.rules.testcases import (
    MOST_TESTS,
    TestCase,
    parse_testcase,
    taken_names,
)

_LONGEST_NAME = 120
_LONGEST_TEXT = 2000
_LONGEST_CEDAR = 65_536
_MOST_ITEMS = 100
Value = str | int | bool | list[str]
T = TypeVar("T")


@dataclass(frozen=True, order=True)
class PrincipalItem:
    """A role, user or service that a policy is about."""

    type: str
    id: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True, order=True)
class ResourceItem:
    """A resource, a resource group, or with an empty id all resources of a type."""

    type: str
    id: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"type": self.type} | ({"id": self.id} if self.id else {})


@dataclass(frozen=True)
class Condition:
    """An attribute, an operator and a value."""

    attribute: str
    op: str
    value: Value

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"attribute": self.attribute, "op": self.op, "value": self.value}


@dataclass(frozen=True)
class PolicyContent:
    """What a policy says. Empty lists constrain nothing.

    `cedar` is the text of an expert, instead of principals to conditions. Instants are
    RFC 3339 in UTC, to the second; the start is part of the interval, the end is not.
    """

    name: str
    effect: str
    tier: str
    owner: str = ""
    description: str = ""
    principals: tuple[PrincipalItem, ...] = ()
    actions: tuple[str, ...] = ()
    resources: tuple[ResourceItem, ...] = ()
    windows: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    cedar: str = ""
    obligations: tuple[Obligation, ...] = ()
    effective_from: str = ""
    effective_until: str = ""
    review_on: str = ""
    tests: tuple[TestCase, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; what is optional and not set is left out of it."""
        optional = {
            "cedar": self.cedar,
            "obligations": [one.to_dict() for one in self.obligations],
            "effective_from": self.effective_from,
            "effective_until": self.effective_until,
            "review_on": self.review_on,
            "tests": [case.to_dict() for case in self.tests],
        }
        return {
            "name": self.name,
            "description": self.description,
            "effect": self.effect,
            "tier": self.tier,
            "owner": self.owner,
            "principals": [item.to_dict() for item in self.principals],
            "actions": list(self.actions),
            "resources": [item.to_dict() for item in self.resources],
            "windows": list(self.windows),
            "locations": list(self.locations),
            "conditions": [condition.to_dict() for condition in self.conditions],
            **{name: value for name, value in optional.items() if value},
        }


_FIELDS = tuple(field.name for field in fields(PolicyContent))
_REQUIRED = ("name", "effect", "tier")


def parse_content(value: object) -> PolicyContent | list[Problem]:
    """Parse the JSON form, or say everything that is wrong with its shape."""
    if not isinstance(value, Mapping):
        return [_wrong("policy", "a mapping")]
    reader = _Reader(value)
    content = PolicyContent(
        name=reader.text("name", _LONGEST_NAME),
        description=reader.text("description", _LONGEST_TEXT),
        effect=reader.text("effect", _LONGEST_NAME),
        tier=reader.text("tier", _LONGEST_NAME),
        owner=reader.text("owner", _LONGEST_NAME),
        principals=tuple(sorted(set(reader.items("principals", _principal)))),
        actions=tuple(sorted(set(reader.items("actions", _word)))),
        resources=tuple(sorted(set(reader.items("resources", _resource)))),
        windows=tuple(sorted(set(reader.items("windows", _word)))),
        locations=tuple(sorted(set(reader.items("locations", _word)))),
        conditions=tuple(reader.items("conditions", _condition)),
        cedar=reader.text("cedar", _LONGEST_CEDAR),
        obligations=in_order(reader.items("obligations", parse_obligation)),
        effective_from=reader.text("effective_from", _LONGEST_NAME),
        effective_until=reader.text("effective_until", _LONGEST_NAME),
        review_on=reader.text("review_on", _LONGEST_NAME),
        tests=tuple(reader.items("tests", parse_testcase, MOST_TESTS)),
    )
    reader.problems += taken_names(content.tests)
    if not content.name and not reader.problems:
        reader.problems.append(
            Problem(
                ProblemCode.NAME_INVALID,
                "name",
                f"A name of 1 to {_LONGEST_NAME} characters is needed.",
                "Write what people call the policy.",
            )
        )
    return reader.problems or content


class _Reader:
    """Read fields of one mapping and collect what is wrong with them."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = value
        self.problems: list[Problem] = []
        for name in sorted(str(key) for key in set(value) - set(_FIELDS)):
            self.problems.append(_unknown_field(name, _FIELDS))
        for name in _REQUIRED:
            if name not in value:
                self.problems.append(
                    Problem(
                        ProblemCode.FIELD_MISSING,
                        name,
                        f"“{name}” is missing.",
                        f"Add “{name}”.",
                    )
                )

    def text(self, name: str, longest: int) -> str:
        """Return a text without space around it."""
        value = self._value.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            self.problems.append(_wrong(name, f"a text of at most {longest}"))
            return ""
        return value.strip()

    def items(
        self,
        name: str,
        parse: Callable[[object, str], T | Problem],
        most: int = _MOST_ITEMS,
    ) -> list[T]:
        """Return the parsed items of a list."""
        value = self._value.get(name) or []
        if not isinstance(value, list | tuple) or len(value) > most:
            self.problems.append(_wrong(name, f"a list of at most {most}"))
            return []
        found = []
        for n, item in enumerate(value):
            parsed = parse(item, f"{name}[{n}]")
            if isinstance(parsed, Problem):
                self.problems.append(parsed)
            else:
                found.append(parsed)
        return found


def _word(value: object, place: str) -> str | Problem:
    if isinstance(value, str) and value:
        return value
    return _wrong(place, "a name")


def _principal(value: object, place: str) -> PrincipalItem | Problem:
    found = _texts(value, place, required=("type", "id"))
    if isinstance(found, Problem):
        return found
    return PrincipalItem(found["type"], found["id"])


def _resource(value: object, place: str) -> ResourceItem | Problem:
    found = _texts(value, place, required=("type",), optional=("id",))
    if isinstance(found, Problem):
        return found
    return ResourceItem(found["type"], found.get("id", ""))


def _condition(value: object, place: str) -> Condition | Problem:
    names = ("attribute", "op", "value")
    if not isinstance(value, Mapping):
        return _wrong(place, "a mapping with attribute, op and value")
    for name in set(value) - set(names):
        return _unknown_field(f"{place}.{name}", names)
    for name in names:
        if name not in value:
            return _wrong(f"{place}.{name}", "given")
    attribute, op, operand = value["attribute"], value["op"], value["value"]
    if not isinstance(attribute, str) or not isinstance(op, str):
        return _wrong(f"{place}.attribute", "a name with an operator")
    is_list = isinstance(operand, list) and all(isinstance(v, str) for v in operand)
    if not is_list and not isinstance(operand, str | int | bool):
        return _wrong(f"{place}.value", "a text, a whole number, true, false or a list")
    return Condition(attribute, op, operand)


def _texts(
    value: object,
    place: str,
    *,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> dict[str, str] | Problem:
    if not isinstance(value, Mapping):
        return _wrong(place, f"a mapping with {' and '.join(required)}")
    for name in set(value) - {*required, *optional}:
        return _unknown_field(f"{place}.{name}", (*required, *optional))
    for name in required:
        if not isinstance(value.get(name), str) or not value[name]:
            return _wrong(f"{place}.{name}", "a name")
    for name in optional:
        if not isinstance(value.get(name, ""), str):
            return _wrong(f"{place}.{name}", "a name")
    return dict(value)


def _wrong(place: str, expected: str) -> Problem:
    return Problem(
        ProblemCode.FIELD_TYPE,
        place,
        f"“{place}” is not {expected}.",
        f"Write {expected}.",
    )


def _unknown_field(place: str, known: tuple[str, ...]) -> Problem:
    return Problem(
        ProblemCode.FIELD_UNKNOWN,
        place,
        f"There is no field “{place}”.",
        f"Use one of {', '.join(known)}.",
    )
