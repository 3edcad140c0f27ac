"""What registry entries, attributes and assignments must look like."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence

from apps.roles.choices import (
    AssignmentSource,
    AssignmentState,
    AttributeType,
    PrincipalType,
)
from apps.roles.errors import (
    AssignmentDatesError,
    AssignmentEndMissingError,
    AttributeValueError,
    NameInvalidError,
    NameReservedError,
    UnknownAttributeError,
    UnknownResourceTypeError,
)
from apps.roles.rules.specs import AssignmentSpec, EntrySpec

RESERVED_TYPES = frozenset({"User", "Service", "Role", "ResourceGroup", "Action"})
_LONGEST_NAME = 120
_LONGEST_KEY = 255
_MOST_VALUES = 200
_TYPE_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,62}$")
_ATTRIBUTE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_ACTION_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_:.-]{0,62}$")
_KEY = re.compile(r"^[^\s\x00-\x1f\"\\]+$")

AttributeTypes = Mapping[str, str]
AllowedValues = Mapping[str, Sequence[str]]


def check_resource_type(name: str) -> None:
    """Raise NameInvalidError or NameReservedError for what no type may be called."""
    if not _TYPE_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not a type name.",
            field="name",
            remedy="Use letters, digits and underscores, starting with a letter.",
        )
    if name in RESERVED_TYPES:
        raise NameReservedError(f"“{name}” is a type of its own.", field="name")


def check_action(name: str) -> None:
    """Raise NameInvalidError for what no action may be called."""
    if not _ACTION_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not an action name.",
            field="action",
            remedy="Use letters, digits, hyphens, dots and colons; start with a "
            "letter.",
        )


def check_attribute(entity_type: str, name: str, types: Iterable[str]) -> None:
    """Raise an InvalidError unless an attribute may be defined for the type."""
    if not _ATTRIBUTE_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not an attribute name.",
            field="name",
            remedy="Use a-z, 0-9 and underscores, starting with a letter.",
        )
    if entity_type not in {*types, *PrincipalType.values}:
        raise UnknownResourceTypeError(
            f"There is no type “{entity_type}”.", field="entity_type"
        )


def check_values(kind: str, values: Sequence[str]) -> None:
    """Raise AttributeValueError unless an attribute may be limited to these values."""
    if not values:
        return
    if kind not in {AttributeType.TEXT, AttributeType.TEXTS}:
        raise AttributeValueError(
            "Only a text or a list of texts is limited to certain values.",
            field="values",
            remedy="Leave the values empty.",
        )
    too_long = any(not 0 < len(value) <= _LONGEST_NAME for value in values)
    if too_long or len(values) > _MOST_VALUES or len({*values}) < len(values):
        raise AttributeValueError(
            f"The values are not at most {_MOST_VALUES} different texts of 1 to "
            f"{_LONGEST_NAME} characters.",
            field="values",
            remedy="Write each value once.",
        )


def is_allowed(value: object, allowed: Sequence[str]) -> bool:
    """Say whether a value of an attribute is among its allowed ones, if it has any."""
    values = value if isinstance(value, list) else [value]
    return not allowed or all(one in allowed for one in values)


def check_entry(
    spec: EntrySpec, attributes: AttributeTypes, allowed: AllowedValues | None = None
) -> None:
    """Raise an InvalidError unless a registry entry is well formed and typed."""
    if not _KEY.match(spec.ref.id) or len(spec.ref.id) > _LONGEST_KEY:
        raise NameInvalidError(
            f"“{spec.ref.id}” is not a key.",
            field="key",
            remedy="Use no spaces, quotes or backslashes.",
        )
    for name, value in spec.attributes.items():
        if name not in attributes:
            raise UnknownAttributeError(
                f"{spec.ref.type} has no attribute “{name}”.",
                field=f"attributes.{name}",
            )
        if not has_type(value, attributes[name]):
            raise AttributeValueError(
                f"“{name}” is not {_TYPE_WORDS[AttributeType(attributes[name])]}.",
                field=f"attributes.{name}",
                remedy=f"Write {_TYPE_WORDS[AttributeType(attributes[name])]}.",
            )
        if not is_allowed(value, (allowed or {}).get(name, ())):
            raise AttributeValueError(
                f"“{name}” is not one of its allowed values.",
                field=f"attributes.{name}",
                remedy=f"Use one of {', '.join((allowed or {})[name])}.",
            )


def has_type(value: object, kind: str) -> bool:
    """Say whether a JSON value has the type of an attribute."""
    match AttributeType(kind):
        case AttributeType.TEXT:
            return isinstance(value, str)
        case AttributeType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case AttributeType.YES_NO:
            return isinstance(value, bool)
        case AttributeType.TEXTS:
            return isinstance(value, list) and all(isinstance(v, str) for v in value)


def check_assignment(spec: AssignmentSpec) -> None:
    """Raise an InvalidError unless an assignment's times make sense."""
    if spec.start and spec.end and spec.end <= spec.start:
        raise AssignmentDatesError(field="end")
    if spec.end is None and spec.source != AssignmentSource.STANDING:
        raise AssignmentEndMissingError(field="end")


def assignment_state(
    start: dt.datetime | None,
    end: dt.datetime | None,
    revoked_at: dt.datetime | None,
    now: dt.datetime,
) -> AssignmentState:
    """Say what is with an assignment. Its start is inside, its end is not."""
    if revoked_at is not None:
        return AssignmentState.REVOKED
    if end is not None and end <= now:
        return AssignmentState.EXPIRED
    if start is not None and start > now:
        return AssignmentState.LATER
    return AssignmentState.NOW


_TYPE_WORDS = {
    AttributeType.TEXT: "a text",
    AttributeType.INTEGER: "a whole number",
    AttributeType.YES_NO: "true or false",
    AttributeType.TEXTS: "a list of texts",
}


def closes_circle(
    managers: Mapping[uuid.UUID, uuid.UUID | None], person: uuid.UUID, above: uuid.UUID
) -> bool:
    """Say whether a person would report to themselves in the end, with that manager."""
    current: uuid.UUID | None = above
    seen: set[uuid.UUID] = set()
    while current is not None and current not in seen:
        if current == person:
            return True
        seen.add(current)
        current = managers.get(current)
    return False


def check_name(name: str) -> None:
    """Raise NameInvalidError unless people can call a thing so."""
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise NameInvalidError(
            f"A name has 1 to {_LONGEST_NAME} characters.",
            field="name",
            remedy="Write what people call it.",
        )
