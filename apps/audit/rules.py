"""How the entries of a trail are chained. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.canonical import digest

DOMAIN = "portward-audit-v1"
GENESIS = "0" * 64


@dataclass(frozen=True)
class ChainLink:
    """One entry as the chain sees it."""

    sequence: int
    previous_hash: str
    hash: str
    content: Mapping[str, Any]


def entry_hash(previous_hash: str, sequence: int, content: Mapping[str, Any]) -> str:
    """Return the hash of an entry over its content and its predecessor's hash."""
    return digest(
        DOMAIN,
        {"previous": previous_hash, "sequence": sequence, "content": dict(content)},
    ).hex()


def first_break(
    links: Iterable[ChainLink], *, length: int | None = None, end: str = ""
) -> str:
    """Return why a chain does not hold, or "" when every link does.

    With `length` and `end` the chain must also stop there, and nowhere before.
    """
    previous, expected = GENESIS, 1
    for link in links:
        if link.sequence != expected:
            return f"entry {expected} is missing"
        if link.previous_hash != previous:
            return f"entry {link.sequence} does not follow its predecessor"
        if entry_hash(previous, link.sequence, link.content) != link.hash:
            return f"entry {link.sequence} was changed"
        previous, expected = link.hash, expected + 1
    if length is not None and (expected - 1, previous) != (length, end):
        return "its end is missing"
    return ""
