"""What is left of a statement's conditions where only part of a question is known.

A mesh knows the path of a request and not the risk; a cluster knows neither. Attributes
of principals and resources are those of the release, since nobody adds any there. What
a target knows stays a test, what it never knows is absent, and what depends on the time
can be anything.

A cover is a list of alternatives, each a list of tests with the answer they must have.
Narrow covers hold only where the value is certain, wide ones wherever it is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from engine.exports.expressions import Tree
from protocol.records import EntityRef

Alternative = list[tuple[Tree, bool]]
Cover = list[Alternative]
# More alternatives than this are not written out.
MOST_ALTERNATIVES = 200
_LOCAL = ("context", "t", "zone", "field")
_FIELDS = ("wd", "min", "ymd", "prev")
_CLOCK = (["context", "now"], ["context", "t"])


class TooManyAlternativesError(Exception):
    """A condition with more alternatives than a target is given."""


@dataclass
class Facts:
    """What a target knows. `known` are members of the context that it can test itself.

    Entities are None where a statement is about any. `missing` collects why something
    is not known.

    What a target never knows is absent: nobody says it there. Facts that are `is_open`
    take it for anything instead, so that what is certain is so whatever else is known.
    """

    known: frozenset[str] = frozenset()
    principal: EntityRef | None = None
    resource: EntityRef | None = None
    attributes: Mapping[EntityRef, Mapping[str, Any]] = field(default_factory=dict)
    places: frozenset[EntityRef] = frozenset()
    zones: frozenset[str] = frozenset()
    missing: set[str] = field(default_factory=set)
    is_open: bool = False

    @property
    def _absent(self) -> str:
        return "?" if self.is_open else "e"

    def value(self, test: Tree) -> str | None:
        """Return t, f, e, u for t or f, ? for any, or None where it stays a test."""
        match test["op"]:
            case "const":
                return str(test["is"])
            case "fence":
                return self._absent
            case "range":
                return None if "ip" in self.known else self._absent
            case "has":
                return self._has(test["path"], test["name"])
            case "is":
                entity = self._entity(test["left"]["name"])
                return "?" if entity is None else _said(entity.type == test["type"])
            case "in":
                return self._in(test)
            case _:
                return self._compared(test)

    def _has(self, path: list[str], name: str) -> str:
        match path:
            case ["context"]:
                if name in self.known or name in {"now", "t"}:
                    return "t"
                self.missing.add(f"{name} is not known there")
                return "?" if self.is_open else "f"
            case ["principal" | "resource" as variable]:
                attributes = self._attributes(variable)
                return "?" if attributes is None else _said(name in attributes)
            case ["context", "t"]:
                return "?"
            case _:
                return self._absent

    def _in(self, test: Tree) -> str:
        groups = {EntityRef(*pair) for pair in test["of"]}
        if test["left"]["name"] == "resource" and self.resource is not None:
            return _said(bool(groups & (self.places | {self.resource})))
        self.missing.add("asks for the roles of whoever asks")
        return "?"

    def _compared(self, test: Tree) -> str | None:
        sides = [test[name] for name in ("left", "right") if name in test]
        paths = [side["path"] for side in sides if side["k"] == "path"]
        if any(path[:2] in _CLOCK for path in paths):
            self.missing.add("depends on the time")
            return "u" if self._is_clock(test) else "?"
        context = [path[1] for path in paths if path[0] == "context"]
        if any(name not in self.known for name in context):
            return self._absent
        if context:
            return _of_request(test, paths)
        try:
            return _said(_compare(test, [self._plain(side) for side in sides]))
        except LookupError:
            return "?"
        except (TypeError, ValueError):
            return "e"

    def _is_clock(self, test: Tree) -> bool:
        """Say whether a test of the time cannot fail: of a zone that is in use."""
        match test:
            case {"op": "contains", "left": {"k": "set"}, "right": {"path": path}}:
                pass
            case {"left": {"path": path}, "right": {"k": "value", "value": value}}:
                if type(value) is not int:
                    return False
            case _:
                return False
        if path == ["context", "now"]:
            return True
        return len(path) == len(_LOCAL) and path[2] in self.zones and path[3] in _FIELDS

    def _plain(self, side: Tree) -> Any:  # noqa: ANN401  # any value of Cedar
        match side["k"]:
            case "value":
                return side["value"]
            case "set":
                return frozenset(self._plain(item) for item in side["of"])
            case "entity":
                return EntityRef(*side["value"])
            case "var":
                return self._known_entity(side["name"])
            case _:
                variable, name = side["path"][0], side["path"][1]
                attributes = self._attributes(variable)
                if attributes is None:
                    raise LookupError(variable)
                if name not in attributes or len(side["path"]) > 2:  # noqa: PLR2004  # nested
                    raise ValueError(name)
                value = attributes[name]
                return frozenset(value) if isinstance(value, list) else value

    def _known_entity(self, variable: str) -> EntityRef:
        entity = self._entity(variable)
        if entity is None:
            raise LookupError(variable)
        return entity

    def _entity(self, variable: str) -> EntityRef | None:
        return {"principal": self.principal, "resource": self.resource}.get(variable)

    def _attributes(self, variable: str) -> Mapping[str, Any] | None:
        entity = self._entity(variable)
        if entity is None:
            self.missing.add(f"asks for attributes of any {variable}")
            return None
        return self.attributes.get(entity, {})


def _of_request(test: Tree, paths: list[list[str]]) -> str | None:
    """Return None for a test of a text that the target can make itself."""
    if len(paths) > 1:
        return "?"
    is_text = test["op"] in {"==", "!=", "like"}
    return None if is_text or test.get("left", {}).get("k") == "set" else "e"


def certainly(tree: Tree, facts: Facts) -> Cover:
    """Return where conditions hold for certain."""
    try:
        return _cover(tree, facts, "t", wide=False)
    except TooManyAlternativesError:
        facts.missing.add("has too many alternatives")
        return []


def possibly(tree: Tree, facts: Facts) -> Cover:
    """Return where conditions may hold."""
    return _wide(tree, facts, "t")


def failing(tree: Tree, facts: Facts) -> Cover:
    """Return where conditions may raise an error."""
    return _wide(tree, facts, "e")


def _wide(tree: Tree, facts: Facts, want: str) -> Cover:
    try:
        return _cover(tree, facts, want, wide=True)
    except TooManyAlternativesError:
        facts.missing.add("has too many alternatives")
        return [[]]


def _cover(tree: Tree, facts: Facts, want: str, *, wide: bool) -> Cover:
    def part(inner: Tree, wanted: str) -> Cover:
        return _cover(inner, facts, wanted, wide=wide)

    match tree["op"]:
        case "all":
            return _chain(tree["of"], part, want, going="t", stop="f")
        case "any":
            return _chain(tree["of"], part, want, going="f", stop="t")
        case "not":
            return part(tree["of"][0], {"t": "f", "f": "t", "e": "e"}[want])
        case "if":
            test, then, other = tree["of"]
            found = _both(part(test, "t"), part(then, want))
            found += _both(part(test, "f"), part(other, want))
            return _limited(found + (part(test, "e") if want == "e" else []))
        case _:
            return _leaf(tree, facts.value(tree), want, wide=wide)


def _leaf(tree: Tree, value: str | None, want: str, *, wide: bool) -> Cover:
    if value is None:
        return [] if want == "e" else [[(tree, want == "t")]]
    if value == "?" or (value == "u" and want != "e"):
        return [[]] if wide else []
    return [[]] if value == want else []


def _chain(
    parts: Sequence[Tree],
    cover: Callable[[Tree, str], Cover],
    want: str,
    *,
    going: str,
    stop: str,
) -> Cover:
    """Cover parts that are evaluated in order, until one is `stop` or fails."""
    before: Cover = [[]]
    found: Cover = []
    for part in parts:
        if want in {stop, "e"}:
            found = _limited(found + _both(before, cover(part, want)))
        before = _both(before, cover(part, going))
    return before if want == going else found


def _both(left: Cover, right: Cover) -> Cover:
    if len(left) * len(right) > MOST_ALTERNATIVES:
        raise TooManyAlternativesError
    return [[*a, *b] for a, b in product(left, right)]


def _limited(found: Cover) -> Cover:
    if len(found) > MOST_ALTERNATIVES:
        raise TooManyAlternativesError
    return found


def _said(truth: object) -> str:
    return "t" if truth else "f"


def _compare(test: Tree, sides: list[Any]) -> bool:
    """Compare as Cedar does; raises TypeError where Cedar has an error."""
    left, right = (*sides, None)[:2]
    match test["op"]:
        case "==" | "!=":
            same = type(left) is type(right) and left == right
            return same is (test["op"] == "==")
        case "<" | "<=" | ">" | ">=" as op:
            low, high = (left, right) if "<" in op else (right, left)
            return _in_order(_typed(low, int), _typed(high, int), "=" in op)
        case "true":
            return bool(_typed(left, bool))
        case "empty":
            return not _typed(left, frozenset)
        case "contains":
            return _is_in(right, _typed(left, frozenset))
        case "containsAll" | "containsAny" as op:
            found = [_is_in(one, _typed(left, frozenset)) for one in right]
            return all(found) if op == "containsAll" else any(found)
        case _:
            raise LookupError(test["op"])


def _in_order(low: int, high: int, same: bool) -> bool:  # noqa: FBT001
    return low < high or (same and low == high)


def _typed(value: Any, kind: type) -> Any:  # noqa: ANN401  # any value of Cedar
    if type(value) is not kind:
        raise TypeError
    return value


def _is_in(value: object, found: Iterable[object]) -> bool:
    # Python takes True for 1, Cedar does not.
    return any(type(one) is type(value) and one == value for one in found)
