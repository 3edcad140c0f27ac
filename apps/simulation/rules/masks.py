"""Sets of statements as bit masks, by what their heads are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def masks_of(heads: Iterable[Any]) -> Mapping[Any, int]:
    """Return for each head the statements that have it."""
    found: dict[Any, int] = {}
    for number, head in enumerate(heads):
        key = _key(head)
        found[key] = found.get(key, 0) | 1 << number
    return found


def _key(head: Any) -> tuple[str, ...]:  # noqa: ANN401
    match head.op:
        case "any":
            return ("any",)
        case "is":
            return ("is", head.type)
        case "is_in":
            return ("is_in", head.type, head.in_type, head.in_id)
        case _:
            return (head.op, head.type, head.id)


def mask_of(numbers: Iterable[int]) -> int:
    """Return the mask of these statements."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def union(masks: Mapping[Any, int], keys: Iterable[Any]) -> int:
    """Return the statements that have one of these heads."""
    found = 0
    for key in keys:
        found |= masks.get(key, 0)
    return found


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the statements in a mask, in order."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
