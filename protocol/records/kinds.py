"""The kinds of records: their fields, their JSON form, their bytes and digest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from typing_extensions import override

from protocol.canonical import canonical_bytes, digest_bytes
from protocol.records.entities import EntityRef, Permission, Statement
from protocol.records.obligations import Interval, Obligation
from protocol.records.values import Attributes, JSONObject

RECORD_DOMAIN = "portward-record-v1"
RECORD_VERSION = 1

EFFECTS = ("permit", "forbid")
TIERS = ("read_only", "operator", "admin")
STANDING = "standing"
DELEGATION = "delegation"
STATIC, DYNAMIC = "static", "dynamic"
SEPARATIONS = (STATIC, DYNAMIC)
SOURCES = (STANDING, "elevation", DELEGATION, "break_glass")


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
    SEPARATION = "separation"
    ELIGIBILITY = "eligibility"
    TEST = "test"


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
    """A live policy version.

    It counts from `effective_from` until just before `effective_until` (RFC 3339, UTC).
    The version that follows it later is shipped beside it, named `slug@version`. What
    is not set has no field in the JSON form, so a node that does not know one of these
    refuses a release that uses it.
    """

    type: ClassVar[RecordType] = RecordType.POLICY

    name: str
    version: int
    effect: str
    tier: str
    statements: tuple[Statement, ...]
    change: str
    windows: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    effective_from: str | None = None
    effective_until: str | None = None
    obligations: tuple[Obligation, ...] = ()

    @property
    def slug(self) -> str:
        """Return the policy's short name, which all its versions share."""
        return self.id.partition("@")[0]

    @cached_property
    def interval(self) -> Interval:
        """Return when the version counts."""
        return Interval.of(self.effective_from, self.effective_until)

    @override
    def body(self) -> dict[str, Any]:
        later = {
            "effective_from": self.effective_from,
            "effective_until": self.effective_until,
            "obligations": [one.to_dict() for one in self.obligations],
        }
        return {
            "name": self.name,
            "version": self.version,
            "effect": self.effect,
            "tier": self.tier,
            "statements": [statement.to_dict() for statement in self.statements],
            "change": self.change,
            "windows": list(self.windows),
            "locations": list(self.locations),
            **{name: value for name, value in later.items() if value},
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
    """A principal holds a role, somewhere and for a time (RFC 3339, UTC).

    A delegation names who lends; it counts only while they hold the role themselves.
    No other source has a `delegator`, and its JSON form has no such field, so a node
    that does not know delegations refuses a release that has some.
    """

    type: ClassVar[RecordType] = RecordType.ASSIGNMENT

    principal: EntityRef
    role: str
    scope: EntityRef | None = None
    start: str | None = None
    end: str | None = None
    source: str = "standing"
    delegator: EntityRef | None = None

    @override
    def body(self) -> dict[str, Any]:
        lent = {"delegator": self.delegator.to_dict()} if self.delegator else {}
        return {
            "principal": self.principal.to_dict(),
            "role": self.role,
            "scope": self.scope.to_dict() if self.scope else None,
            "start": self.start,
            "end": self.end,
            "source": self.source,
            **lent,
        }


@dataclass(frozen=True)
class EligibilityRecord(Record):
    """A role that some may ask to hold for minutes; it lets nobody in by itself.

    Named are principals, or the role whose standing holders may ask. Shipped only where
    nodes tell of it, since a node that does not know the type refuses the release.
    """

    type: ClassVar[RecordType] = RecordType.ELIGIBILITY

    purpose: str
    role: str
    tier: str
    minutes: int
    scope: EntityRef | None = None
    principals: tuple[EntityRef, ...] = ()
    holders: str | None = None

    @override
    def body(self) -> dict[str, Any]:
        return {
            "purpose": self.purpose,
            "role": self.role,
            "tier": self.tier,
            "minutes": self.minutes,
            "scope": self.scope.to_dict() if self.scope else None,
            "principals": [who.to_dict() for who in self.principals],
            "holders": self.holders,
        }


@dataclass(frozen=True)
class WindowRecord(Record):
    """A time window. An end at or before the start means overnight.

    Dates in `closed_on` do not open it, dates in `open_on` do whatever the weekday;
    none is in both. `opens_at` and `closes_at` (RFC 3339, UTC) bound it as a whole.
    What is not set has no field in the JSON form, so a node that does not know one of
    these refuses a release that uses it.
    """

    type: ClassVar[RecordType] = RecordType.WINDOW

    name: str
    zone: str
    weekdays: tuple[int, ...]
    start_minute: int
    end_minute: int
    date_from: str | None = None
    date_until: str | None = None
    closed_on: tuple[str, ...] = ()
    open_on: tuple[str, ...] = ()
    opens_at: str | None = None
    closes_at: str | None = None

    @override
    def body(self) -> dict[str, Any]:
        later = {
            "closed_on": list(self.closed_on),
            "open_on": list(self.open_on),
            "opens_at": self.opens_at,
            "closes_at": self.closes_at,
        }
        return {
            "name": self.name,
            "zone": self.zone,
            "weekdays": list(self.weekdays),
            "start_minute": self.start_minute,
            "end_minute": self.end_minute,
            "date_from": self.date_from,
            "date_until": self.date_until,
            **{name: value for name, value in later.items() if value},
        }


@dataclass(frozen=True, order=True)
class City:
    """A city of a country (ISO 3166-1 alpha-2), by its English name."""

    country: str
    name: str


@dataclass(frozen=True)
class Fence:
    """A circle on the globe: micro-degrees and meters."""

    latitude: int
    longitude: int
    radius: int

    def to_dict(self) -> dict[str, int]:
        """Return the JSON form."""
        return {
            "latitude": self.latitude,
            "longitude": self.longitude,
            "radius": self.radius,
        }


@dataclass(frozen=True)
class LocationRecord(Record):
    """A named place: the union of everything that it lists.

    With `unknown_matches` a request whose place is not known counts as from here. What
    is not set beyond ranges and countries has no field in the JSON form, so a node that
    does not know one of these refuses a release that uses it.
    """

    type: ClassVar[RecordType] = RecordType.LOCATION

    name: str
    cidrs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    cities: tuple[City, ...] = ()
    fence: Fence | None = None
    node_groups: tuple[str, ...] = ()
    unknown_matches: bool = False

    @override
    def body(self) -> dict[str, Any]:
        later = {
            "cities": [[city.country, city.name] for city in self.cities],
            "fence": self.fence.to_dict() if self.fence else None,
            "node_groups": list(self.node_groups),
            "unknown_matches": self.unknown_matches,
        }
        return {
            "name": self.name,
            "cidrs": list(self.cidrs),
            "countries": list(self.countries),
            **{name: value for name, value in later.items() if value},
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


@dataclass(frozen=True)
class Waiver:
    """A principal who need not keep to a separation until an instant."""

    principal: EntityRef
    until: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"principal": self.principal.to_dict(), "until": self.until}


@dataclass(frozen=True)
class SeparationRecord(Record):
    """Roles of which one principal has at most `limit`: held (static) or in use."""

    type: ClassVar[RecordType] = RecordType.SEPARATION

    name: str
    kind: str
    roles: tuple[str, ...]
    limit: int = 1
    waivers: tuple[Waiver, ...] = ()

    @override
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "roles": list(self.roles),
            "limit": self.limit,
            "waivers": [waiver.to_dict() for waiver in self.waivers],
        }


def record_bytes(record: Record) -> bytes:
    """Return the canonical bytes of a record."""
    return canonical_bytes(record.to_dict())


def record_digest(record: Record) -> bytes:
    """Return the 32-byte digest of a record."""
    return digest_bytes(RECORD_DOMAIN, record_bytes(record))


def principal_id(entity: EntityRef) -> str:
    """Return the record id of a principal or resource."""
    return f"{entity.type}::{entity.id}"
