"""Cedar expressions as trees of tests that need no Cedar to be evaluated.

Every test has one of four values: `t` and `f`, `e` when Cedar would raise an error, and
`u` when the target cannot know which of `t` and `f` it is. The trees keep Cedar's order
of evaluation, so a guard keeps what follows from raising its error.

What cannot be expressed becomes `e`, which denies: except a distance on the sphere,
which raises no error and is `u`.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.places import is_sphere_point, normalize_cidr

Tree = dict[str, Any]
DEEPEST = 12
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_LARGEST = 2**53 - 1
_VARIABLES = ("principal", "action", "resource", "context")
_GEO = ("context", "geo")
_IP, _NOW = ("context", "ip"), ("context", "now")
_AXES = ("x", "y", "z")
# Values that are no scalar here, or stand for something else than in Cedar.
_CLOSED = (("context",), _IP, _NOW, _GEO, ("context", "t"), ("context", "device"))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ERROR: Tree = {"op": "const", "is": "e"}


@dataclass
class Flattener:
    """Flattens the conditions of one statement, and collects what it cannot say."""

    unsupported: list[str] = field(default_factory=list)

    def conditions(self, found: Sequence[tuple[str, Any]]) -> Tree:
        """Return the tree of all conditions of a statement."""
        parts = [
            self.test(body) if kind == "when" else _not(self.test(body))
            for kind, body in found
        ]
        tree = _nary("all", parts)
        if _depth(tree) > DEEPEST:
            return self._refuse(f"is nested deeper than {DEEPEST} levels")
        return tree

    def test(self, node: Any) -> Tree:  # noqa: ANN401  # Cedar's JSON
        """Return the tree of an expression that is true or false."""
        ((op, value),) = node.items()
        match op:
            case "&&" | "||":
                sides = [self.test(value["left"]), self.test(value["right"])]
                return _nary("all" if op == "&&" else "any", sides)
            case "!":
                return _not(self.test(value["arg"]))
            case "if-then-else":
                parts = [self.test(value[part]) for part in ("if", "then", "else")]
                return {"op": "if", "of": parts}
            case "Value" if isinstance(value, bool):
                return {"op": "const", "is": "t" if value else "f"}
            case "Value":
                return dict(ERROR)
            case "." | "Var":
                return self._with("true", left=self.operand(node))
            case _:
                return self._comparison(op, value)

    def operand(self, node: Any) -> Tree | None:  # noqa: ANN401  # Cedar's JSON
        """Return a value or where to find it; None for what has no place here."""
        path = _path(node)
        if path is not None:
            return _place(path)
        return _literal(node)

    def _comparison(self, op: str, value: Any) -> Tree:  # noqa: ANN401
        special: dict[str, Callable[[Any], Tree]] = {
            "has": self._has,
            "like": self._like,
            "is": self._is,
            "in": self._in,
            "isInRange": self._in_range,
        }
        if op in special:
            return special[op](value)
        match op:
            case "isEmpty":
                return self._with("empty", left=self.operand(value["arg"]))
            case "contains" | "containsAll" | "containsAny":
                left, right = (self.operand(value[side]) for side in ("left", "right"))
                return self._with(op, left=left, right=right)
            case _ if op in _COMPARISONS:
                return self._compared(op, value)
            case _:
                return self._refuse(f"uses “{op}”, which is not translated")

    def _compared(self, op: str, value: Mapping[str, Any]) -> Tree:
        if _is_fence(op, value):
            self.unsupported.append("measures a distance on the globe")
            return {"op": "fence"}
        if instant := _instants(value):
            return {"op": op, "left": instant[0], "right": instant[1]}
        left, right = (self.operand(value[side]) for side in ("left", "right"))
        return self._with(op, left=left, right=right)

    def _has(self, value: Mapping[str, Any]) -> Tree:
        path = _path(value["left"])
        if path is None or (path == _GEO and value["attr"] in _AXES):
            return self._refuse("asks whether a computed value has an attribute")
        if path == ("action",):
            return {"op": "const", "is": "f"}
        return {"op": "has", "path": [*path], "name": value["attr"]}

    def _like(self, value: Mapping[str, Any]) -> Tree:
        left = self.operand(value["left"])
        return self._with("like", left=left, **_pattern(value["pattern"]))

    def _is(self, value: Mapping[str, Any]) -> Tree:
        kind = self._with("is", left=self._entity(value["left"]))
        kind["type"] = value["entity_type"]
        if "in" not in value:
            return kind
        return _nary("all", [kind, self._in({**value, "right": value["in"]})])

    def _in(self, value: Mapping[str, Any]) -> Tree:
        right = value["right"]
        items = right.get("Set", [right])
        groups = [_entity_literal(item) for item in items]
        left = self._entity(value["left"])
        if left is None or None in groups or left.get("k") != "var":
            return self._refuse("asks for the group of something unusual")
        return {"op": "in", "left": left, "of": groups}

    def _in_range(self, value: Sequence[Any]) -> Tree:
        match value:
            case [left, {"ip": [{"Value": str(text)}]}] if _path(left) == _IP:
                try:
                    low, high = ip_range(text)
                except ValueError:
                    return dict(ERROR)
                return {"op": "range", "low": low, "high": high}
            case _:
                return self._refuse("compares addresses in an unusual way")

    def _entity(self, node: Any) -> Tree | None:  # noqa: ANN401  # Cedar's JSON
        path = _path(node)
        if path in (("principal",), ("resource",), ("action",)):
            return {"k": "var", "name": path[0]}
        return None

    def _with(self, op: str, **parts: Any) -> Tree:  # noqa: ANN401
        if any(part is None for part in parts.values()):
            return self._refuse(f"uses “{op}” on a value that is not translated")
        return {"op": op, **parts}

    def _refuse(self, reason: str) -> Tree:
        self.unsupported.append(reason)
        return dict(ERROR)


def ip_range(text: str) -> tuple[str, str]:
    """Return the first and the last address of a range, in a form that sorts.

    Raises ValueError.
    """
    network = ipaddress.ip_network(normalize_cidr(text), strict=False)
    digits = network.max_prefixlen // 4
    return (
        f"{network.version}:{int(network.network_address):0{digits}x}",
        f"{network.version}:{int(network.broadcast_address):0{digits}x}",
    )


def _nary(op: str, parts: Sequence[Tree]) -> Tree:
    """Return parts joined, those that are joined alike taken apart."""
    flat: list[Tree] = []
    for part in parts:
        flat.extend(part["of"] if part["op"] == op else [part])
    return flat[0] if len(flat) == 1 else {"op": op, "of": flat}


def _not(tree: Tree) -> Tree:
    return {"op": "not", "of": [tree]}


def _depth(tree: Tree) -> int:
    if tree["op"] not in {"all", "any", "not", "if"}:
        return 0
    return 1 + max((_depth(part) for part in tree["of"]), default=0)


def _path(node: Any) -> tuple[str, ...] | None:  # noqa: ANN401  # Cedar's JSON
    match node:
        case {"Var": str(name)}:
            return (name,)
        case {".": {"left": left, "attr": str(name)}}:
            above = _path(left)
            return None if above is None else (*above, name)
        case _:
            return None


def _place(path: tuple[str, ...]) -> Tree | None:
    if path in _CLOSED or (path[:2] == _GEO and path[-1] in _AXES):
        return None
    if len(path) == 1:
        return {"k": "var", "name": path[0]}
    if path[0] == "action" or (path[:2] == ("context", "t") and len(path) == 3):  # noqa: PLR2004  # a zone
        return None
    return {"k": "path", "path": [*path]}


def _literal(node: Any) -> Tree | None:  # noqa: ANN401  # Cedar's JSON
    if entity := _entity_literal(node):
        return {"k": "entity", "value": entity}
    match node:
        case {"Value": bool() | str() as value}:
            return {"k": "value", "value": value}
        case {"Value": int(value)} if abs(value) <= _LARGEST:
            return {"k": "value", "value": value}
        case {"Set": [*items]}:
            values = [_literal(item) for item in items]
            if any(v is None or v["k"] == "set" for v in values):
                return None
            return {"k": "set", "of": values}
        case _:
            return None


def _entity_literal(node: Any) -> list[str] | None:  # noqa: ANN401  # Cedar's JSON
    match node:
        case {"Value": {"__entity": {"type": str(kind), "id": str(ident)}}}:
            return [kind, ident]
        case _:
            return None


def _instants(value: Mapping[str, Any]) -> list[Tree] | None:
    """Return both sides of a comparison of the time of the question."""
    sides = [_instant(value["left"]), _instant(value["right"])]
    return [side for side in sides if side] if all(sides) else None


def _instant(node: Any) -> Tree | None:  # noqa: ANN401  # Cedar's JSON
    if _path(node) == _NOW:
        return {"k": "path", "path": [*_NOW]}
    match node:
        case {"datetime": [{"Value": str(text)}]} if "T" in text:
            try:
                moment = dt.datetime.fromisoformat(text)
            except ValueError:
                return None
            if moment.tzinfo is None:
                return None
            ms = (moment - _EPOCH) // dt.timedelta(milliseconds=1)
            return {"k": "value", "value": ms}
        case _:
            return None


def _pattern(parts: Sequence[Any]) -> dict[str, str]:
    """Return a pattern as a prefix where it is one, else as a regular expression."""
    texts = ["" if part == "Wildcard" else part["Literal"] for part in parts]
    if parts and parts[-1] == "Wildcard" and "Wildcard" not in parts[:-1]:
        return {"prefix": "".join(texts)}
    found = (
        r"[\s\S]*" if part == "Wildcard" else re.escape(part["Literal"])
        for part in parts
    )
    return {"regex": f"^{''.join(found)}$"}


def _is_fence(op: str, value: Mapping[str, Any]) -> bool:
    """Say whether this is the distance of a position from a point on the sphere."""
    match value["left"]:
        case {"+": {"left": {"+": {"left": x, "right": y}}, "right": z}}:
            center = [_square(*pair) for pair in zip((x, y, z), _AXES, strict=True)]
        case _:
            return False
    if op != "<=" or None in center or not isinstance(value["right"].get("Value"), int):
        return False
    return is_sphere_point([part for part in center if part is not None])


def _square(node: Any, axis: str) -> int | None:  # noqa: ANN401  # Cedar's JSON
    match node:
        case {"*": {"left": left, "right": right}} if left == right:
            match left:
                case {"-": {"left": place, "right": {"Value": int(value)}}}:
                    return value if _path(place) == (*_GEO, axis) else None
    return None
