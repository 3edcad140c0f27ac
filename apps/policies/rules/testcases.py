"""Tests that stand beside a policy, and are approved with it.

A test is hermetic: it names all that the answer depends on, and only the policy that it
stands beside counts. Ending somebody's role never makes one fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from apps.policies.rules.problems import Problem, ProblemCode
from protocol.errors import RecordError
from protocol.records import CaseRecord, EntityRef, case_id, parse_record
from protocol.zones import zone_offset


@dataclass(frozen=True)
class Given:
    """Who asks about what: entities, the roles and groups they are in, attributes."""

    principal: dict[str, str]
    resource: dict[str, str]
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    principal_attributes: dict[str, Any] = field(default_factory=dict)
    resource_attributes: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; what is empty is left out."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        lists = {name: list(found[name]) for name in ("roles", "groups")}
        return {name: value for name, value in (found | lists).items() if value}


@dataclass(frozen=True)
class TestCase:
    """Given this, at that instant (RFC 3339), an action is allowed or denied."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    name: str
    given: Given
    action: str
    at: str
    expect: str
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        found: dict[str, Any] = {
            "name": self.name,
            "given": self.given.to_dict(),
            "action": self.action,
            "at": self.at,
            "expect": self.expect,
        }
        return found | ({"reason": self.reason} if self.reason else {})


# As many as a policy can have statements, and as many again for their edges.
MOST_TESTS = 400
SOMEBODY, SOMETHING = "somebody", "something"
_TEXTS = ("name", "action", "at", "expect", "reason")


def parse_testcase(value: object, place: str) -> TestCase | Problem:
    """Parse the JSON form of a test, or say what is wrong with it."""
    if not isinstance(value, dict):
        return _wrong(place, "a mapping")
    unknown = set(value) - {*_TEXTS, "given"}
    if unknown:
        return _wrong(f"{place}.{min(map(str, unknown))}", "a field of a test")
    texts = {name: value.get(name, "") for name in _TEXTS}
    for name, text in texts.items():
        if not isinstance(text, str) or (not text and name != "reason"):
            return _wrong(f"{place}.{name}", "a text")
    given = _given(value.get("given"), f"{place}.given")
    if isinstance(given, Problem):
        return given
    case = TestCase(given=given, **texts)
    try:
        parse_record(case_record(case, "p").to_dict())
    except RecordError as error:
        return _invalid(_place_of(place, error.field), error.message)
    return case


def case_record(
    case: TestCase,
    policy_id: str,
    *,
    ancestors: Mapping[str, Iterable[str]] = MappingProxyType({}),
    zones: Iterable[str] = (),
) -> CaseRecord:
    """Return a test as it is run and shipped.

    `ancestors` are the roles with those they inherit from, `zones` those that the
    policy asks for.
    """
    given, roles = case.given, set(case.given.roles)
    for role in case.given.roles:
        roles.update(ancestors.get(role, ()))
    found = CaseRecord(
        case_id(policy_id, case.name),
        policy=policy_id,
        name=case.name,
        principal=_entity(given.principal, SOMEBODY),
        resource=_entity(given.resource, SOMETHING),
        action=case.action,
        at=case.at,
        expect=case.expect,
        roles=tuple(sorted(roles)),
        groups=tuple(sorted(set(given.groups))),
        principal_attributes=given.principal_attributes,
        resource_attributes=given.resource_attributes,
        context=given.context,
        reason=case.reason or None,
    )
    wanted = sorted(zones)
    if not wanted:
        return found
    epoch = int(found.moment.timestamp())
    return replace(found, offsets={zone: zone_offset(zone, epoch) for zone in wanted})


def taken_names(cases: Sequence[TestCase]) -> list[Problem]:
    """Return a problem for each test whose name another one has already."""
    found, seen = [], set()
    for n, case in enumerate(cases):
        if case.name in seen:
            found.append(
                Problem(
                    ProblemCode.TEST_NAME_TAKEN,
                    f"tests[{n}].name",
                    f"Two tests are called “{case.name}”.",
                    "Give each test of the policy a name of its own.",
                )
            )
        seen.add(case.name)
    return found


def _entity(given: Mapping[str, str], fallback: str) -> EntityRef:
    return EntityRef(given["type"], given.get("id") or fallback)


def _place_of(place: str, name: str) -> str:
    """Return where a field of a record stands in the JSON form of a test."""
    outer = name.partition(".")[0]
    inside = outer in _SHAPES
    return f"{place}.given.{name}" if inside else f"{place}.{name}"


def _invalid(place: str, message: str) -> Problem:
    return Problem(
        ProblemCode.TEST_INVALID,
        place,
        f"The test cannot be read: {message}.",
        "Correct the value; attributes and context hold texts, whole numbers, true "
        "or false, and lists of them.",
    )


def _given(value: object, place: str) -> Given | Problem:
    if not isinstance(value, dict):
        return _wrong(place, "a mapping")
    unknown = set(value) - set(_SHAPES)
    if unknown:
        return _wrong(f"{place}.{min(map(str, unknown))}", "a field of a test")
    for name, (is_right, expected) in _SHAPES.items():
        if not is_right(value.get(name)):
            return _wrong(f"{place}.{name}", expected)
    lists = {name: tuple(value.get(name) or ()) for name in ("roles", "groups")}
    known = {name: part for name, part in value.items() if part is not None}
    return Given(**{**known, **lists})


def _is_entity(value: object) -> bool:
    return (
        isinstance(value, dict)
        and not set(value) - {"type", "id"}
        and isinstance(value.get("type"), str)
        and isinstance(value.get("id", ""), str)
    )


def _is_names(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_mapping(value: object) -> bool:
    return value is None or isinstance(value, dict)


_SHAPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "principal": (_is_entity, "a mapping with type and id"),
    "resource": (_is_entity, "a mapping with type and id"),
    "roles": (_is_names, "a list of names"),
    "groups": (_is_names, "a list of names"),
    "principal_attributes": (_is_mapping, "a mapping"),
    "resource_attributes": (_is_mapping, "a mapping"),
    "context": (_is_mapping, "a mapping"),
}


def _wrong(place: str, expected: str) -> Problem:
    return Problem(
        ProblemCode.FIELD_TYPE,
        place,
        f"“{place}” is not {expected}.",
        f"Write {expected}.",
    )
