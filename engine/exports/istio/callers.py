"""Who a statement is for, as a mesh names callers: by their service accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.exports.targets import (
    NEEDLESS,
    NOT_EXPORTED,
    WIDENED,
    Release,
    Rule,
    service_account,
)
from protocol.records import EntityRef, Head

# An entity, if it is known, and the principals that Istio knows it by; None is anybody.
Caller = tuple[EntityRef | None, list[str] | None]
_PEOPLE = "is for people, whom a mesh does not know"


def allowed_callers(
    release: Release, rule: Rule, endpoint: EntityRef
) -> Sequence[Caller]:
    """Return who a permit lets in, for certain."""
    head = rule.statement.principal
    match head:
        case Head(op="any") | Head(op="is", type="Service"):
            return [(None, ["*"])]
        case Head(op="==", type="Service"):
            return _named(release, rule, [EntityRef(head.type, head.id)])
        case Head(op="in", type="Role"):
            return _named(release, rule, _holders(release, rule, endpoint))
        case _:
            release.note(rule, _PEOPLE, NOT_EXPORTED)
            return []


def denied_callers(
    release: Release, rule: Rule, endpoint: EntityRef
) -> Sequence[Caller]:
    """Return whom a rule may turn away."""
    head = rule.statement.principal
    match head:
        case Head(op="==", type="Service"):
            return _named(release, rule, [EntityRef(head.type, head.id)])
        case Head(op="in", type="Role"):
            return _named(release, rule, _possible_holders(release, rule, endpoint))
        case Head(op="==" | "is", type="User"):
            _note_people(release, rule)
            return []
        case _:
            return [(None, None)]


def _holders(release: Release, rule: Rule, endpoint: EntityRef) -> list[EntityRef]:
    role = rule.statement.principal.id
    found = release.certain_holders(role, endpoint)
    if release.uncertain_holders(role, endpoint):
        reason = f"some hold the role {role} for a time or not alone"
        release.note(rule, reason, NOT_EXPORTED)
    if any(who.type != "Service" for who in found):
        release.note(rule, _PEOPLE, NOT_EXPORTED)
    return [who for who in found if who.type == "Service"]


def _possible_holders(
    release: Release, rule: Rule, endpoint: EntityRef
) -> list[EntityRef]:
    role = rule.statement.principal.id
    uncertain = release.uncertain_holders(role, endpoint)
    found = [*release.certain_holders(role, endpoint), *uncertain]
    if not rule.is_permit and any(who.type == "Service" for who in uncertain):
        release.note(rule, "some hold the role for a time or not alone", WIDENED)
    if any(who.type != "Service" for who in found):
        _note_people(release, rule)
    return sorted(who for who in found if who.type == "Service")


def _note_people(release: Release, rule: Rule) -> None:
    if not rule.is_permit:
        release.note(rule, _PEOPLE, NEEDLESS)


def _named(release: Release, rule: Rule, services: Iterable[EntityRef]) -> list[Caller]:
    found: list[Caller] = []
    for service in services:
        account = service_account(service)
        if account is None or "*" in service.id:
            reason = f"Service {service.id} has no SPIFFE id of a mesh"
            release.note(rule, reason, NOT_EXPORTED if rule.is_permit else WIDENED)
            if not rule.is_permit:
                found.append((service, None))
            continue
        domain, namespace, name = account
        found.append((service, [f"{domain}/ns/{namespace}/sa/{name}"]))
    return found
