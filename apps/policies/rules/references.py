"""Check that everything a policy names exists and may be named there."""

from __future__ import annotations

from collections.abc import Iterator

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.content import PolicyContent, PrincipalItem, ResourceItem
from apps.policies.rules.problems import Problem, ProblemCode
from protocol.records import EntityRef, Permission

_TIERS = ("read_only", "operator", "admin")
_EFFECTS = ("permit", "forbid")


def check_references(content: PolicyContent, catalogue: Catalogue) -> list[Problem]:
    """Return everything that is wrong with the names in a policy.

    Whether actions suit principals and resources is asked only when all names exist.
    """
    return (
        [
            *_vocabulary(content),
            *_principals(content, catalogue),
            *_resources(content, catalogue),
            *_actions(content, catalogue),
            *_scopes(content, catalogue),
        ]
        or [*_ceilings(content, catalogue)]
        or [*_tier(content, catalogue)]
    )


def check_vocabulary(content: PolicyContent) -> list[Problem]:
    """Return what is wrong with effect and tier."""
    return [*_vocabulary(content)]


def _vocabulary(content: PolicyContent) -> Iterator[Problem]:
    if content.effect not in _EFFECTS:
        yield Problem(
            ProblemCode.UNKNOWN_EFFECT,
            "effect",
            f"There is no effect “{content.effect}”.",
            "Use permit or forbid.",
        )
    if content.tier not in _TIERS:
        yield Problem(
            ProblemCode.UNKNOWN_TIER,
            "tier",
            f"There is no tier “{content.tier}”.",
            "Use read_only, operator or admin.",
        )


def _principals(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    for n, item in enumerate(content.principals):
        place = f"principals[{n}]"
        match item:
            case PrincipalItem(type="Role", id=slug):
                if slug not in catalogue.roles:
                    yield Problem(
                        ProblemCode.UNKNOWN_ROLE,
                        f"{place}.id",
                        f"There is no role “{slug}”.",
                        "Create the role first, or correct the name.",
                    )
            case PrincipalItem(type="User" | "Service" as kind, id=key):
                if EntityRef(kind, key) not in catalogue.principals:
                    yield Problem(
                        ProblemCode.UNKNOWN_PRINCIPAL,
                        f"{place}.id",
                        f"There is no {kind.lower()} “{key}”.",
                        "Register the principal first, or correct the key.",
                    )
            case _:
                yield Problem(
                    ProblemCode.UNKNOWN_PRINCIPAL_TYPE,
                    f"{place}.type",
                    f"There is no type of principal “{item.type}”.",
                    "Use Role, User or Service.",
                )


def _resources(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    for n, item in enumerate(content.resources):
        place = f"resources[{n}]"
        is_group = item.type == "ResourceGroup"
        if item.type not in catalogue.resource_types and not is_group:
            yield Problem(
                ProblemCode.UNKNOWN_RESOURCE_TYPE,
                f"{place}.type",
                f"There is no resource type “{item.type}”.",
                "Define the resource type first, or correct the name.",
            )
        elif not _is_there(item, catalogue):
            word = "resource group" if is_group else item.type
            yield Problem(
                ProblemCode.UNKNOWN_RESOURCE,
                f"{place}.id",
                f"There is no {word} “{item.id}”.",
                "Register it first, or correct the key.",
            )


def _is_there(item: ResourceItem, catalogue: Catalogue) -> bool:
    if not item.id:
        return item.type != "ResourceGroup"
    return EntityRef(item.type, item.id) in catalogue.resources


def _actions(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    for n, action in enumerate(content.actions):
        if action not in catalogue.actions:
            yield Problem(
                ProblemCode.UNKNOWN_ACTION,
                f"actions[{n}]",
                f"There is no action “{action}”.",
                "Add it to the catalogue first, or correct the name.",
            )
    is_open = content.effect == "permit" and not content.actions
    if is_open and not _names_roles_only(content):
        yield Problem(
            ProblemCode.ACTIONS_MISSING,
            "actions",
            "Only a policy for roles may leave the actions open.",
            "Name at least one action.",
        )


def _scopes(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    for n, slug in enumerate(content.windows):
        if slug not in catalogue.windows:
            yield Problem(
                ProblemCode.UNKNOWN_WINDOW,
                f"windows[{n}]",
                f"There is no time window “{slug}”.",
                "Create the window first, or correct the name.",
            )
    for n, slug in enumerate(content.locations):
        if slug not in catalogue.locations:
            yield Problem(
                ProblemCode.UNKNOWN_LOCATION,
                f"locations[{n}]",
                f"There is no location “{slug}”.",
                "Create the location first, or correct the name.",
            )


def _ceilings(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    """Check that every action suits the resources and is held by every role."""
    kinds = _kinds(content, catalogue)
    for n, action in enumerate(content.actions):
        if not catalogue.actions[action] & kinds:
            yield Problem(
                ProblemCode.ACTION_NOT_APPLICABLE,
                f"actions[{n}]",
                f"“{action}” cannot be done to these resources.",
                f"It applies to {', '.join(sorted(catalogue.actions[action]))}.",
            )
    if content.effect != "permit":
        return
    for item in content.principals:
        if item.type == "Role":
            yield from _beyond(content, item.id, kinds, catalogue)


def _beyond(
    content: PolicyContent, role: str, kinds: frozenset[str], catalogue: Catalogue
) -> Iterator[Problem]:
    held = catalogue.roles[role]
    named = {item.type for item in content.resources}
    for n, action in enumerate(content.actions):
        wanted = {Permission(action, k) for k in catalogue.actions[action] & kinds}
        missing = {one.resource_type for one in wanted - held} & named
        if missing or (wanted and not wanted & held):
            where = f" on {min(missing)}" if missing else ""
            yield Problem(
                ProblemCode.ACTION_BEYOND_ROLE,
                f"actions[{n}]",
                f"The role “{role}” does not hold “{action}”{where}.",
                "Choose an action that the role holds, or extend the role.",
            )
    if not content.actions and not any(p.resource_type in kinds for p in held):
        yield Problem(
            ProblemCode.ACTION_BEYOND_ROLE,
            "resources",
            f"The role “{role}” holds no action on these resources.",
            "Choose other resources, or extend the role.",
        )


def _kinds(content: PolicyContent, catalogue: Catalogue) -> frozenset[str]:
    named = {item.type for item in content.resources}
    if not named or "ResourceGroup" in named:
        return frozenset(catalogue.resource_types)
    return frozenset(named)


def _tier(content: PolicyContent, catalogue: Catalogue) -> Iterator[Problem]:
    """Refuse a tier below what is permitted: it sets how stale a node may be."""
    if content.effect != "permit":
        return
    kinds = _kinds(content, catalogue)
    wanted = {
        permission
        for permission in catalogue.tiers
        if permission.resource_type in kinds
        and (permission.action in content.actions or not content.actions)
    }
    if _names_roles_only(content):
        wanted &= frozenset().union(
            *(catalogue.roles[item.id] for item in content.principals)
        )
    tiers = {catalogue.tiers[permission] for permission in wanted}
    above = _TIERS[_TIERS.index(content.tier) + 1 :]
    beyond = [tier for tier in above if tier in tiers]
    if beyond:
        yield Problem(
            ProblemCode.TIER_TOO_LOW,
            "tier",
            f"The policy permits actions of tier {beyond[-1]}.",
            f"Set the tier to {beyond[-1]}, or remove those actions.",
        )


def _names_roles_only(content: PolicyContent) -> bool:
    return bool(content.principals) and all(
        item.type == "Role" for item in content.principals
    )
