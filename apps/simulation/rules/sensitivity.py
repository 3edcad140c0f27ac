"""What makes a right worth a second look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from protocol.records import EntityRef

# Names of attributes and values as organizations use them; compared in lower case.
_ATTRIBUTES = ("classification", "sensitivity", "confidentiality")
_VALUES = frozenset(
    {
        "confidential",
        "secret",
        "restricted",
        "sensitive",
        "high",
        "critical",
        "top-secret",
    }
)
_STAGES = ("environment", "env", "stage")
_PRODUCTION = frozenset({"prod", "production", "live"})
ADMIN = "admin"


def reasons(
    tiers: Iterable[str],
    attributes: Mapping[str, Any],
    places: Iterable[EntityRef],
) -> tuple[str, ...]:
    """Return why a right on a resource is sensitive, in plain words; or nothing."""
    found = []
    if ADMIN in set(tiers):
        found.append("admin tier")
    for name in _ATTRIBUTES:
        value = str(attributes.get(name, "")).lower()
        if value in _VALUES:
            found.append(f"{name} {value}")
    is_staged = any(
        str(attributes.get(name, "")).lower() in _PRODUCTION for name in _STAGES
    )
    if is_staged or any(_names_production(place.id) for place in places):
        found.append("production")
    return tuple(found)


def _names_production(name: str) -> bool:
    words = name.lower().replace("_", "-").replace(".", "-").replace("/", "-")
    return not _PRODUCTION.isdisjoint(words.split("-"))
