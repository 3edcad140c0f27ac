"""Values as they are written in Cedar. Cedar 4 language reference."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.records import EntityRef


def literal(value: object) -> str:
    """Return a Cedar literal of a truth value, number or string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else string_literal(str(value))


def string_literal(text: str) -> str:
    """Return a Cedar string literal."""
    # Cedar knows JSON's short escapes, but \\u{...} where JSON has \\uXXXX.
    escaped = []
    for char in text:
        if char in '"\\':
            escaped.append(f"\\{char}")
        elif char.isprintable():
            escaped.append(char)
        else:
            escaped.append(f"\\u{{{ord(char):x}}}")
    return f'"{"".join(escaped)}"'


def entity_literal(entity: EntityRef) -> str:
    """Return a Cedar entity reference."""
    return f"{entity.type}::{string_literal(entity.id)}"


def long_set(values: Iterable[int]) -> str:
    """Return a Cedar set of numbers."""
    return "[" + ", ".join(str(value) for value in values) + "]"


def string_set(values: Iterable[str]) -> str:
    """Return a Cedar set of strings."""
    return "[" + ", ".join(string_literal(value) for value in values) + "]"
