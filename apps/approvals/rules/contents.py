"""What a change says, in the form of the REST interface, and the digest of it.

Parsing is strict; what is left out is empty. What a window or a role may be is for the
rules of their own apps to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from apps.approvals.choices import ItemKind
from apps.approvals.errors import ChangeInvalidError
from apps.roles.rules import RoleSpec
from apps.scopes.rules import (
    CalendarSpec,
    Day,
    LocationSpec,
    WindowSpec,
    parse_minute,
    time_text,
)
from protocol.canonical import digest
from protocol.records import City, Fence, Permission

Content = Mapping[str, Any]
Spec = WindowSpec | CalendarSpec | LocationSpec | RoleSpec
T = TypeVar("T")
DOMAIN = "portward-change-v1"
_MOST = 500
_LONGEST = 2000
_MICRO, _METERS = 10**6, 1000
_DATES = ("closed_dates", "open_dates")
_CALENDARS = ("closed_calendars", "open_calendars")


def content_digest(value: object) -> str:
    """Return the digest of a content, or of what a change is based on."""
    return "sha256:" + digest(DOMAIN, value).hex()


def item_digest(
    kind: str, slug: str, content: Content, base: str, compiled: str = ""
) -> str:
    """Return what approvers sign of one change: what, on what ground, and its text."""
    return content_digest(
        {
            "kind": str(kind),
            "slug": slug,
            "content": dict(content),
            "base": base,
            "compiled": compiled,
        }
    )


def parse_spec_of(kind: ItemKind, content: object) -> Spec:
    """Return what a content asks for. Raises ChangeInvalidError with the field."""
    reader = _Reader(content, _PARSERS[kind][1])
    return _PARSERS[kind][0](reader)


def written(spec: Spec) -> dict[str, Any]:
    """Return a spec in the form of the REST interface."""
    match spec:
        case WindowSpec():
            return _window_written(spec)
        case CalendarSpec():
            days = [{"date": d.date.isoformat(), "name": d.name} for d in spec.days]
            return {"slug": spec.slug, "name": spec.name, "days": days}
        case LocationSpec():
            return _location_written(spec)
        case RoleSpec():
            return _role_written(spec)


class _Reader:
    def __init__(self, value: object, known: tuple[str, ...]) -> None:
        if not isinstance(value, Mapping):
            raise ChangeInvalidError("The content is an object.", field="content")
        for name in value:
            if name not in known:
                raise ChangeInvalidError(
                    f"There is no field “{name}”.",
                    field=str(name),
                    remedy=f"Use one of {', '.join(known)}.",
                )
        self._value = value

    def text(self, name: str, default: str = "") -> str:
        value = self._value.get(name, default)
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise ChangeInvalidError(f"“{name}” is not a text.", field=name)
        return value

    def flag(self, name: str) -> bool:
        value = self._value.get(name, False)
        if not isinstance(value, bool):
            raise ChangeInvalidError(f"“{name}” is not true or false.", field=name)
        return value

    def maybe(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return a text as a value; none, when it is not there."""
        if self._value.get(name) is None:
            return None
        return self._parsed(name, parse, self._value[name])

    def many(self, name: str, parse: Callable[[Any], T]) -> tuple[T, ...]:
        value = self._value.get(name) or []
        if not isinstance(value, list) or len(value) > _MOST:
            raise ChangeInvalidError(f"“{name}” is not a list.", field=name)
        return tuple(self._parsed(name, parse, one) for one in value)

    def one(self, name: str, parse: Callable[[Any], T]) -> T | None:
        value = self._value.get(name)
        return None if value is None else self._parsed(name, parse, value)

    @staticmethod
    def _parsed(name: str, parse: Callable[[Any], T], value: object) -> T:
        try:
            return parse(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ChangeInvalidError(
                f"“{name}” does not have the right form.", field=name
            ) from error


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _exactly(value: Any, *names: str) -> list[str]:  # noqa: ANN401  # any JSON value
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise TypeError
    return [_text(value[name]) for name in names]


def _day(value: object) -> Day:
    if not isinstance(value, Mapping):
        raise TypeError
    date, name = _exactly({"name": "", **value}, "date", "name")
    return Day(dt.date.fromisoformat(date), name)


def _city(value: object) -> City:
    return City(*_exactly(value, "country", "name"))


def _permission(value: object) -> Permission:
    return Permission(*_exactly(value, "action", "resource_type"))


def _fence(value: Any) -> Fence:  # noqa: ANN401  # any JSON value
    names = ("latitude", "longitude", "radius_km")
    if set(value) != set(names) or any(isinstance(value[n], bool) for n in names):
        raise TypeError
    latitude, longitude, radius = (float(value[name]) for name in names)
    return Fence(
        round(latitude * _MICRO), round(longitude * _MICRO), round(radius * _METERS)
    )


def _window(r: _Reader) -> WindowSpec:
    return WindowSpec(
        slug=r.text("slug"),
        name=r.text("name"),
        zone=r.text("zone"),
        weekdays=r.many("weekdays", _whole),
        start_minute=parse_minute(r.text("start", "00:00"), field="start"),
        end_minute=parse_minute(r.text("end", "24:00"), field="end"),
        is_overnight=r.flag("is_overnight"),
        date_from=r.maybe("date_from", dt.date.fromisoformat),
        date_until=r.maybe("date_until", dt.date.fromisoformat),
        kind=r.text("kind", "weekly"),
        opens_at=r.maybe("opens_at", dt.datetime.fromisoformat),
        closes_at=r.maybe("closes_at", dt.datetime.fromisoformat),
        closed_dates=r.many("closed_dates", dt.date.fromisoformat),
        open_dates=r.many("open_dates", dt.date.fromisoformat),
        closed_calendars=r.many("closed_calendars", _text),
        open_calendars=r.many("open_calendars", _text),
    )


def _calendar(r: _Reader) -> CalendarSpec:
    return CalendarSpec(r.text("slug"), r.text("name"), r.many("days", _day))


def _location(r: _Reader) -> LocationSpec:
    return LocationSpec(
        slug=r.text("slug"),
        name=r.text("name"),
        cidrs=r.many("cidrs", _text),
        countries=r.many("countries", _text),
        cities=r.many("cities", _city),
        fence=r.one("fence", _fence),
        node_groups=r.many("node_groups", _text),
        unknown_matches=r.flag("unknown_matches"),
    )


def _role(r: _Reader) -> RoleSpec:
    return RoleSpec(
        slug=r.text("slug"),
        name=r.text("name"),
        tier=r.text("tier"),
        description=r.text("description"),
        permissions=r.many("permissions", _permission),
        parents=r.many("parents", _text),
    )


_PARSERS: Mapping[ItemKind, tuple[Callable[[_Reader], Spec], tuple[str, ...]]] = {
    ItemKind.WINDOW: (
        _window,
        (
            *("slug", "name", "zone", "kind", "weekdays", "start", "end"),
            *("is_overnight", "date_from", "date_until", "opens_at", "closes_at"),
            *_DATES,
            *_CALENDARS,
        ),
    ),
    ItemKind.CALENDAR: (_calendar, ("slug", "name", "days")),
    ItemKind.LOCATION: (
        _location,
        (
            *("slug", "name", "cidrs", "countries", "cities", "fence"),
            *("node_groups", "unknown_matches"),
        ),
    ),
    ItemKind.ROLE: (
        _role,
        ("slug", "name", "tier", "description", "permissions", "parents"),
    ),
}


def _window_written(spec: WindowSpec) -> dict[str, Any]:
    found: dict[str, Any] = {
        "slug": spec.slug,
        "name": spec.name,
        "zone": spec.zone,
        "kind": str(spec.kind),
    }
    if spec.opens_at is not None and spec.closes_at is not None:
        found["opens_at"] = spec.opens_at.isoformat()
        found["closes_at"] = spec.closes_at.isoformat()
    else:
        found |= {
            "weekdays": list(spec.weekdays),
            "start": time_text(spec.start_minute),
            "end": time_text(spec.end_minute),
            "is_overnight": spec.is_overnight,
            "date_from": spec.date_from.isoformat() if spec.date_from else None,
            "date_until": spec.date_until.isoformat() if spec.date_until else None,
        }
    for name in _DATES:
        found[name] = [day.isoformat() for day in getattr(spec, name)]
    for name in _CALENDARS:
        found[name] = list(getattr(spec, name))
    return _without_empty(found)


def _location_written(spec: LocationSpec) -> dict[str, Any]:
    found = {
        "slug": spec.slug,
        "name": spec.name,
        "cidrs": list(spec.cidrs),
        "countries": list(spec.countries),
        "cities": [{"country": c.country, "name": c.name} for c in spec.cities],
        "node_groups": list(spec.node_groups),
        "unknown_matches": spec.unknown_matches,
    }
    if spec.fence is not None:
        fence = spec.fence
        # Text and not a number: what is signed holds whole numbers only.
        found["fence"] = {
            "latitude": f"{fence.latitude / _MICRO:.6f}",
            "longitude": f"{fence.longitude / _MICRO:.6f}",
            "radius_km": f"{fence.radius / _METERS:.3f}",
        }
    return _without_empty(found)


def _role_written(spec: RoleSpec) -> dict[str, Any]:
    return {
        "slug": spec.slug,
        "name": spec.name,
        "tier": str(spec.tier),
        "description": spec.description,
        "permissions": [
            {"action": p.action, "resource_type": p.resource_type}
            for p in sorted(spec.permissions, key=lambda p: (p.resource_type, p.action))
        ],
        "parents": sorted(spec.parents),
    }


def _without_empty(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in found.items()
        if name in {"slug", "name"} or value not in ([], None, False, "")
    }
