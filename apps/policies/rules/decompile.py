"""From Cedar back to the form, where the form can say it.

What a text could mean is guessed from its heads and from what its conditions compare.
The guess counts only if it compiles to the same statements, so a wrong one can never
change what a policy does.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.compiler import compile_policy
from apps.policies.rules.conditions import (
    condition_texts,
    locations_text,
    windows_text,
)
from apps.policies.rules.content import (
    Condition,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
    Value,
)
from engine import cedar
from engine.cedar import GROUP_TYPE, NO_HEADS, Written
from engine.errors import CedarSyntaxError
from engine.sources import Source
from protocol.records import Head

_ID = "decompiled"
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Unsayable:
    """Why the form cannot say a text."""

    reason: str


def decompile(
    content: PolicyContent, catalogue: Catalogue
) -> PolicyContent | Unsayable:
    """Return the content of the form that compiles to the same as a content's text."""
    wanted = compile_policy(content, catalogue, policy_id=_ID)
    if isinstance(wanted, list):
        return Unsayable(f"The text has errors. {wanted[0].message}")
    written, bodies = [], []
    for source in Source(content.cedar).statements():
        written.append(cedar.read_statement(source.text))
        bodies.append(cedar.conjunct_trees(source.text))
    if any(body != bodies[0] for body in bodies):
        return Unsayable("Its statements have different conditions.")
    scope = _scope(bodies[0], content, catalogue)
    if isinstance(scope, Unsayable):
        return scope
    target = _said([one.cedar for one in wanted.statements])
    for guess in _guesses(replace(scope, cedar=""), written):
        found = compile_policy(guess, catalogue, policy_id=_ID)
        if isinstance(found, list):
            continue
        if _said([one.cedar for one in found.statements]) == target:
            return guess
    return Unsayable(
        "Whom and what its statements are about together cannot be said in one form."
    )


def _said(statements: Sequence[str]) -> list[str]:
    """Return what statements say, whatever their order and their ids."""
    found = []
    for text in statements:
        written = cedar.read_statement(text)
        principal, action, resource = written.heads
        ids = sorted(action.ids or (action.id,))
        found.append(
            json.dumps(
                [str(principal), ids, str(resource), cedar.conjunct_trees(text)],
                sort_keys=True,
            )
        )
    return sorted(found)


def _guesses(
    scope: PolicyContent, written: Sequence[Written]
) -> Iterator[PolicyContent]:
    """Yield what heads may have been made from, the most explicit first."""
    principals = sorted({_principal(one.heads[0]) for one in written} - {None})  # type: ignore[type-var]  # None is left out
    actions = sorted({name for one in written for name in _names(one.heads[1])})
    resources = sorted({_resource(one.heads[2]) for one in written} - {None})  # type: ignore[type-var]  # None is left out
    for some, names in itertools.product((resources, []), (actions, [])):
        yield replace(
            scope,
            principals=tuple(one for one in principals if one),
            actions=tuple(names),
            resources=tuple(one for one in some if one),
        )


def _principal(head: Head) -> PrincipalItem | None:
    return PrincipalItem(head.type, head.id) if head.op in {"in", "=="} else None


def _names(head: Head) -> tuple[str, ...]:
    return head.ids or ((head.id,) if head.id else ())


def _resource(head: Head) -> ResourceItem | None:
    match head.op:
        case "==" | "in":
            return ResourceItem(head.type, head.id)
        case "is":
            return ResourceItem(head.type)
        case "is_in":
            return ResourceItem(GROUP_TYPE, head.in_id)
        case _:
            return None


def _scope(
    trees: list[dict[str, Any]], content: PolicyContent, catalogue: Catalogue
) -> PolicyContent | Unsayable:
    """Return windows, locations and conditions that the trees are made of."""
    forbids = content.effect == "forbid"
    windows, rest = _choice(
        trees, catalogue.windows, lambda slugs: windows_text(slugs, catalogue)
    )
    locations, rest = _choice(
        rest,
        catalogue.locations,
        lambda slugs: locations_text(slugs, catalogue, unknown_matches=forbids),
    )
    conditions = []
    while rest:
        found = _next_condition(rest, content, catalogue)
        if found is None:
            return Unsayable(f"The form cannot say “{cedar.expression(rest[0])}”.")
        condition, size = found
        conditions.append(condition)
        rest = rest[size:]
    return replace(
        content,
        windows=windows,
        locations=locations,
        conditions=tuple(conditions),
    )


def _choice(
    trees: list[dict[str, Any]],
    known: Mapping[str, object],
    text_of: Callable[[Sequence[str]], str],
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Return which known things the trees begin with, and the other trees."""
    if not trees:
        return (), trees
    parts: dict[str, list[Tree]] = {
        slug: [*_flat(text_of([slug]))] for slug in sorted(known)
    }
    alone = [
        slug for slug, part in parts.items() if part and trees[: len(part)] == part
    ]
    if alone:
        slug = max(alone, key=lambda one: len(parts[one]))
        return (slug,), trees[len(parts[slug]) :]
    slugs = tuple(sorted(_joined(trees[0], parts)))
    if slugs and _flat(text_of(slugs)) == trees[:1]:
        return slugs, trees[1:]
    return (), trees


def _joined(tree: Tree, parts: Mapping[str, list[Tree]]) -> list[str]:
    """Return what a disjunction is made of, or nothing if a part is not known."""
    named = [slug for slug, part in parts.items() if part == cedar.flat(tree)]
    if named:
        return named[:1]
    match tree:
        case {"||": {"left": left, "right": right}}:
            before, after = _joined(left, parts), _joined(right, parts)
            return [*before, *after] if before and after else []
        case _:
            return []


def _next_condition(
    trees: list[dict[str, Any]], content: PolicyContent, catalogue: Catalogue
) -> tuple[Condition, int] | None:
    """Return the condition that the trees begin with, and how many of them it is."""
    for leaf in itertools.chain.from_iterable(_leaves(tree) for tree in trees[:2]):
        guess = replace(content, conditions=(leaf,), windows=(), locations=(), cedar="")
        texts = condition_texts(guess, catalogue)
        if len(texts) == 1 and isinstance(texts[0], str):
            part = _flat(texts[0])
            if trees[: len(part)] == part:
                return leaf, len(part)
    return None


def _leaves(tree: object) -> Iterator[Condition]:
    """Yield every comparison in a tree as the condition it would be."""
    if isinstance(tree, Mapping):
        found = _leaf(tree)
        if found is not None:
            yield found
        for part in tree.values():
            yield from _leaves(part)


def _leaf(tree: Tree) -> Condition | None:
    match tree:
        case {"contains": {"left": {"Set": [*values]}, "right": access}}:
            return _condition(access, "in", [_value(value) for value in values])
        case {"contains": {"left": access, "right": value}}:
            return _condition(access, "contains", _value(value))
        case {"like": {"left": access, "pattern": [*parts]}} if "Wildcard" in parts:
            letters = [one["Literal"] for one in parts if isinstance(one, Mapping)]
            return _condition(access, "starts_with", "".join(letters))
        case _:
            for op in _COMPARISONS:
                if op in tree:
                    sides = tree[op]
                    return _condition(sides["left"], op, _value(sides["right"]))
    return None


def _condition(access: Tree, op: str, value: object) -> Condition | None:
    path = _path(access)
    usable = isinstance(value, str | int | bool) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    )
    if path is None or not usable:
        return None
    typed: Value = value  # type: ignore[assignment]  # asked above
    return Condition(path.removeprefix("context."), op, typed)


def _path(access: Tree) -> str | None:
    match access:
        case {"Var": str() as variable}:
            return variable
        case {".": {"left": left, "attr": str() as name}}:
            before = _path(left)
            return None if before is None else f"{before}.{name}"
        case _:
            return None


def _value(tree: object) -> object:
    match tree:
        case {"Value": str() | int() | bool() as value}:
            return value
        case {"neg": {"arg": {"Value": int() as value}}}:
            return -value
        case _:
            return None


def _flat(expression: str) -> list[dict[str, Any]]:
    text = cedar.statement_text(_ID, "permit", NO_HEADS, [expression])
    try:
        return cedar.conjunct_trees(text)
    except CedarSyntaxError:
        return []
