"""The records of a release: one canonical JSON object for each live thing.

Field order and names are frozen per version (`v`); unknown and missing fields are
refused by name. A record's digest is SHA-256 with domain separation over its canonical
bytes. This module knows shapes only: whether a statement's text means what its head
says is the engine's check.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from typing_extensions import override

from protocol.canonical import canonical_bytes, digest_bytes
from protocol.errors import RecordError

RECORD_DOMAIN = "portward-record-v1"
RECORD_VERSION = 1

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MINUTES_A_DAY = 1440
_LONGEST_TEXT = 4096

EFFECTS = ("permit", "forbid")
TIERS = ("read_only", "operator", "admin")
SOURCES = ("standing", "elevation", "delegation", "break_glass")

JSONObject = Mapping[str, Any]
Attributes = Mapping[str, Any]


class RecordType(StrEnum):
    """What a record describes."""

    POLICY = "policy"
    ROLE = "role"
    ASSIGNMENT = "assignment"
    WINDOW = "window"
    LOCATION = "location"
    PRINCIPAL = "principal"
    RESOURCE = "resource"
    SCHEMA = "schema"


@dataclass(frozen=True, order=True)
class EntityRef:
    """A Cedar entity: its type and id."""

    type: str
    id: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"type": self.type, "id": self.id}

    @classmethod
    def from_dict(cls, value: object, field: str = "entity") -> EntityRef:
        """Parse the JSON form or raise RecordError."""
        fields = _object(value, field, ("type", "id"))
        return cls(
            _identifier(fields["type"], f"{field}.type"),
            _text(fields["id"], f"{field}.id"),
        )

    @override
    def __str__(self) -> str:
        return f'{self.type}::"{self.id}"'


@dataclass(frozen=True)
class Head:
    """One constraint in the head of a Cedar statement; `op` "any" constrains nothing.

    Operators: any, == (type, id), in (type, id), is (type), is_in (type in_type in_id);
    for actions == (id) and in (ids).
    """

    op: str = "any"
    type: str = ""
    id: str = ""
    in_type: str = ""
    in_id: str = ""
    ids: tuple[str, ...] = ()

    def to_json(self) -> list[Any] | None:
        """Return the tagged list of the wire form."""
        match self.op:
            case "any":
                return None
            case "is":
                return ["is", self.type]
            case "is_in":
                return ["is_in", self.type, self.in_type, self.in_id]
            case "in" if self.ids:
                return ["in", list(self.ids)]
            case "==" if not self.type:
                return ["==", self.id]
            case _:
                return [self.op, self.type, self.id]

    @classmethod
    def entity(cls, value: object, field: str) -> Head:
        """Parse a principal or resource constraint."""
        match value:
            case None:
                return cls()
            case ["==" | "in" as op, str(kind), str(ident)]:
                return cls(op, _identifier(kind, field), _text(ident, field))
            case ["is", str(kind)]:
                return cls("is", _identifier(kind, field))
            case ["is_in", str(kind), str(in_kind), str(in_id)]:
                return cls(
                    "is_in",
                    _identifier(kind, field),
                    in_type=_identifier(in_kind, field),
                    in_id=_text(in_id, field),
                )
            case _:
                raise RecordError(f"{field}: not a head constraint", field=field)

    @classmethod
    def action(cls, value: object, field: str) -> Head:
        """Parse an action constraint."""
        match value:
            case None:
                return cls()
            case ["==", str(ident)]:
                return cls("==", id=_text(ident, field))
            case ["in", [*idents]] if idents:
                return cls("in", ids=tuple(_text(i, field) for i in idents))
            case _:
                raise RecordError(f"{field}: not an action constraint", field=field)


@dataclass(frozen=True)
class Statement:
    """One Cedar policy text with the constraints of its head."""

    id: str
    cedar: str
    principal: Head
    action: Head
    resource: Head

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "cedar": self.cedar,
            "principal": self.principal.to_json(),
            "action": self.action.to_json(),
            "resource": self.resource.to_json(),
        }

    @classmethod
    def from_dict(cls, value: object, field: str) -> Statement:
        """Parse the JSON form or raise RecordError."""
        names = ("id", "cedar", "principal", "action", "resource")
        f = _object(value, field, names)
        return cls(
            id=_text(f["id"], f"{field}.id"),
            cedar=_text(f["cedar"], f"{field}.cedar", 65_536),
            principal=Head.entity(f["principal"], f"{field}.principal"),
            action=Head.action(f["action"], f"{field}.action"),
            resource=Head.entity(f["resource"], f"{field}.resource"),
        )


@dataclass(frozen=True)
class Permission:
    """An action on a type of resource."""

    action: str
    resource_type: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"action": self.action, "resource_type": self.resource_type}


@dataclass(frozen=True)
class Record:
    """What every record has: a type, an id, a JSON form, bytes and a digest."""

    type: ClassVar[RecordType]

    id: str

    @property
    def key(self) -> tuple[str, str]:
        """Return what identifies the record in a release."""
        return (self.type.value, self.id)

    def body(self) -> dict[str, Any]:
        """Return the fields besides type, version and id."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        head = {"type": self.type.value, "v": RECORD_VERSION, "id": self.id}
        return head | self.body()


@dataclass(frozen=True)
class PolicyRecord(Record):
    """A live policy version."""

    type: ClassVar[RecordType] = RecordType.POLICY

    name: str
    version: int
    effect: str
    tier: str
    statements: tuple[Statement, ...]
    change: str
    windows: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()

    @override
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "effect": self.effect,
            "tier": self.tier,
            "statements": [statement.to_dict() for statement in self.statements],
            "change": self.change,
            "windows": list(self.windows),
            "locations": list(self.locations),
        }


@dataclass(frozen=True)
class RoleRecord(Record):
    """A role: its permissions and the roles it inherits from."""

    type: ClassVar[RecordType] = RecordType.ROLE

    name: str
    tier: str
    permissions: tuple[Permission, ...] = ()
    parents: tuple[str, ...] = ()

    @override
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "tier": self.tier,
            "permissions": [permission.to_dict() for permission in self.permissions],
            "parents": list(self.parents),
        }


@dataclass(frozen=True)
class AssignmentRecord(Record):
    """A principal holds a role, somewhere and for a time (RFC 3339, UTC)."""

    type: ClassVar[RecordType] = RecordType.ASSIGNMENT

    principal: EntityRef
    role: str
    scope: EntityRef | None = None
    start: str | None = None
    end: str | None = None
    source: str = "standing"

    @override
    def body(self) -> dict[str, Any]:
        return {
            "principal": self.principal.to_dict(),
            "role": self.role,
            "scope": self.scope.to_dict() if self.scope else None,
            "start": self.start,
            "end": self.end,
            "source": self.source,
        }


@dataclass(frozen=True)
class WindowRecord(Record):
    """A recurring time window. An end at or before the start means overnight."""

    type: ClassVar[RecordType] = RecordType.WINDOW

    name: str
    zone: str
    weekdays: tuple[int, ...]
    start_minute: int
    end_minute: int
    date_from: str | None = None
    date_until: str | None = None

    @override
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "zone": self.zone,
            "weekdays": list(self.weekdays),
            "start_minute": self.start_minute,
            "end_minute": self.end_minute,
            "date_from": self.date_from,
            "date_until": self.date_until,
        }


@dataclass(frozen=True)
class LocationRecord(Record):
    """A named place: address ranges and countries (ISO 3166-1 alpha-2)."""

    type: ClassVar[RecordType] = RecordType.LOCATION

    name: str
    cidrs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    @override
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "cidrs": list(self.cidrs),
            "countries": list(self.countries),
        }


@dataclass(frozen=True)
class PrincipalRecord(Record):
    """A user or service and its attributes."""

    type: ClassVar[RecordType] = RecordType.PRINCIPAL

    entity: EntityRef
    attributes: Attributes

    @override
    def body(self) -> dict[str, Any]:
        return {"entity": self.entity.to_dict(), "attributes": dict(self.attributes)}


@dataclass(frozen=True)
class ResourceRecord(Record):
    """A resource, its attributes, and the groups it sits in."""

    type: ClassVar[RecordType] = RecordType.RESOURCE

    entity: EntityRef
    attributes: Attributes
    groups: tuple[EntityRef, ...] = ()

    @override
    def body(self) -> dict[str, Any]:
        return {
            "entity": self.entity.to_dict(),
            "attributes": dict(self.attributes),
            "groups": [group.to_dict() for group in self.groups],
        }


@dataclass(frozen=True)
class SchemaRecord(Record):
    """The tenant's Cedar schema, in Cedar's JSON form."""

    type: ClassVar[RecordType] = RecordType.SCHEMA

    cedar_json: JSONObject

    @override
    def body(self) -> dict[str, Any]:
        return {"cedar_json": dict(self.cedar_json)}


def record_bytes(record: Record) -> bytes:
    """Return the canonical bytes of a record."""
    return canonical_bytes(record.to_dict())


def record_digest(record: Record) -> bytes:
    """Return the 32-byte digest of a record."""
    return digest_bytes(RECORD_DOMAIN, record_bytes(record))


def principal_id(entity: EntityRef) -> str:
    """Return the record id of a principal or resource."""
    return f"{entity.type}::{entity.id}"


def parse_record(value: object) -> Record:
    """Parse the JSON form of any record, strictly.

    Raises RecordError that names the field.
    """
    if not isinstance(value, Mapping):
        raise RecordError("a record is a JSON object", field="record")
    try:
        kind = RecordType(str(value.get("type")))
    except ValueError as error:
        raise RecordError(
            f"type: {value.get('type')!r} is not a record type", field="type"
        ) from error
    if value.get("v") != RECORD_VERSION or isinstance(value.get("v"), bool):
        raise RecordError(f"v: version {value.get('v')!r} is not known", field="v")
    names, parse = _PARSERS[kind]
    fields = _object(value, kind.value, ("type", "v", "id", *names))
    return parse(_text(fields["id"], "id"), fields)


def _parse_policy(ident: str, f: JSONObject) -> Record:
    statements = tuple(
        Statement.from_dict(item, f"statements[{n}]")
        for n, item in enumerate(_list(f["statements"], "statements"))
    )
    if not statements:
        raise RecordError("statements: a policy has at least one", field="statements")
    return PolicyRecord(
        ident,
        name=_text(f["name"], "name"),
        version=_integer(f["version"], "version", 1),
        effect=_choice(f["effect"], "effect", EFFECTS),
        tier=_choice(f["tier"], "tier", TIERS),
        statements=statements,
        change=_text(f["change"], "change"),
        windows=_texts(f["windows"], "windows"),
        locations=_texts(f["locations"], "locations"),
    )


def _parse_role(ident: str, f: JSONObject) -> Record:
    permissions = []
    for n, item in enumerate(_list(f["permissions"], "permissions")):
        place = f"permissions[{n}]"
        p = _object(item, place, ("action", "resource_type"))
        permissions.append(
            Permission(
                _text(p["action"], f"{place}.action"),
                _identifier(p["resource_type"], f"{place}.resource_type"),
            )
        )
    return RoleRecord(
        ident,
        name=_text(f["name"], "name"),
        tier=_choice(f["tier"], "tier", TIERS),
        permissions=tuple(permissions),
        parents=_texts(f["parents"], "parents"),
    )


def _parse_assignment(ident: str, f: JSONObject) -> Record:
    scope = f["scope"]
    return AssignmentRecord(
        ident,
        principal=EntityRef.from_dict(f["principal"], "principal"),
        role=_text(f["role"], "role"),
        scope=None if scope is None else EntityRef.from_dict(scope, "scope"),
        start=_instant(f["start"], "start"),
        end=_instant(f["end"], "end"),
        source=_choice(f["source"], "source", SOURCES),
    )


def _parse_window(ident: str, f: JSONObject) -> Record:
    weekdays = tuple(
        _integer(day, "weekdays", 1, 7) for day in _list(f["weekdays"], "weekdays")
    )
    if not weekdays or list(weekdays) != sorted(set(weekdays)):
        raise RecordError(
            "weekdays: distinct, ascending, at least one", field="weekdays"
        )
    return WindowRecord(
        ident,
        name=_text(f["name"], "name"),
        zone=_text(f["zone"], "zone"),
        weekdays=weekdays,
        start_minute=_integer(f["start_minute"], "start_minute", 0, _MINUTES_A_DAY - 1),
        end_minute=_integer(f["end_minute"], "end_minute", 0, _MINUTES_A_DAY),
        date_from=_date(f["date_from"], "date_from"),
        date_until=_date(f["date_until"], "date_until"),
    )


def _parse_location(ident: str, f: JSONObject) -> Record:
    cidrs = _texts(f["cidrs"], "cidrs")
    for cidr in cidrs:
        try:
            normal = str(ipaddress.ip_network(cidr))
        except ValueError as error:
            raise RecordError(f"cidrs: {error}", field="cidrs") from error
        if normal != cidr:
            raise RecordError(f"cidrs: write {cidr} as {normal}", field="cidrs")
    countries = _texts(f["countries"], "countries")
    for country in countries:
        if not _COUNTRY.fullmatch(country):
            raise RecordError(f"countries: {country!r} is no code", field="countries")
    return LocationRecord(
        ident, name=_text(f["name"], "name"), cidrs=cidrs, countries=countries
    )


def _parse_principal(ident: str, f: JSONObject) -> Record:
    entity = EntityRef.from_dict(f["entity"])
    return PrincipalRecord(
        _entity_id(ident, entity),
        entity=entity,
        attributes=_attributes(f["attributes"], "attributes"),
    )


def _parse_resource(ident: str, f: JSONObject) -> Record:
    entity = EntityRef.from_dict(f["entity"])
    return ResourceRecord(
        _entity_id(ident, entity),
        entity=entity,
        attributes=_attributes(f["attributes"], "attributes"),
        groups=tuple(
            EntityRef.from_dict(group, f"groups[{n}]")
            for n, group in enumerate(_list(f["groups"], "groups"))
        ),
    )


def _parse_schema(ident: str, f: JSONObject) -> Record:
    if not isinstance(f["cedar_json"], Mapping):
        raise RecordError("cedar_json: a JSON object", field="cedar_json")
    return SchemaRecord(ident, cedar_json=f["cedar_json"])


_PARSERS: dict[
    RecordType, tuple[tuple[str, ...], Callable[[str, JSONObject], Record]]
] = {
    RecordType.POLICY: (
        (
            *("name", "version", "effect", "tier"),
            *("statements", "change", "windows", "locations"),
        ),
        _parse_policy,
    ),
    RecordType.ROLE: (("name", "tier", "permissions", "parents"), _parse_role),
    RecordType.ASSIGNMENT: (
        ("principal", "role", "scope", "start", "end", "source"),
        _parse_assignment,
    ),
    RecordType.WINDOW: (
        (
            *("name", "zone", "weekdays", "start_minute", "end_minute"),
            *("date_from", "date_until"),
        ),
        _parse_window,
    ),
    RecordType.LOCATION: (("name", "cidrs", "countries"), _parse_location),
    RecordType.PRINCIPAL: (("entity", "attributes"), _parse_principal),
    RecordType.RESOURCE: (("entity", "attributes", "groups"), _parse_resource),
    RecordType.SCHEMA: (("cedar_json",), _parse_schema),
}


def _object(value: object, field: str, names: Sequence[str]) -> JSONObject:
    if not isinstance(value, Mapping):
        raise RecordError(f"{field}: a JSON object", field=field)
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise RecordError(f"{field}: unknown field {unknown[0]!r}", field=unknown[0])
    missing = sorted(set(names) - set(value))
    if missing:
        raise RecordError(f"{field}: {missing[0]!r} is missing", field=missing[0])
    return value


def _text(value: object, field: str, longest: int = _LONGEST_TEXT) -> str:
    if not isinstance(value, str) or not value or len(value) > longest:
        raise RecordError(f"{field}: a text of 1 to {longest} characters", field=field)
    return value


def _identifier(value: object, field: str) -> str:
    text = _text(value, field)
    if not _IDENTIFIER.fullmatch(text):
        raise RecordError(f"{field}: {text!r} is not an identifier", field=field)
    return text


def _integer(value: object, field: str, low: int, high: int = 2**53 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecordError(f"{field}: an integer", field=field)
    if not low <= value <= high:
        raise RecordError(f"{field}: between {low} and {high}", field=field)
    return value


def _choice(value: object, field: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise RecordError(f"{field}: one of {', '.join(choices)}", field=field)
    return str(value)


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise RecordError(f"{field}: a list", field=field)
    return value


def _texts(value: object, field: str) -> tuple[str, ...]:
    return tuple(_text(item, field) for item in _list(value, field))


def _date(value: object, field: str) -> str | None:
    if value is None:
        return None
    text = _text(value, field)
    try:
        if _DATE.fullmatch(text):
            dt.date.fromisoformat(text)
            return text
    except ValueError as error:
        raise RecordError(f"{field}: {error}", field=field) from error
    raise RecordError(f"{field}: a date like 2026-01-31", field=field)


def _instant(value: object, field: str) -> str | None:
    if value is None:
        return None
    text = _text(value, field)
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordError(f"{field}: {error}", field=field) from error
    if instant.tzinfo is None:
        raise RecordError(f"{field}: an instant needs its offset", field=field)
    return text


def _attributes(value: object, field: str) -> Attributes:
    if not isinstance(value, Mapping):
        raise RecordError(f"{field}: a JSON object", field=field)
    for name, item in value.items():
        _identifier(name, field)
        items = item if isinstance(item, list) else [item]
        if not all(isinstance(one, str | int | bool) for one in items):
            raise RecordError(
                f"{field}.{name}: text, integer, boolean or a list of them",
                field=f"{field}.{name}",
            )
    return value


def _entity_id(ident: str, entity: EntityRef) -> str:
    if ident != principal_id(entity):
        raise RecordError(f"id: must be {principal_id(entity)!r}", field="id")
    return ident
