"""Small records for tests of the engine."""

from __future__ import annotations

import datetime as dt

from engine.cedar import statement_text
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    PolicyRecord,
    PrincipalRecord,
    ResourceRecord,
    RoleRecord,
    Statement,
    principal_id,
)

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ALICE = EntityRef("User", "alice")
WEB = EntityRef("Node", "web-1")
BERLIN = EntityRef("ResourceGroup", "berlin")


def policy(
    ident: str,
    *,
    effect: str = "permit",
    principal: Head | None = None,
    action: Head | None = None,
    resource: Head | None = None,
    when: tuple[str, ...] = (),
    tier: str = "operator",
    cedar: str | None = None,
) -> PolicyRecord:
    heads = (principal or Head(), action or Head(), resource or Head())
    text = cedar or statement_text(f"{ident}#0", effect, heads, when)
    statement = Statement(f"{ident}#0", text, *heads)
    return PolicyRecord(ident, ident, 1, effect, tier, (statement,), "change")


def role(ident: str, *parents: str) -> RoleRecord:
    return RoleRecord(ident, ident, "operator", (), parents)


def assignment(
    ident: str,
    role_id: str,
    *,
    scope: EntityRef | None = None,
    start: str | None = None,
    end: str | None = None,
) -> AssignmentRecord:
    return AssignmentRecord(ident, ALICE, role_id, scope, start, end)


def resource(
    entity: EntityRef, *groups: EntityRef, **attributes: object
) -> ResourceRecord:
    return ResourceRecord(principal_id(entity), entity, attributes, groups)


def principal(entity: EntityRef, **attributes: object) -> PrincipalRecord:
    return PrincipalRecord(principal_id(entity), entity, attributes)
