"""Tests of a policy to start from, once somebody put their own names into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from apps.policies.rules.content import PolicyContent
from apps.policies.rules.testcases import Given, TestCase
from engine.cedar import GROUP_TYPE, ROLE_TYPE

Names = Mapping[tuple[str, str], tuple[str, str]]


def renamed_tests(
    cases: Iterable[TestCase], before: PolicyContent, after: PolicyContent
) -> tuple[TestCase, ...]:
    """Return tests about what stands where their own names stood.

    Only what was exchanged one for one has a new name.
    """
    names = dict(_exchanged(_entities(before), _entities(after)))
    actions = {
        old: new
        for (_, old), (_, new) in _exchanged(
            [("", one) for one in before.actions], [("", one) for one in after.actions]
        )
    }
    return tuple(
        replace(
            case,
            name=_said(case.name, {**_plain(names), **actions}),
            action=actions.get(case.action, case.action),
            given=_renamed(case.given, names),
        )
        for case in cases
    )


def _entities(content: PolicyContent) -> list[tuple[str, str]]:
    whom = [(item.type, item.id) for item in content.principals]
    return whom + [(item.type, item.id) for item in content.resources]


def _exchanged(
    before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]
) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return what stands in the same place as something else did."""
    if len(before) != len(after):
        return []
    pairs = zip(before, after, strict=True)
    return [(old, new) for old, new in pairs if old != new and old[0] == new[0]]


def _plain(names: Names) -> dict[str, str]:
    return {old[1]: new[1] for old, new in names.items() if old[1] and new[1]}


def _renamed(given: Given, names: Names) -> Given:
    return replace(
        given,
        principal=_entity(given.principal, names),
        resource=_entity(given.resource, names),
        roles=_ids(ROLE_TYPE, given.roles, names),
        groups=_ids(GROUP_TYPE, given.groups, names),
    )


def _entity(given: dict[str, str], names: Names) -> dict[str, str]:
    kind, ident = names.get(
        (given["type"], given.get("id", "")), (given["type"], given.get("id", ""))
    )
    return {"type": kind, "id": ident} if ident else {"type": kind}


def _ids(kind: str, known: Sequence[str], names: Names) -> tuple[str, ...]:
    return tuple(names.get((kind, one), (kind, one))[1] for one in known)


def _said(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text
