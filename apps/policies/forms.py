"""The form of a policy. What is valid is for the rules to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from apps.policies.choices import Effect
from apps.policies.rules import Catalogue
from apps.roles.choices import Tier
from engine.cedar import CONTEXT_ATTRIBUTES, OPERATORS, AttributeType

LEAST_ROWS = 6
_MOST_ROWS = 100
_OPERATORS = list(dict.fromkeys(op for ops in OPERATORS.values() for op in ops))
_MANY = forms.SelectMultiple(attrs={"size": 8})


class PolicyForm(forms.Form):
    """A policy, with choices from the tenant's catalogue."""

    name = forms.CharField(max_length=120)
    slug = forms.CharField(
        label="Short name",
        max_length=63,
        required=False,
        help_text="What nodes report. Left empty, it is made from the name.",
    )
    description = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    owner = forms.CharField(max_length=120, help_text="The team that answers for it.")
    effect = forms.ChoiceField(
        choices=Effect.choices, help_text="A forbid always wins."
    )
    tier = forms.ChoiceField(
        choices=Tier.choices,
        help_text="How much it can break; sets how old a node's rules may be.",
    )
    principals = forms.MultipleChoiceField(
        required=False, widget=_MANY, help_text="None chosen means anybody."
    )
    actions = forms.MultipleChoiceField(
        required=False,
        widget=_MANY,
        help_text="None chosen means all that the roles hold; for a forbid, any.",
    )
    resources = forms.MultipleChoiceField(
        required=False, widget=_MANY, help_text="None chosen means everything."
    )
    windows = forms.MultipleChoiceField(
        label="Time windows", required=False, widget=forms.CheckboxSelectMultiple
    )
    locations = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple
    )
    lock = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        posted: Mapping[str, Any] | None,
        *,
        initial: Mapping[str, Any] | None,
        catalogue: Catalogue,
        is_new: bool,
    ) -> None:
        super().__init__(posted, initial=dict(initial) if initial else None)
        self._kinds = {
            **CONTEXT_ATTRIBUTES,
            **{a.path: a.type for a in catalogue.attributes},
        }
        if not is_new:
            del self.fields["slug"]
        for name, choices in _choices(catalogue).items():
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  # narrows for the type checker
            field.choices = choices
        self._row_count = _row_count(posted, initial)
        for n in range(self._row_count):
            self._add_row(n)

    def rows(self) -> list[dict[str, forms.BoundField]]:
        """Return the fields of the condition rows."""
        return [
            {
                part: self[f"condition_{n}_{part}"]
                for part in ("attribute", "op", "value")
            }
            for n in range(self._row_count)
        ]

    def content(self) -> dict[str, Any]:
        """Return what was typed as the content of a policy."""
        values = self.cleaned_data
        simple = ("name", "description", "owner", "effect", "tier", "actions")
        return {
            **{name: values[name] for name in (*simple, "windows", "locations")},
            "principals": [_entity(text) for text in values["principals"]],
            "resources": [_entity(text) for text in values["resources"]],
            "conditions": list(self._conditions()),
        }

    def place_of(self, field: str) -> str | None:
        """Return the form field for a field of the content, or None."""
        name, _, rest = field.partition("[")
        if name == "conditions":
            number, _, part = rest.partition("].")
            wanted = self._row_names()[int(number)]
            name = f"{wanted}_{part or 'attribute'}"
        return name if name in self.fields else None

    def _row_names(self) -> list[str]:
        """Return the rows that hold a condition, in the order of the content."""
        names = [f"condition_{n}" for n in range(self._row_count)]
        return [name for name in names if self.cleaned_data.get(f"{name}_attribute")]

    def _conditions(self) -> Iterable[dict[str, Any]]:
        for name in self._row_names():
            attribute = self.cleaned_data[f"{name}_attribute"]
            op = self.cleaned_data[f"{name}_op"]
            text = self.cleaned_data[f"{name}_value"]
            yield {
                "attribute": attribute,
                "op": op,
                "value": _value(text, op, self._kinds.get(attribute)),
            }

    def _add_row(self, n: int) -> None:
        attributes = [("", "—"), *((path, path) for path in sorted(self._kinds))]
        self.fields[f"condition_{n}_attribute"] = forms.ChoiceField(
            label="Attribute", choices=attributes, required=False
        )
        self.fields[f"condition_{n}_op"] = forms.ChoiceField(
            label="Comparison", choices=[(op, op) for op in _OPERATORS], required=False
        )
        self.fields[f"condition_{n}_value"] = forms.CharField(
            label="Value", required=False, max_length=500
        )


def initial_of(content: Mapping[str, Any], lock: int) -> dict[str, Any]:
    """Return what the form shows for a draft."""
    initial = dict(content) | {"lock": lock}
    for name in ("principals", "resources"):
        initial[name] = [f"{i['type']}::{i.get('id', '')}" for i in content[name]]
    for n, condition in enumerate(content["conditions"]):
        initial[f"condition_{n}_attribute"] = condition["attribute"]
        initial[f"condition_{n}_op"] = condition["op"]
        initial[f"condition_{n}_value"] = _text(condition["value"])
    return initial


def _row_count(
    posted: Mapping[str, Any] | None, initial: Mapping[str, Any] | None
) -> int:
    """Return enough rows for every condition there is, and one to spare."""
    named = {*(posted or {}), *(initial or {})}
    used = [n for n in range(_MOST_ROWS) if f"condition_{n}_attribute" in named]
    if posted is not None:
        return max([LEAST_ROWS, *(n + 1 for n in used)])
    return max([LEAST_ROWS, *(n + 2 for n in used)])


def _choices(catalogue: Catalogue) -> dict[str, list[tuple[str, Any]]]:
    groups = [r for r in catalogue.resources if r.type == "ResourceGroup"]
    things = [r for r in catalogue.resources if r.type != "ResourceGroup"]
    return {
        "principals": [
            ("Roles", [(f"Role::{slug}", slug) for slug in sorted(catalogue.roles)]),
            *(
                (
                    f"{kind}s",
                    [
                        (f"{r.type}::{r.id}", r.id)
                        for r in sorted(catalogue.principals)
                        if r.type == kind
                    ],
                )
                for kind in ("User", "Service")
            ),
        ],
        "actions": [(action, action) for action in sorted(catalogue.actions)],
        "resources": [
            (
                "All of a type",
                [(f"{k}::", f"Every {k}") for k in catalogue.resource_types],
            ),
            ("Groups", [(f"{r.type}::{r.id}", r.id) for r in sorted(groups)]),
            (
                "Single",
                [(f"{r.type}::{r.id}", f"{r.type} {r.id}") for r in sorted(things)],
            ),
        ],
        "windows": [(s, w.name) for s, w in sorted(catalogue.windows.items())],
        "locations": [
            (s, place.name) for s, place in sorted(catalogue.locations.items())
        ],
    }


def _entity(text: str) -> dict[str, str]:
    kind, _, key = text.partition("::")
    return {"type": kind, "id": key} if key else {"type": kind}


def _value(text: str, op: str, kind: AttributeType | None) -> object:
    """Return what was typed in the type of its attribute; rules refuse what is not."""
    if op == "in":
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind is AttributeType.LONG:
        try:
            return int(text)
        except ValueError:
            return text
    if kind is AttributeType.BOOL and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
