"""The rows in which conditions are built: attribute, comparison, value.

What may be compared, and how a value is written, depends on the attribute's type. The
page knows it too, so that a row follows its attribute while one chooses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from typing_extensions import override

from apps.policies.forms.widgets import ProjectWidget
from engine.cedar import (
    CONTEXT_ATTRIBUTES,
    CONTEXT_RANGES,
    OPERATORS,
    Attribute,
    AttributeType,
)

MOST_ROWS = 100
PARTS = ("attribute", "op", "value")
_WORDS = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "in": "is one of",
    "starts_with": "starts with",
    "contains": "contains",
}
_YES_NO = (("true", "Yes"), ("false", "No"))


@dataclass(frozen=True)
class Kind:
    """What conditions can say about one attribute."""

    path: str
    type: AttributeType
    values: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """Return the comparisons that suit it."""
        return OPERATORS[self.type]

    def to_dict(self) -> dict[str, Any]:
        """Return what the page has to know."""
        found: dict[str, Any] = {"type": self.type.value, "ops": list(self.operators)}
        if self.values:
            found["values"] = list(self.values)
        if self.path in CONTEXT_RANGES:
            found["min"], found["max"] = CONTEXT_RANGES[self.path]
        return found


def kinds_of(attributes: Iterable[Attribute]) -> dict[str, Kind]:
    """Return all attributes that conditions can be about, by path."""
    found = {path: Kind(path, kind) for path, kind in CONTEXT_ATTRIBUTES.items()}
    for one in attributes:
        known = found.get(one.path)
        values = one.values
        if known is not None:
            values = (*known.values, *values) if known.values and values else ()
        found[one.path] = Kind(one.path, one.type, tuple(dict.fromkeys(values)))
    return found


class ValueWidget(ProjectWidget):
    """One value or several, written the way that suits the attribute."""

    template_name = "admin/policies/value.html"

    def __init__(self) -> None:
        super().__init__()
        self.kind: Kind | None = None
        self.op = ""

    @override
    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the template shows."""
        context = super().get_context(name, None, attrs)
        values = [value] if isinstance(value, str) else list(value or ())
        kind = self.kind
        choices: Sequence[tuple[str, str]] = ()
        if kind and kind.type is AttributeType.BOOL:
            choices = _YES_NO
        elif kind and kind.values and self.op != "starts_with":
            choices = [(text, text) for text in kind.values]
            choices += [(v, v) for v in values if v and v not in kind.values]
        context["widget"] |= {
            "values": values,
            "text": values[0] if len(values) == 1 else ", ".join(values),
            "choices": choices,
            "is_many": self.op == "in",
            "input_type": "number" if kind and kind.type is AttributeType.LONG else "",
        }
        return context

    @override
    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        found = data.getlist(name) if hasattr(data, "getlist") else data.get(name)
        return [found] if isinstance(found, str) else list(found or ())


class ValueField(forms.Field):
    """The texts that were typed or chosen."""

    widget = ValueWidget

    @override
    def clean(self, value: Any) -> list[str]:
        return [text.strip() for text in value or ()]


def add_row(form: forms.Form, n: str, kinds: Mapping[str, Kind], chosen: str) -> None:
    """Add the fields of one row; `chosen` is its attribute so far."""
    kind = kinds.get(chosen)
    operators = kind.operators if kind else tuple(_WORDS)
    form.fields[f"condition_{n}_attribute"] = forms.ChoiceField(
        label="Attribute", choices=_paths(kinds, chosen), required=False
    )
    form.fields[f"condition_{n}_op"] = _AnyChoice(
        label="Comparison",
        choices=[(op, _WORDS[op]) for op in operators],
        required=False,
    )
    form.fields[f"condition_{n}_value"] = ValueField(label="Value", required=False)


def settle_row(form: forms.Form, n: str, kinds: Mapping[str, Kind]) -> None:
    """Let the value of a row be written the way that suits attribute and comparison."""
    widget = form.fields[f"condition_{n}_value"].widget
    assert isinstance(widget, ValueWidget)  # noqa: S101  # made above
    widget.kind = kinds.get(str(form[f"condition_{n}_attribute"].value() or ""))
    widget.op = str(form[f"condition_{n}_op"].value() or "")


class _AnyChoice(forms.ChoiceField):
    """A choice of which rules say whether it suits."""

    @override
    def valid_value(self, value: Any) -> bool:
        return value in _WORDS


def _paths(kinds: Mapping[str, Kind], chosen: str) -> list[tuple[str, Any]]:
    """Return all attributes in groups; one that is gone stays to be seen."""
    groups: dict[str, list[tuple[str, str]]] = {
        "Request": [],
        "Who asks": [],
        "What it is about": [],
    }
    for path in sorted(kinds):
        match path.partition("."):
            case ("principal", _, name):
                groups["Who asks"].append((path, name))
            case ("resource", _, name):
                groups["What it is about"].append((path, name))
            case _:
                groups["Request"].append((path, path))
    gone = [] if not chosen or chosen in kinds else [(chosen, chosen)]
    filled = [(name, found) for name, found in groups.items() if found]
    return [("", "Attribute …"), *filled, *gone]


def value_of(texts: Sequence[str], op: str, kind: Kind | None) -> object:
    """Return what was typed in the type of its attribute; rules refuse what is not."""
    if op == "in":
        return _several(texts, kind)
    text = texts[0] if texts else ""
    if kind is None:
        return text
    if kind.type is AttributeType.LONG:
        try:
            return int(text)
        except ValueError:
            return text
    if kind.type is AttributeType.BOOL and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


def texts_of(value: object) -> list[str]:
    """Return how a value is shown; a list that commas would tear apart as JSON."""
    if isinstance(value, list):
        plain = all(part == part.strip() and "," not in part for part in value)
        return [", ".join(value) if plain else json.dumps(value, ensure_ascii=False)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _several(texts: Sequence[str], kind: Kind | None) -> list[str]:
    if len(texts) > 1 or (kind and texts and texts[0] in kind.values):
        return [text for text in texts if text]
    text = texts[0] if texts else ""
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(one, str) for one in found):
            return found
    return [part.strip() for part in text.split(",") if part.strip()]
