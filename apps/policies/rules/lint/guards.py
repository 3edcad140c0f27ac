"""Conditions of an expert that let through where something is not known.

A condition that fails denies. But an expert who asks first whether an attribute is
there keeps it from failing: `has x && x == …` is false where x is missing, and a forbid
with that condition then forbids nothing. So does what follows `unless` in a permit:
where it is false for want of an attribute, the permit applies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.policies.rules.content import PolicyContent
from apps.policies.rules.lint.findings import Finding, LintCode, Severity
from engine import cedar
from engine.errors import CedarSyntaxError
from engine.sources import Source

Tree = Mapping[str, Any]
# Where evaluating a condition can end: it holds, it does not, it fails.
_HOLDS, _NOT, _FAILS = "holds", "not", "fails"
_OPEN = frozenset({_HOLDS, _NOT})
_TURNED = {_HOLDS: _NOT, _NOT: _HOLDS, _FAILS: _FAILS}
_VALUES = {True: frozenset({_HOLDS}), False: frozenset({_NOT})}
_ARITHMETIC = frozenset({"+", "-", "*", "neg"})


def lint_guards(slug: str, content: PolicyContent) -> Iterator[Finding]:
    """Find attributes of which a policy in Cedar needs to know, and does not."""
    for source in Source(content.cedar).statements():
        try:
            trees = cedar.conjunct_trees(source.text)
        except CedarSyntaxError:
            continue
        for name in sorted(_open_for(content.effect, trees)):
            attribute = name.rpartition(".")[2]
            place = source.place_of("has", attribute) or source.beginning()
            yield Finding(
                LintCode.FAILS_OPEN,
                Severity.WARNING,
                slug,
                f"cedar[{place.line}:{place.column}+{place.length}]",
                f"Line {place.line}: {_SAID[content.effect].format(name=name)}",
                _REMEDIES[content.effect].format(name=name),
            )


_SAID = {
    "forbid": "where “{name}” is not known, this forbids nothing.",
    "permit": "where “{name}” is not known, what stands against this permit does not.",
}
_REMEDIES = {
    "forbid": "Ask with “if … has … then … else true”, or say when it is fine after "
    "“unless”; leave it if that is meant.",
    "permit": "Ask for what must be there after “when”; leave it if that is meant.",
}


def _open_for(effect: str, trees: Sequence[Tree]) -> Iterator[str]:
    """Yield the attributes without which a forbid is out, or an exception is."""
    for name in {name for tree in trees for name in _guarded(tree)}:
        if effect == "forbid":
            if any(outcomes(tree, name) == {_NOT} for tree in trees):
                yield name
        elif any(
            outcomes(tree["!"]["arg"], name) == {_NOT} for tree in trees if "!" in tree
        ):
            yield name


def outcomes(tree: Tree, missing: str) -> frozenset[str]:
    """Return where a condition can end if one attribute is missing.

    Whatever else it asks is open, so more may be returned than can happen, never less.
    """
    match tree:
        case {"Value": bool(value)}:
            return _VALUES[value]
        case {"!": {"arg": inner}}:
            return frozenset(_TURNED[one] for one in outcomes(inner, missing))
        case {"&&": {"left": left, "right": right}}:
            return _in_turn(left, right, missing, going=_HOLDS)
        case {"||": {"left": left, "right": right}}:
            return _in_turn(left, right, missing, going=_NOT)
        case {"if-then-else": {"if": test, "then": then, "else": other}}:
            return _chosen(test, then, other, missing)
        case {"has": {"left": _, "attr": _}} if _path_of(tree["has"]) == missing:
            return _VALUES[False]
        case _:
            return _of_test(tree, missing)


def _in_turn(left: Tree, right: Tree, missing: str, *, going: str) -> frozenset[str]:
    """Return the outcomes of two parts, the second of which may not be reached."""
    first = outcomes(left, missing)
    return first - {going} | (outcomes(right, missing) if going in first else set())


def _chosen(test: Tree, then: Tree, other: Tree, missing: str) -> frozenset[str]:
    first = outcomes(test, missing)
    parts = ((_HOLDS, then), (_NOT, other))
    found = [outcomes(part, missing) for one, part in parts if one in first]
    return frozenset({_FAILS} & first).union(*found)


def _of_test(tree: Tree, missing: str) -> frozenset[str]:
    if any(path == missing for path in _paths(tree)):
        return frozenset({_FAILS})
    return _OPEN | ({_FAILS} if _can_fail(tree) else set())


def _guarded(tree: Any) -> Iterator[str]:  # noqa: ANN401  # Cedar's JSON
    """Yield the attributes of which it is asked whether they are there."""
    for kind, value in _nodes(tree):
        if kind == "has" and (path := _path_of(value)):
            yield path


def _paths(tree: Any) -> Iterator[str]:  # noqa: ANN401  # Cedar's JSON
    """Yield the attributes that are read."""
    for kind, value in _nodes(tree):
        if kind == "." and (path := _path_of(value)):
            yield path


def _can_fail(tree: Any) -> bool:  # noqa: ANN401  # Cedar's JSON
    return any(kind in _ARITHMETIC for kind, _ in _nodes(tree))


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # Cedar's JSON
    match tree:
        case dict():
            for kind, value in tree.items():
                yield kind, value
                yield from _nodes(value)
        case list():
            for one in tree:
                yield from _nodes(one)


def _path_of(node: Any) -> str:  # noqa: ANN401  # Cedar's JSON
    """Return how an attribute is named, as `context.device.trusted`."""
    match node:
        case {"left": {"Var": str(variable)}, "attr": str(name)}:
            return f"{variable}.{name}"
        case {"left": {".": inner}, "attr": str(name)}:
            outer = _path_of(inner)
            return f"{outer}.{name}" if outer else ""
        case _:
            return ""
