"""What differs between two contents, in words that a person can compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def changed_fields(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, Any, Any]]:
    """Return (field, before, after) for every field that differs, in field order."""
    old, new = before or {}, after or {}
    return [
        (field, old.get(field), new.get(field))
        for field in sorted({*old, *new})
        if old.get(field) != new.get(field)
    ]


def readable(value: Any) -> list[str]:  # noqa: ANN401  # any JSON value
    """Return a value of a policy's content as lines that a person can compare."""
    match value:
        case None | "" | []:
            return []
        case list():
            return [line for part in value for line in readable(part)]
        case {"type": kind, **rest} if set(rest) <= {"id"}:
            return [f"{kind} {rest['id']}" if rest.get("id") else f"any {kind}"]
        case {"attribute": attribute, "op": op, "value": wanted}:
            return [f"{attribute} {op} {', '.join(readable(wanted)) or wanted}"]
        case {"name": name, "given": _, "expect": expected, "at": at}:
            return [f"{name} at {at}: {expected}"]
        case dict():
            return [f"{k}: {', '.join(readable(v))}" for k, v in value.items()]
        case _:
            return [str(value)]
