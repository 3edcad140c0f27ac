"""What the conditions of a statement ask for, read from the text that decides.

Policies are compiled from forms, but a window that a policy names may have changed
since it was approved. So a window or location of the release is what a condition means
only if it gives the very same text. Otherwise the text is read back, and what is not
understood is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, TypeVar

from engine import cedar
from engine.calendar import window_condition
from engine.errors import CedarSyntaxError
from engine.places import location_condition
from engine.reading import read_location, read_window
from protocol.records import LocationRecord, WindowRecord

T = TypeVar("T")
_OPENING = {"(": ")", "[": "]", "{": "}"}
_AND, _OR = "&&", "||"
_CLOCK = re.compile(r"\bcontext\.t\[")
_PLACE = re.compile(r"\bcontext(\.| has )(ip|geo|country|city|node_groups)\b")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class ConditionKind(StrEnum):
    """What a condition is about."""

    WINDOW = "window"
    LOCATION = "location"
    ATTRIBUTE = "attribute"
    OTHER = "other"


class Scopes:
    """The windows and locations of a release, by the conditions they compile to."""

    def __init__(
        self,
        windows: Iterable[WindowRecord] = (),
        locations: Iterable[LocationRecord] = (),
    ) -> None:
        self.windows = {window_condition(window): window for window in windows}
        self.locations = {
            unknown_matches: {
                location_condition(place, unknown_matches=unknown_matches): place
                for place in locations
            }
            for unknown_matches in (False, True)
        }


NO_SCOPES = Scopes()


@dataclass(frozen=True)
class Condition:
    """One of the conditions that must all hold, as text and as far as understood.

    Windows and locations are alternatives; those of the release have an id, and there
    are none where the text is of an older form. `attribute` is named as in forms: `mfa`
    or `principal.team`.
    """

    kind: ConditionKind
    cedar: str
    windows: tuple[WindowRecord, ...] = ()
    locations: tuple[LocationRecord, ...] = ()
    attribute: str = ""
    op: str = ""
    value: Any = None
    unknown_matches: bool = False


def read_conditions(
    statement: str, scopes: Scopes = NO_SCOPES
) -> list[Condition] | None:
    """Return the conditions of a statement, or None if its text is not ours."""
    head, _, body = statement.partition("\nwhen {\n")
    if not body:
        return [] if " when " not in head and " unless " not in head else None
    text = body.rstrip().removesuffix(";").rstrip().removesuffix("}").strip()
    parts = list(split(text, _AND))
    again = f"{head}\nwhen {{\n  " + "\n  && ".join(parts) + "\n}"
    if again.strip() != statement.rstrip().removesuffix(";").strip():
        return None
    return [read_condition(part, scopes) for part in parts]


def read_condition(text: str, scopes: Scopes = NO_SCOPES) -> Condition:
    """Return what one condition asks for."""
    if windows := _each(text, lambda part: _read_window(part, scopes)):
        return Condition(ConditionKind.WINDOW, text, windows=windows)
    for lenient in (False, True):
        places = _each(text, partial(_read_location, scopes=scopes, lenient=lenient))
        if places:
            return Condition(
                ConditionKind.LOCATION, text, locations=places, unknown_matches=lenient
            )
    if _CLOCK.search(text):
        return Condition(ConditionKind.WINDOW, text)
    found = _read_attribute(text)
    if found is None and _PLACE.search(text):
        return Condition(ConditionKind.LOCATION, text)
    return found or Condition(ConditionKind.OTHER, text)


def split(text: str, operator: str) -> Iterator[str]:
    """Yield the operands of an operator outside all brackets and strings."""
    closing: list[str] = []
    in_string = False
    start = place = 0
    while place < len(text):
        char = text[place]
        if in_string:
            place += char == "\\"
            in_string = char != '"'
        elif char == '"':
            in_string = True
        elif char in _OPENING:
            closing.append(_OPENING[char])
        elif closing and char == closing[-1]:
            closing.pop()
        elif not closing and text.startswith(operator, place):
            yield text[start:place].strip()
            start = place + len(operator)
        place += 1
    yield text[start:].strip()


def _alternatives(text: str) -> list[str]:
    """Return the operands of an outermost `||` inside one pair of brackets."""
    if not (text.startswith("(") and text.endswith(")")):
        return [text]
    return list(split(text[1:-1], _OR))


def _each(text: str, read: Callable[[str], T | None]) -> tuple[T, ...]:
    """Read a text as a whole, or else as alternatives that can all be read."""
    whole = read(text)
    if whole is not None:
        return (whole,)
    found = [read(part) for part in _alternatives(text)]
    return tuple(part for part in found if part) if all(found) else ()


def _read_window(text: str, scopes: Scopes) -> WindowRecord | None:
    return scopes.windows.get(text) or read_window(text)


def _read_location(
    text: str, scopes: Scopes, *, lenient: bool
) -> LocationRecord | None:
    known = scopes.locations[lenient].get(text)
    return known or read_location(text, lenient=lenient)


@lru_cache(maxsize=4096)
def _read_attribute(text: str) -> Condition | None:
    statement = f'@id("0") permit (principal, action, resource) when {{ {text} }};'
    try:
        tree = cedar.condition_trees(statement)
    except CedarSyntaxError:
        return None
    found = _guarded(tree[0]) if len(tree) == 1 else None
    if found is None:
        return None
    (attribute, op, value), unknown_matches = found
    return Condition(
        ConditionKind.ATTRIBUTE,
        text,
        attribute=attribute,
        op=op,
        value=value,
        unknown_matches=unknown_matches,
    )


def _guarded(tree: Mapping[str, Any]) -> tuple[tuple[str, str, Any], bool] | None:
    """Read a comparison behind the test that the attribute is there."""
    match tree:
        case {"||": {"left": left, "right": right}}:
            # One attribute that several types of entities define.
            one, other = _guarded(left), _guarded(right)
            return one if one == other else None
        case {"&&": {"left": {"is": _}, "right": inner}}:
            return _guarded(inner)
        case {"&&": {"left": {"has": known}, "right": test}}:
            return _about(known, test, unknown_matches=False)
        case {
            "if-then-else": {
                "if": {"has": known},
                "then": test,
                "else": {"Value": True},
            }
        }:
            return _about(known, test, unknown_matches=True)
        case _:
            return None


def _about(
    known: Mapping[str, Any], test: Mapping[str, Any], *, unknown_matches: bool
) -> tuple[tuple[str, str, Any], bool] | None:
    found = _comparison(test)
    path = _path({".": known})
    if found is None or path is None:
        return None
    # The guard asks for `device`, the comparison for `device.trusted`.
    if found[0] != path and not found[0].startswith(f"{path}."):
        return None
    attribute, op, value = found
    return (attribute.removeprefix("context."), op, value), unknown_matches


def _comparison(test: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    match test:
        case {"contains": {"left": {"Set": items}, "right": path}}:
            return _named(path, "in", [item.get("Value") for item in items])
        case {"contains": {"left": path, "right": {"Value": value}}}:
            return _named(path, "contains", value)
        case {"like": {"left": path, "pattern": [*pattern, "Wildcard"]}}:
            letters = [part["Literal"] for part in pattern if "Literal" in part]
            return _named(path, "starts_with", "".join(letters))
        case _:
            for op in _COMPARISONS:
                if op in test:
                    return _named(test[op]["left"], op, _number(test[op]["right"]))
            return None


def _number(value: Mapping[str, Any]) -> object:
    match value:
        case {"neg": {"arg": {"Value": int(number)}}}:
            return -number
        case _:
            return value.get("Value")


def _named(
    path: Mapping[str, Any], op: str, value: object
) -> tuple[str, str, Any] | None:
    name = _path(path)
    return None if name is None or value is None else (name, op, value)


def _path(tree: Mapping[str, Any]) -> str | None:
    match tree:
        case {"Var": str(name)}:
            return name
        case {".": {"left": left, "attr": attribute}}:
            outer = _path(left)
            return None if outer is None else f"{outer}.{attribute}"
        case _:
            return None
