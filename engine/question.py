"""What is asked: who, what, on what, when, and what is known of the circumstances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.cedar import CONTEXT_ATTRIBUTES, CONTEXT_RANGES, LONG_RANGE, AttributeType
from engine.errors import ContextError
from engine.places import Whereabouts, geo_fields, normalize_ip
from protocol.records import EntityRef

_CONTEXT_TYPES: Mapping[AttributeType, type] = {
    AttributeType.LONG: int,
    AttributeType.STRING: str,
    AttributeType.BOOL: bool,
}


@dataclass(frozen=True)
class Request:
    """A question. `now` is aware; the context holds what is known of the request.

    Attributes in the request only fill gaps: what the release says of a principal or
    resource cannot be overridden by whoever asks. `node_groups` are those of the node
    that answers, which alone knows them; None where that is no node.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    now: dt.datetime
    context: Mapping[str, Any] = field(default_factory=dict)
    principal_attributes: Mapping[str, Any] = field(default_factory=dict)
    resource_attributes: Mapping[str, Any] = field(default_factory=dict)
    node_groups: tuple[str, ...] | None = None


def known_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what policies may ask of a request's context, in Cedar's JSON form.

    Members that no policy can ask for are left out. Raises ContextError for a known
    member of another type.
    """
    _check_others(given)
    found: dict[str, Any] = {}
    for name, kind in CONTEXT_ATTRIBUTES.items():
        outer, _, inner = name.partition(".")
        value = _member(given, outer, inner)
        if value is None:
            continue
        _check(name, kind, value)
        found[outer] = {inner: value} if inner else value
    if (ip := given.get("ip")) is not None:
        if not isinstance(ip, str):
            raise ContextError("context.ip: must be a text")
        found["ip"] = {"__extn": {"fn": "ip", "arg": normalize_ip(ip)}}
    if (geo := given.get("geo")) is not None:
        found["geo"] = geo_fields(geo)
    return found


def whereabouts(
    known: Mapping[str, Any], node_groups: Iterable[str] | None = None
) -> Whereabouts:
    """Return where a request comes from, of what `known_context` returned."""
    geo = known.get("geo")
    return Whereabouts(
        ip=known["ip"]["__extn"]["arg"] if "ip" in known else None,
        country=known.get("country"),
        city=known.get("city"),
        position=(geo["lat"], geo["lon"]) if geo else None,
        node_groups=None if node_groups is None else frozenset(node_groups),
    )


def _check(name: str, kind: AttributeType, value: object) -> None:
    """Raise ContextError for a value that an attribute cannot have."""
    wanted = _CONTEXT_TYPES[kind]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ContextError(f"context.{name}: must be of type {kind.value}")
    if isinstance(value, int):
        least, most = CONTEXT_RANGES.get(name, LONG_RANGE)
        if not least <= value <= most:
            raise ContextError(f"context.{name}: must be from {least} to {most}")


def _check_others(given: Mapping[str, Any]) -> None:
    """Check what obligations are judged by, which no condition can ask for."""
    age = given.get("mfa_age")
    if age is not None:
        _check("mfa_age", AttributeType.LONG, age)
    listed = given.get("supported_obligations")
    if listed is not None and not (
        isinstance(listed, list) and all(isinstance(one, str) for one in listed)
    ):
        raise ContextError("context.supported_obligations: must be a list of texts")


def _member(given: Mapping[str, Any], outer: str, inner: str) -> Any:  # noqa: ANN401
    """Return a member, or a member's member when `inner` is not empty."""
    value = given.get(outer)
    if value is None or not inner:
        return value
    if not isinstance(value, Mapping):
        raise ContextError(f"context.{outer}: must be an object")
    return value.get(inner)
