"""Read the JSON form of records, strictly: unknown and missing fields are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protocol.errors import RecordError
from protocol.records import values
from protocol.records.cases import CASE_FIELDS, parse_case
from protocol.records.entities import EntityRef, Permission, Statement
from protocol.records.kinds import (
    DELEGATION,
    EFFECTS,
    RECORD_VERSION,
    SEPARATIONS,
    SOURCES,
    TIERS,
    AssignmentRecord,
    EligibilityRecord,
    PolicyRecord,
    PrincipalRecord,
    Record,
    RecordType,
    ResourceRecord,
    RoleRecord,
    SchemaRecord,
    SeparationRecord,
    Waiver,
    principal_id,
)
from protocol.records.obligations import (
    POLICY_LATER,
    check_name,
    parse_interval,
    parse_obligations,
)
from protocol.records.scopes import (
    LOCATION_LATER,
    WINDOW_LATER,
    parse_location,
    parse_window,
)
from protocol.records.values import JSONObject

_LONGEST_MINUTES = 120
# Fields that came later: absent while they say nothing.
_LATER = {
    RecordType.POLICY: POLICY_LATER,
    RecordType.WINDOW: WINDOW_LATER,
    RecordType.LOCATION: LOCATION_LATER,
}


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
    if kind is RecordType.ASSIGNMENT and (
        value.get("source") == DELEGATION or "delegator" in value
    ):
        names = (*names, "delegator")
    names = (*names, *(name for name in _LATER.get(kind, ()) if name in value))
    fields = values.fields(value, kind.value, ("type", "v", "id", *names))
    return parse(values.text(fields["id"], "id"), fields)


def _parse_policy(ident: str, f: JSONObject) -> Record:
    statements = tuple(
        Statement.from_dict(item, f"statements[{n}]")
        for n, item in enumerate(values.items(f["statements"], "statements"))
    )
    if not statements:
        raise RecordError("statements: a policy has at least one", field="statements")
    version = values.integer(f["version"], "version", 1)
    check_name(ident, version)
    start, end = parse_interval(f)
    return PolicyRecord(
        ident,
        name=values.text(f["name"], "name"),
        version=version,
        effect=values.choice(f["effect"], "effect", EFFECTS),
        tier=values.choice(f["tier"], "tier", TIERS),
        statements=statements,
        change=values.text(f["change"], "change"),
        windows=values.texts(f["windows"], "windows"),
        locations=values.texts(f["locations"], "locations"),
        effective_from=start,
        effective_until=end,
        obligations=parse_obligations(f),
    )


def _parse_role(ident: str, f: JSONObject) -> Record:
    permissions = []
    for n, item in enumerate(values.items(f["permissions"], "permissions")):
        place = f"permissions[{n}]"
        p = values.fields(item, place, ("action", "resource_type"))
        permissions.append(
            Permission(
                values.text(p["action"], f"{place}.action"),
                values.identifier(p["resource_type"], f"{place}.resource_type"),
            )
        )
    return RoleRecord(
        ident,
        name=values.text(f["name"], "name"),
        tier=values.choice(f["tier"], "tier", TIERS),
        permissions=tuple(permissions),
        parents=values.texts(f["parents"], "parents"),
    )


def _parse_assignment(ident: str, f: JSONObject) -> Record:
    scope, delegator = f["scope"], None
    source = values.choice(f["source"], "source", SOURCES)
    if source == DELEGATION:
        delegator = EntityRef.from_dict(f["delegator"], "delegator")
    elif "delegator" in f:
        raise RecordError("delegator: only of a delegation", field="delegator")
    return AssignmentRecord(
        ident,
        principal=EntityRef.from_dict(f["principal"], "principal"),
        role=values.text(f["role"], "role"),
        scope=None if scope is None else EntityRef.from_dict(scope, "scope"),
        start=values.instant(f["start"], "start"),
        end=values.instant(f["end"], "end"),
        source=source,
        delegator=delegator,
    )


def _parse_eligibility(ident: str, f: JSONObject) -> Record:
    scope, holders = f["scope"], f["holders"]
    principals = tuple(
        EntityRef.from_dict(who, f"principals[{n}]")
        for n, who in enumerate(values.items(f["principals"], "principals"))
    )
    if (holders is None) == (not principals):
        raise RecordError("holders: a role, or else principals", field="holders")
    return EligibilityRecord(
        ident,
        purpose=values.text(f["purpose"], "purpose"),
        role=values.text(f["role"], "role"),
        tier=values.choice(f["tier"], "tier", TIERS),
        minutes=values.integer(f["minutes"], "minutes", 1, _LONGEST_MINUTES),
        scope=None if scope is None else EntityRef.from_dict(scope, "scope"),
        principals=principals,
        holders=None if holders is None else values.text(holders, "holders"),
    )


def _parse_principal(ident: str, f: JSONObject) -> Record:
    entity = EntityRef.from_dict(f["entity"])
    return PrincipalRecord(
        _entity_id(ident, entity),
        entity=entity,
        attributes=values.attributes(f["attributes"], "attributes"),
    )


def _parse_resource(ident: str, f: JSONObject) -> Record:
    entity = EntityRef.from_dict(f["entity"])
    return ResourceRecord(
        _entity_id(ident, entity),
        entity=entity,
        attributes=values.attributes(f["attributes"], "attributes"),
        groups=tuple(
            EntityRef.from_dict(group, f"groups[{n}]")
            for n, group in enumerate(values.items(f["groups"], "groups"))
        ),
    )


def _parse_schema(ident: str, f: JSONObject) -> Record:
    if not isinstance(f["cedar_json"], Mapping):
        raise RecordError("cedar_json: a JSON object", field="cedar_json")
    return SchemaRecord(ident, cedar_json=f["cedar_json"])


def _parse_separation(ident: str, f: JSONObject) -> Record:
    roles = values.texts(f["roles"], "roles")
    if list(roles) != sorted(set(roles)):
        raise RecordError("roles: distinct and ascending", field="roles")
    return SeparationRecord(
        ident,
        name=values.text(f["name"], "name"),
        kind=values.choice(f["kind"], "kind", SEPARATIONS),
        roles=roles,
        limit=values.integer(f["limit"], "limit", 1),
        waivers=tuple(
            _parse_waiver(item, f"waivers[{n}]")
            for n, item in enumerate(values.items(f["waivers"], "waivers"))
        ),
    )


def _parse_waiver(value: object, place: str) -> Waiver:
    f = values.fields(value, place, ("principal", "until"))
    until = values.instant(f["until"], f"{place}.until")
    if until is None:
        raise RecordError(f"{place}.until: an instant", field=f"{place}.until")
    return Waiver(EntityRef.from_dict(f["principal"], f"{place}.principal"), until)


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
        parse_window,
    ),
    RecordType.LOCATION: (("name", "cidrs", "countries"), parse_location),
    RecordType.PRINCIPAL: (("entity", "attributes"), _parse_principal),
    RecordType.RESOURCE: (("entity", "attributes", "groups"), _parse_resource),
    RecordType.SCHEMA: (("cedar_json",), _parse_schema),
    RecordType.SEPARATION: (
        ("name", "kind", "roles", "limit", "waivers"),
        _parse_separation,
    ),
    RecordType.ELIGIBILITY: (
        ("purpose", "role", "tier", "minutes", "scope", "principals", "holders"),
        _parse_eligibility,
    ),
    RecordType.TEST: (CASE_FIELDS, parse_case),
}


def _entity_id(ident: str, entity: EntityRef) -> str:
    if ident != principal_id(entity):
        raise RecordError(f"id: must be {principal_id(entity)!r}", field="id")
    return ident
