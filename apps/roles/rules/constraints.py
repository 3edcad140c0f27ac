"""Which objects of a model somebody may touch, said as JSON.

A constraint is an object whose members must all hold, or a list of such objects of
which one must: `[{"tier": "read_only"}, {"slug__startswith": "db-"}]`. A member names
a field and, after two underscores, how to compare it. Fields and comparisons come from
closed lists: a constraint cannot reach what its model does not offer.

`matches` decides on values in memory exactly as the database does on rows.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.roles.errors import (
    ConstraintFieldError,
    ConstraintInvalidError,
    ConstraintLookupError,
    ConstraintTypeError,
)

MOST_ALTERNATIVES = 10
MOST_CONDITIONS = 10
MOST_VALUES = 50
LONGEST_TEXT = 255
_LARGEST_NUMBER = 2**31


class Kind(StrEnum):
    """What a field holds, and so how it can be compared."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes or no"
    MOMENT = "date and time"
    # Inside a JSON column: the database compares them as JSON values.
    JSON_TEXT = "text in JSON"
    JSON_NUMBER = "number in JSON"
    JSON_YES_NO = "yes or no in JSON"


_ORDER = ("lt", "lte", "gt", "gte")
LOOKUPS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("exact", "in", "startswith", "endswith"),
    Kind.NUMBER: ("exact", "in", *_ORDER),
    Kind.YES_NO: ("exact",),
    Kind.MOMENT: _ORDER,
    Kind.JSON_TEXT: ("exact", "in"),
    Kind.JSON_NUMBER: ("exact", "in"),
    Kind.JSON_YES_NO: ("exact",),
}


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "in": lambda actual, wanted: actual in wanted,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


@dataclass(frozen=True)
class ScopeField:
    """A field that constraints of a model may name; `path` is where it is kept."""

    name: str
    path: str
    kind: Kind
    choices: tuple[str, ...] = ()
    # Whether one object has several, such as its groups: one of them must fit.
    is_many: bool = False


@dataclass(frozen=True)
class Condition:
    """One comparison of a field that is known to fit."""

    field: ScopeField
    lookup: str
    value: Any

    @property
    def argument(self) -> tuple[str, Any]:
        """Return what a queryset's filter takes."""
        return f"{self.field.path}__{self.lookup}", self.value


Constraint = tuple[tuple[Condition, ...], ...]


def read_constraint(document: object, fields: Mapping[str, ScopeField]) -> Constraint:
    """Return a constraint that fits a model's fields.

    Raises ConstraintInvalidError or one of its kinds; `field` names the place.
    """
    alternatives = [document] if isinstance(document, dict) else document
    if not isinstance(alternatives, list) or not alternatives:
        raise ConstraintInvalidError(
            "Write an object, or a list of objects.",
            field="constraint",
            remedy='For example {"tier": "read_only"}.',
        )
    if len(alternatives) > MOST_ALTERNATIVES:
        raise ConstraintInvalidError(
            f"At most {MOST_ALTERNATIVES} alternatives.", field="constraint"
        )
    many = len(alternatives) > 1
    return tuple(
        _alternative(one, fields, f"constraint.{place}" if many else "constraint")
        for place, one in enumerate(alternatives)
    )


def matches(constraint: Constraint, values: Mapping[str, Any]) -> bool:
    """Say whether an object with these values, by field name, is in the scope."""
    return any(
        all(_holds(one, values.get(one.field.name)) for one in alternative)
        for alternative in constraint
    )


def fields_in(constraint: Constraint) -> frozenset[str]:
    """Return the names of the fields that a constraint asks for."""
    return frozenset(one.field.name for part in constraint for one in part)


def say_constraint(document: object) -> str:
    """Return a constraint in words, for lists and the audit trail."""
    alternatives = document if isinstance(document, list) else [document]
    return " or ".join(
        " and ".join(_say(name, value) for name, value in sorted(part.items()))
        for part in alternatives
        if isinstance(part, dict)
    )


def _alternative(
    document: object, fields: Mapping[str, ScopeField], place: str
) -> tuple[Condition, ...]:
    if not isinstance(document, dict) or not document:
        raise ConstraintInvalidError(
            "Each alternative is an object with at least one condition.", field=place
        )
    if len(document) > MOST_CONDITIONS:
        raise ConstraintInvalidError(
            f"At most {MOST_CONDITIONS} conditions.", field=place
        )
    found = tuple(
        _condition(str(name), value, fields, place)
        for name, value in sorted(document.items())
    )
    several = [one.field.name for one in found if one.field.is_many]
    if len(several) != len(set(several)):
        # Two of its groups could fit one half each; nobody would expect that.
        raise ConstraintLookupError(
            f"“{several[0]}” may be named once.", field=f"{place}.{several[0]}"
        )
    return found


def _condition(
    name: str, value: object, fields: Mapping[str, ScopeField], place: str
) -> Condition:
    where = f"{place}.{name}"
    base, _, lookup = name.rpartition("__")
    if name in fields:
        base, lookup = name, "exact"
    field = fields.get(base)
    if field is None:
        raise ConstraintFieldError(
            f"There is no field “{base or name}” to ask for.",
            field=where,
            remedy=f"Use one of {', '.join(sorted(fields))}.",
        )
    offered = LOOKUPS[field.kind]
    if lookup not in offered:
        raise ConstraintLookupError(
            f"“{base}” cannot be compared by “{lookup}”.",
            field=where,
            remedy=f"Use one of {', '.join(offered)}.",
        )
    return Condition(field, lookup, _value(field, lookup, value, where))


def _value(field: ScopeField, lookup: str, value: object, where: str) -> Any:  # noqa: ANN401  # of the field's type
    if lookup != "in":
        return _single(field, value, where, is_part=lookup != "exact")
    if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
        raise ConstraintTypeError(
            f"“{field.name}” needs a list of 1 to {MOST_VALUES} values.", field=where
        )
    return [_single(field, one, where, is_part=False) for one in value]


def _single(field: ScopeField, value: object, where: str, *, is_part: bool) -> Any:  # noqa: ANN401  # of the field's type
    found: Any = None
    match field.kind:
        case Kind.TEXT | Kind.JSON_TEXT:
            found = _text(value)
        case Kind.NUMBER | Kind.JSON_NUMBER:
            found = _number(value)
        case Kind.YES_NO | Kind.JSON_YES_NO:
            found = value if isinstance(value, bool) else None
        case Kind.MOMENT:
            found = _moment(value)
    if found is None:
        raise ConstraintTypeError(
            f"“{field.name}” is a {field.kind}; {value!r:.60} is not.", field=where
        )
    if field.choices and not is_part and found not in field.choices:
        raise ConstraintTypeError(
            f"“{field.name}” is never {value!r:.60}.",
            field=where,
            remedy=f"Use one of {', '.join(field.choices)}.",
        )
    return found


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        return None
    # PostgreSQL keeps neither in a text.
    is_kept = "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    return value if is_kept else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < _LARGEST_NUMBER else None


def _moment(value: object) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _holds(condition: Condition, actual: Any) -> bool:  # noqa: ANN401  # of the field's type
    if not condition.field.is_many:
        return _compare(condition, actual)
    values: Iterable[Any] = actual or ()
    return any(_compare(condition, one) for one in values)


def _compare(condition: Condition, actual: Any) -> bool:  # noqa: ANN401  # of the field's type
    wanted = condition.value
    # A value of another type, such as none at all, fits nothing; True is not 1.
    sample = wanted[0] if isinstance(wanted, list) else wanted
    if isinstance(actual, bool) != isinstance(sample, bool) or not isinstance(
        actual, type(sample)
    ):
        return False
    return bool(_COMPARE[condition.lookup](actual, wanted))


_WORDS = {
    "exact": "is",
    "in": "is one of",
    "startswith": "starts with",
    "endswith": "ends with",
    "lt": "is below",
    "lte": "is at most",
    "gt": "is above",
    "gte": "is at least",
}


def _say(name: str, value: object) -> str:
    base, _, lookup = name.rpartition("__")
    if not base or lookup not in _WORDS:
        base, lookup = name, "exact"
    shown: Sequence[object] = value if isinstance(value, list) else [value]
    texts = ", ".join(
        str(one).lower() if isinstance(one, bool) else str(one) for one in shown
    )
    return f"{base.replace('__', ' ')} {_WORDS[lookup]} {texts}"
