"""Findings about a policy among others: said already, overruled, for nobody.

One policy covers another if every statement of the second has one of the first that is
as wide in its head and asks for no more. That is exact for what it finds; what only the
evaluation of conditions could tell, it does not claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.policies.rules.content import PolicyContent
from apps.policies.rules.lint.findings import Finding, LintCode, Severity
from engine.cedar import GROUP_TYPE, ROLE_TYPE
from protocol.records import Head, Statement

_Key = tuple[str, str]
_ANY: _Key = ("", "")


@dataclass(frozen=True)
class Neighbor:
    """A policy with what it compiles to."""

    slug: str
    content: PolicyContent
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Neighborhood:
    """The policies of a tenant, found by who they are about; and what exists.

    `ancestors` holds each role with all that it inherits from, `held` the roles that
    somebody holds or may ask for, `groups` the resource groups with anything in them.
    """

    policies: tuple[Neighbor, ...]
    ancestors: Mapping[str, tuple[str, ...]]
    held: frozenset[str]
    groups: frozenset[str]
    by_principal: dict[_Key, list[tuple[Neighbor, Statement]]] = field(
        default_factory=dict, compare=False
    )

    def __post_init__(self) -> None:
        for policy in self.policies:
            for statement in policy.statements:
                key = _key(statement.principal)
                self.by_principal.setdefault(key, []).append((policy, statement))

    def wider(self, narrow: Statement) -> Iterator[tuple[Neighbor, Statement]]:
        """Yield the statements whose principals include those of one."""
        kind, name = _key(narrow.principal)
        keys = {_ANY, (kind, name)}
        if kind == ROLE_TYPE:
            keys |= {(ROLE_TYPE, role) for role in self.ancestors.get(name, ())}
        for key in keys:
            yield from self.by_principal.get(key, ())


def lint_together(policy: Neighbor, around: Neighborhood) -> list[Finding]:
    """Return what is wrong with a policy among the others."""
    return [
        *_covered(policy, around),
        *_conflicts(policy, around),
        *_orphans(policy, around),
        *_empty(policy, around),
    ]


def covers_head(wide: Head, narrow: Head) -> bool:
    """Say whether everything that one constraint lets through passes the other."""
    if wide.op == "any" or wide == narrow:
        return True
    match wide.op, narrow.op:
        case "is", "is" | "==" | "is_in":
            return wide.type == narrow.type
        case "in", "is_in" if not wide.ids:
            return (wide.type, wide.id) == (narrow.in_type, narrow.in_id)
        case "in", "==" | "in" if wide.ids:
            named = {narrow.id} if narrow.op == "==" else set(narrow.ids)
            return bool(named) and named <= set(wide.ids)
        case _:
            return False


def asks_no_more(wide: PolicyContent, narrow: PolicyContent) -> bool:
    """Say whether whatever meets the circumstances of one meets those of the other."""
    return (
        _is_within(narrow.windows, wide.windows)
        and _is_within(narrow.locations, wide.locations)
        and set(map(_text, wide.conditions)) <= set(map(_text, narrow.conditions))
        and (not wide.effective_from or wide.effective_from == narrow.effective_from)
        and (not wide.effective_until or wide.effective_until == narrow.effective_until)
    )


def _covered(policy: Neighbor, around: Neighborhood) -> Iterator[Finding]:
    """Find who says already what a policy says, or overrules all of it."""
    if policy.content.cedar:
        return
    permits = policy.content.effect == "permit"
    for other in _covering(policy, around):
        if other.content.effect == policy.content.effect:
            if permits and other.content.obligations and not policy.content.obligations:
                continue
            if _is_same(policy, other) and policy.slug < other.slug:
                # Of two that say the same, one is said to be too many.
                continue
            yield Finding(
                LintCode.SHADOWED,
                Severity.WARNING,
                policy.slug,
                "policy",
                f"“{other.content.name}” says all of this already.",
                "Remove one of them, or make the other narrower.",
            )
        elif permits:
            yield Finding(
                LintCode.OVERRULED,
                Severity.WARNING,
                policy.slug,
                "effect",
                f"“{other.content.name}” forbids all of this; a forbid always wins.",
                "Retire the policy, or make the forbid narrower.",
            )


def _covering(policy: Neighbor, around: Neighborhood) -> list[Neighbor]:
    """Return the others that cover every statement of a policy, by name."""
    common: dict[str, Neighbor] | None = None
    for statement in policy.statements:
        found = {
            other.slug: other
            for other, wide in around.wider(statement)
            if other.slug != policy.slug
            and not other.content.cedar
            and covers_head(wide.action, statement.action)
            and covers_head(wide.resource, statement.resource)
            and asks_no_more(other.content, policy.content)
        }
        kept = found if common is None else {s: common[s] for s in common if s in found}
        common = kept
        if not common:
            break
    return [one for _, one in sorted((common or {}).items())]


def _conflicts(policy: Neighbor, around: Neighborhood) -> Iterator[Finding]:
    """Name the forbids that take a part of a permit away."""
    if policy.content.effect != "permit":
        return
    whole = {other.slug for other in _covering(policy, around)}
    found = {}
    for statement in policy.statements:
        for other, wide in around.wider(statement):
            if (
                other.content.effect == "forbid"
                and other.slug not in whole
                and _may_meet(wide.action, statement.action)
                and _may_meet(wide.resource, statement.resource)
            ):
                found[other.slug] = other.content.name
    for _, name in sorted(found.items()):
        yield Finding(
            LintCode.CONFLICT,
            Severity.NOTE,
            policy.slug,
            "effect",
            f"“{name}” forbids a part of this.",
            "Nothing has to be done if that is meant.",
        )


def _may_meet(one: Head, other: Head) -> bool:
    return covers_head(one, other) or covers_head(other, one)


def _orphans(policy: Neighbor, around: Neighborhood) -> Iterator[Finding]:
    for n, item in enumerate(policy.content.principals):
        if item.type == ROLE_TYPE and item.id not in around.held:
            yield Finding(
                LintCode.ORPHAN_ROLE,
                Severity.WARNING,
                policy.slug,
                f"principals[{n}]",
                f"Nobody holds the role “{item.id}”, and nobody may ask for it.",
                "Give it to somebody, offer it, or name another role.",
            )


def _empty(policy: Neighbor, around: Neighborhood) -> Iterator[Finding]:
    for n, item in enumerate(policy.content.resources):
        if item.type == GROUP_TYPE and item.id not in around.groups:
            yield Finding(
                LintCode.EMPTY_GROUP,
                Severity.WARNING,
                policy.slug,
                f"resources[{n}]",
                f"Nothing lies in the group “{item.id}”.",
                "Put resources into it, or name something else.",
            )


def _is_same(one: Neighbor, other: Neighbor) -> bool:
    return asks_no_more(one.content, other.content) and [
        (s.principal, s.action, s.resource) for s in one.statements
    ] == [(s.principal, s.action, s.resource) for s in other.statements]


def _is_within(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Say whether one of several suffices for the other as well; none is always."""
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _text(condition: object) -> str:
    return repr(condition)


def _key(head: Head) -> _Key:
    return _ANY if head.op == "any" else (head.type, head.id)
