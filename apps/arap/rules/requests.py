"""What a program asks for, read strictly. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.arap.choices import TaskStatus
from apps.arap.errors import RequestInvalidError
from protocol.records import EntityRef

_LONGEST_TEXT = 500
_LONGEST_STATE = 500
_LONGEST_TOKEN = 16 * 1024
_EVENTS = frozenset(TaskStatus.values) - {TaskStatus.PENDING.value}
_MINUTE = 60


@dataclass(frozen=True)
class Question:
    """The question that was denied."""

    subject: EntityRef
    action: str
    resource: EntityRef

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of AuthZEN."""
        return {
            "subject": self.subject.to_dict(),
            "action": {"name": self.action},
            "resource": self.resource.to_dict(),
        }


@dataclass(frozen=True)
class Callback:
    """Where a program wants to hear of the end; `state` is echoed."""

    endpoint: str = ""
    state: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessSpec:
    """A request for access."""

    question: Question
    token: str
    until: dt.datetime | None = None
    is_emergency: bool = False
    reason: str = ""
    ticket: str = ""
    callback: Callback = Callback()
    client_name: str = ""


def parse_request(body: object) -> AccessSpec:
    """Return what is asked for; unknown members are ignored.

    Raises RequestInvalidError.
    """
    members = _object(body, "request")
    if "items" in members:
        raise RequestInvalidError("One thing at a time, please.", field="items")
    denial = _object(members.get("denial"), "denial")
    wanted = _object(members.get("requested_access", {}), "requested_access")
    action = _object(members.get("action"), "action")
    client = _object(members.get("client", {}), "client")
    emergency = wanted.get("emergency", False)
    if not isinstance(emergency, bool):
        raise RequestInvalidError("true or false", field="requested_access.emergency")
    return AccessSpec(
        question=Question(
            _entity(members.get("subject"), "subject"),
            _text(action.get("name"), "action.name"),
            _entity(members.get("resource"), "resource"),
        ),
        token=_text(
            denial.get("binding_token"), "denial.binding_token", _LONGEST_TOKEN
        ),
        until=_moment(
            wanted.get("requested_until"), "requested_access.requested_until"
        ),
        is_emergency=emergency,
        reason=_optional(wanted.get("justification"), "requested_access.justification"),
        ticket=_optional(wanted.get("ticket"), "requested_access.ticket"),
        callback=_callback(members.get("callback")),
        client_name=_optional(client.get("name"), "client.name"),
    )


def minutes_wanted(
    until: dt.datetime | None, *, now: dt.datetime, usual: int, longest: int
) -> int:
    """Return for how long to ask: never longer than what is offered."""
    if until is None:
        return usual
    wanted = math.ceil((until - now).total_seconds() / _MINUTE)
    if wanted < 1:
        raise RequestInvalidError(
            "The time is over already.", field="requested_access.requested_until"
        )
    return min(wanted, longest)


def _callback(value: object) -> Callback:
    if value is None:
        return Callback()
    members = _object(value, "callback")
    events = members.get("events", sorted(_EVENTS))
    if not isinstance(events, list) or not set(map(str, events)) <= _EVENTS:
        raise RequestInvalidError(
            f"Some of {', '.join(sorted(_EVENTS))}.", field="callback.events"
        )
    return Callback(
        _text(members.get("endpoint"), "callback.endpoint", 2000),
        _optional(members.get("state"), "callback.state", _LONGEST_STATE),
        tuple(sorted(set(map(str, events)))),
    )


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RequestInvalidError("An object is needed.", field=field)
    return value


def _entity(value: object, field: str) -> EntityRef:
    members = _object(value, field)
    return EntityRef(
        _text(members.get("type"), f"{field}.type"),
        _text(members.get("id"), f"{field}.id"),
    )


def _text(value: object, field: str, longest: int = _LONGEST_TEXT) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise RequestInvalidError(
            f"A text of 1 to {longest} characters is needed.", field=field
        )
    return value


def _optional(value: object, field: str, longest: int = _LONGEST_TEXT) -> str:
    return "" if value in (None, "") else _text(value, field, longest)


def _moment(value: object, field: str) -> dt.datetime | None:
    if value is None:
        return None
    try:
        found = dt.datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise RequestInvalidError("A time with its zone is needed.", field=field)
    return found
