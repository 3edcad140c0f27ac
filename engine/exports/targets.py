"""What all exports of manifests share: rules, who they are for, and findings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.entities import Entities
from engine.exports.expressions import ERROR, Tree
from engine.exports.flatten import Unsupported, read_statements, shared_ids
from engine.exports.partial import Cover, Facts, certainly, failing, possibly
from engine.roles import Grant, closure, parents_of
from engine.separation import Separation
from protocol.records import (
    STANDING,
    AssignmentRecord,
    EntityRef,
    Head,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    SeparationRecord,
    Statement,
    WindowRecord,
)

Manifest = dict[str, Any]
NOT_EXPORTED = "is not exported: nothing is allowed by it there"
WIDENED = "is exported wider than it is: more is forbidden there"
UNSAID = "forbids nothing there, as where a question does not say it"
NEEDLESS = "forbids nothing there: people are allowed nothing"
UNKNOWN = "depends on what is not known there"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST = 200
_OTHERS = re.compile(r"[^a-z0-9]+")
_SPIFFE = re.compile(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)")


@dataclass(frozen=True)
class Exported:
    """The manifests for a target, what they do not say, and how much they cover.

    Each statement is covered, or unsupported, or `elsewhere`: about nothing there.
    """

    manifests: tuple[Manifest, ...]
    unsupported: tuple[Unsupported, ...]
    statements: int
    covered: int
    elsewhere: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A statement with its policy and its conditions as a tree."""

    policy: PolicyRecord
    statement: Statement
    tree: Tree
    is_sound: bool

    @property
    def is_permit(self) -> bool:
        """Say whether the rule permits."""
        return self.policy.effect == "permit"

    @property
    def may_deny(self) -> bool:
        """Say whether it can turn somebody away whom another rule lets in.

        Who meets a permit's conditions and not its obligations is denied.
        """
        return not self.is_permit or bool(self.policy.obligations)


@dataclass
class Release:
    """The records of a release as exports ask for them."""

    records: Sequence[Record]
    findings: set[Unsupported] = field(default_factory=set)
    _certain: dict[tuple[str, EntityRef], list[EntityRef]] = field(default_factory=dict)

    @cached_property
    def rules(self) -> list[Rule]:
        """Return all statements, in the order of their policies."""
        policies = [r for r in self.records if isinstance(r, PolicyRecord)]
        pairs = [(p, s) for p in policies for s in p.statements]
        texts, twice = read_statements(s for _, s in pairs), shared_ids(pairs)
        found = []
        for policy in policies:
            for one in policy.statements:
                read = texts.get(one.cedar)
                said = (
                    one.id,
                    policy.effect,
                    (one.principal, one.action, one.resource),
                )
                is_alone = one.id not in twice
                is_sound = read is not None and read.said == said and is_alone
                tree = read.tree if read and is_sound else dict(ERROR)
                found.append(Rule(policy, one, tree, is_sound))
        return found

    @cached_property
    def entities(self) -> Entities:
        """Return who and what is in the release."""
        return Entities(self.records)

    @cached_property
    def principals(self) -> list[EntityRef]:
        """Return the principals that are registered."""
        return [r.entity for r in self.records if isinstance(r, PrincipalRecord)]

    @cached_property
    def domains(self) -> dict[tuple[str, str], set[str]]:
        """Return the trust domains of services by namespace and service account."""
        heads = [rule.statement.principal for rule in self.rules]
        named = [EntityRef(head.type, head.id) for head in heads if head.op == "=="]
        found: dict[tuple[str, str], set[str]] = {}
        for who in {*self.principals, *named, *self._grants}:
            if account := service_account(who):
                found.setdefault(account[1:], set()).add(account[0])
        return found

    @cached_property
    def attributes(self) -> dict[EntityRef, Mapping[str, Any]]:
        """Return the attributes that the release gives entities."""
        return {
            record.entity: self.entities.attributes(record.entity, {})
            for record in self.records
            if isinstance(record, PrincipalRecord | ResourceRecord)
        }

    def resources(self, kind: str) -> list[EntityRef]:
        """Return the resources of a type."""
        found = (r.entity for r in self.records if isinstance(r, ResourceRecord))
        return [entity for entity in found if entity.type == kind]

    def facts(
        self,
        principal: EntityRef | None,
        resource: EntityRef,
        known: Iterable[str] = (),
        *,
        is_open: bool = False,
    ) -> Facts:
        """Return what a target knows of a question."""
        return Facts(
            frozenset(known),
            principal,
            resource,
            self.attributes,
            self.entities.above_resource(resource),
            self._zones,
            is_open=is_open,
        )

    def allowed(self, rule: Rule, facts: Facts) -> Cover:
        """Return where a permit holds whatever else is known; noted if that is less."""
        cover = certainly(rule.tree, facts)
        if cover != possibly(rule.tree, facts):
            for reason in sorted(facts.missing or {UNKNOWN}):
                self.note(rule, reason, NOT_EXPORTED)
        return cover

    def denied(self, rule: Rule, facts: Facts) -> Cover:
        """Return where a rule may turn somebody away; noted if that is not exact."""
        cover = failing(rule.tree, facts)
        if cover:
            self.note(rule, "may end with an error", WIDENED)
        if not rule.may_deny:
            return cover
        exact = certainly(rule.tree, facts)
        wide = possibly(rule.tree, facts)
        reasons = facts.missing or ({UNKNOWN} if wide != exact else ())
        cover = [*wide, *cover]
        for reason in sorted(reasons):
            self.note(rule, reason, WIDENED if cover else UNSAID)
        return cover

    def is_about(self, head: Head, resource: EntityRef) -> bool:
        """Say whether the head of a statement is about a resource."""
        places = self.entities.above_resource(resource)
        match head.op:
            case "any":
                return True
            case "is":
                return head.type == resource.type
            case "is_in":
                group = EntityRef(head.in_type, head.in_id)
                return head.type == resource.type and group in places
            case "in":
                return EntityRef(head.type, head.id) in places
            case _:
                return EntityRef(head.type, head.id) == resource

    def certain_holders(self, role: str, resource: EntityRef) -> list[EntityRef]:
        """Return who holds a role for good, so that no time has to be looked at."""
        key = (role, resource)
        if key not in self._certain:
            self._certain[key] = self._holding_for_good(role, resource)
        return self._certain[key]

    def uncertain_holders(self, role: str, resource: EntityRef) -> list[EntityRef]:
        """Return who holds a role there at some time, and not for certain."""
        places = self.entities.above_resource(resource)
        certain = {*self.certain_holders(role, resource)}
        return [
            who
            for who, grants in sorted(self._grants.items())
            if who not in certain
            and any(
                role in self._above(grant.role)
                for grant in grants
                if not grant.scope or grant.scope in places
            )
        ]

    def _holding_for_good(self, role: str, resource: EntityRef) -> list[EntityRef]:
        places = self.entities.above_resource(resource)
        return [
            who
            for who, grants in sorted(self._grants.items())
            if who not in self._set_apart
            and any(
                role in self._above(grant.role)
                for grant in grants
                if _is_standing(grant) and (not grant.scope or grant.scope in places)
            )
        ]

    def possible_holders(self, role: str) -> list[EntityRef]:
        """Return who may hold a role at some time or place."""
        return [
            who
            for who, grants in sorted(self._grants.items())
            if any(role in self._above(grant.role) for grant in grants)
        ]

    def temporary(self) -> Iterator[tuple[EntityRef, Grant]]:
        """Yield the assignments that are not for good."""
        for who, grants in sorted(self._grants.items()):
            yield from ((who, one) for one in grants if not _is_standing(one))

    def note(self, rule: Rule, reason: str, instead: str) -> None:
        """Remember that a statement is not expressed as it is."""
        self.findings.add(
            Unsupported(rule.policy.slug, rule.statement.id, reason, instead)
        )

    def exported(
        self, manifests: Iterable[Manifest], about: Sequence[Rule]
    ) -> Exported:
        """Return the manifests, and which of the rules about the target are covered."""
        found = tuple(sorted(self.findings))
        noted = {one.statement for one in found}
        covered = sum(rule.statement.id not in noted for rule in about)
        concerned = {rule.statement.id for rule in about}
        every = (rule.statement.id for rule in self.rules)
        elsewhere = tuple(one for one in every if one not in concerned)
        return Exported(tuple(manifests), found, len(about), covered, elsewhere)

    @cached_property
    def _zones(self) -> frozenset[str]:
        return frozenset(r.zone for r in self.records if isinstance(r, WindowRecord))

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        return parents_of(r for r in self.records if isinstance(r, RoleRecord))

    def _above(self, role: str) -> set[str]:
        return closure([role], self._parents)

    @cached_property
    def _grants(self) -> dict[EntityRef, list[Grant]]:
        found: dict[EntityRef, list[Grant]] = {}
        for record in self.records:
            if isinstance(record, AssignmentRecord):
                grant = Grant.from_record(record)
                found.setdefault(record.principal, []).append(grant)
        return found

    @cached_property
    def _set_apart(self) -> frozenset[EntityRef]:
        """Return who may hold too many roles that are kept apart."""
        sets = [
            Separation.from_record(record)
            for record in self.records
            if isinstance(record, SeparationRecord)
        ]
        held = {
            who: closure((grant.role for grant in grants), self._parents)
            for who, grants in self._grants.items()
        }
        return frozenset(
            who
            for who, roles in held.items()
            if any(len(one.roles & roles) > one.limit for one in sets)
        )


def release_of(records: Iterable[Record]) -> Release:
    """Return records as exports ask for them; their order does not matter."""
    return Release(sorted(records, key=lambda record: record.key))


def is_name(text: str) -> bool:
    """Say whether a text is a name as Kubernetes knows them (RFC 1123 label)."""
    return _NAME.fullmatch(text) is not None


def name_of(*parts: str) -> str:
    """Return a name for an object; different parts never give the same."""
    if all(map(is_name, parts)) and len(".".join(parts)) <= _LONGEST:
        return ".".join(parts)
    mark = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    plain = _OTHERS.sub("-", "-".join(parts).lower()).strip("-")[:40].strip("-")
    return f"{plain or 'x'}.{mark}"


def service_account(service: EntityRef) -> tuple[str, str, str] | None:
    """Return trust domain, namespace and name of a service with a SPIFFE id."""
    match = _SPIFFE.fullmatch(service.id)
    return (match[1], match[2], match[3]) if match else None


def _is_standing(grant: Grant) -> bool:
    return (
        grant.source == STANDING
        and not grant.is_lent
        and grant.start.year == 1
        and grant.end.year == 9999  # noqa: PLR2004  # what a missing bound is read as
    )
