"""The values that records are made of, checked; RecordError names the field."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from protocol.errors import RecordError

JSONObject = Mapping[str, Any]
Attributes = Mapping[str, Any]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_TEXT = 4096


def fields(value: object, field: str, names: Sequence[str]) -> JSONObject:
    """Return a JSON object that has exactly these fields."""
    if not isinstance(value, Mapping):
        raise RecordError(f"{field}: a JSON object", field=field)
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise RecordError(f"{field}: unknown field {unknown[0]!r}", field=unknown[0])
    missing = sorted(set(names) - set(value))
    if missing:
        raise RecordError(f"{field}: {missing[0]!r} is missing", field=missing[0])
    return value


def text(value: object, field: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text that is neither empty nor too long."""
    if not isinstance(value, str) or not value or len(value) > longest:
        raise RecordError(f"{field}: a text of 1 to {longest} characters", field=field)
    return value


def identifier(value: object, field: str) -> str:
    """Return a name as Cedar knows them."""
    found = text(value, field)
    if not _IDENTIFIER.fullmatch(found):
        raise RecordError(f"{field}: {found!r} is not an identifier", field=field)
    return found


def integer(value: object, field: str, low: int, high: int = 2**53 - 1) -> int:
    """Return a whole number within its limits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecordError(f"{field}: an integer", field=field)
    if not low <= value <= high:
        raise RecordError(f"{field}: between {low} and {high}", field=field)
    return value


def choice(value: object, field: str, choices: Sequence[str]) -> str:
    """Return one of the words there are."""
    if value not in choices:
        raise RecordError(f"{field}: one of {', '.join(choices)}", field=field)
    return str(value)


def items(value: object, field: str) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise RecordError(f"{field}: a list", field=field)
    return value


def texts(value: object, field: str) -> tuple[str, ...]:
    """Return a list of texts."""
    return tuple(text(item, field) for item in items(value, field))


def date(value: object, field: str) -> str | None:
    """Return a date as it was written, or nothing."""
    if value is None:
        return None
    found = text(value, field)
    try:
        if _DATE.fullmatch(found):
            dt.date.fromisoformat(found)
            return found
    except ValueError as error:
        raise RecordError(f"{field}: {error}", field=field) from error
    raise RecordError(f"{field}: a date like 2026-01-31", field=field)


def instant(value: object, field: str) -> str | None:
    """Return an instant as it was written, or nothing."""
    if value is None:
        return None
    found = text(value, field)
    try:
        moment = dt.datetime.fromisoformat(found)
    except ValueError as error:
        raise RecordError(f"{field}: {error}", field=field) from error
    if moment.tzinfo is None:
        raise RecordError(f"{field}: an instant needs its offset", field=field)
    return found


def attributes(value: object, field: str) -> Attributes:
    """Return the attributes of an entity: texts, numbers, truths and lists of them."""
    if not isinstance(value, Mapping):
        raise RecordError(f"{field}: a JSON object", field=field)
    for name, item in value.items():
        identifier(name, field)
        parts = item if isinstance(item, list) else [item]
        if not all(isinstance(one, str | int | bool) for one in parts):
            raise RecordError(
                f"{field}.{name}: text, integer, boolean or a list of them",
                field=f"{field}.{name}",
            )
    return value
