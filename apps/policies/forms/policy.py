"""The form of a policy. What is valid is for the rules to say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from apps.policies.choices import Effect
from apps.policies.forms.picking import PickField
from apps.policies.forms.rows import (
    MOST_ROWS,
    PARTS,
    add_row,
    kinds_of,
    settle_row,
    texts_of,
    value_of,
)
from apps.policies.forms.terms import TERMS, TermsForm, initial_terms
from apps.policies.rules import Pick
from apps.roles.choices import Tier
from engine.cedar import Attribute

PICKED = ("principals", "actions", "resources", "windows", "locations")
EXPERT, FORM = "cedar", "form"
_SCOPE = (*PICKED, "conditions")
_ROW = re.compile(r"^condition_(\d{1,2})_attribute$")
_LONGEST_CEDAR = 65_536


class PolicyForm(TermsForm):
    """A policy: built from conditions, or in the Cedar of an expert.

    A field that the page does not know by name is shown below the others.
    """

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
    principals = PickField(
        Pick.PRINCIPALS, label="Who", help_text="None chosen means anybody."
    )
    actions = PickField(
        Pick.ACTIONS,
        label="May do what",
        help_text="None chosen means all that the roles hold; for a forbid, any.",
    )
    resources = PickField(
        Pick.RESOURCES, label="To what", help_text="None chosen means everything."
    )
    windows = PickField(
        Pick.WINDOWS, label="Time windows", help_text="None chosen means at any time."
    )
    locations = PickField(
        Pick.LOCATIONS, label="Locations", help_text="None chosen means from anywhere."
    )
    cedar = forms.CharField(
        label="Cedar",
        required=False,
        max_length=_LONGEST_CEDAR,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "rows": 16,
                "spellcheck": "false",
                "autocapitalize": "off",
                "autocomplete": "off",
                "wrap": "off",
                "class": "pw-cedar-text",
            }
        ),
        help_text="Statements of the effect above, without @id.",
    )
    mode = forms.CharField(required=False, widget=forms.HiddenInput)
    lock = forms.IntegerField(required=False, widget=forms.HiddenInput)
    base = forms.CharField(required=False, widget=forms.HiddenInput)

    # Shown in places of their own by the page.
    BASICS = ("name", "slug", "description", "owner", "effect", "tier")
    TERMS = TERMS
    PICKS = PICKED

    def __init__(
        self,
        posted: Mapping[str, Any] | None,
        *,
        initial: Mapping[str, Any] | None,
        attributes: Iterable[Attribute],
        is_new: bool,
    ) -> None:
        super().__init__(posted, initial=dict(initial) if initial else None)
        self.notice = ""
        # What somebody else saved meanwhile, for the page to show.
        self.conflict: object = None
        self.attributes = tuple(attributes)
        self.kinds = kinds_of(self.attributes)
        if not is_new:
            del self.fields["slug"]
        values = posted if posted is not None else initial or {}
        self._rows = _row_numbers(values)
        for n in self._rows:
            name = f"condition_{n}_attribute"
            add_row(self, n, self.kinds, str(values.get(name) or ""))
            settle_row(self, n, self.kinds)

    @property
    def is_expert(self) -> bool:
        """Say whether the Cedar of an expert is edited."""
        return bool(self["mode"].value() == EXPERT)

    def rows(self) -> list[dict[str, forms.BoundField]]:
        """Return the fields of the condition rows."""
        return [_cells(self, n) for n in self._rows]

    def numbered_rows(self) -> list[tuple[str, dict[str, forms.BoundField]]]:
        """Return the rows with their numbers."""
        return [(n, _cells(self, n)) for n in self._rows]

    def template_row(self) -> dict[str, forms.BoundField]:
        """Return the fields of a row that the page can add."""
        blank = forms.Form()
        add_row(blank, "__n__", self.kinds, "")
        return _cells(blank, "__n__")

    def kinds_json(self) -> str:
        """Return what the page has to know of attributes."""
        return json.dumps({path: kind.to_dict() for path, kind in self.kinds.items()})

    def rest(self) -> list[forms.BoundField]:
        """Return the fields that have no place of their own on the page."""
        return [
            field
            for field in self.visible_fields()
            if field.name not in (*self.BASICS, *PICKED, *TERMS, EXPERT)
            and not field.name.startswith("condition_")
        ]

    def content(self) -> dict[str, Any]:
        """Return what was typed as the content of a policy.

        In the Cedar of an expert there is nothing to pick; in the form no Cedar.
        """
        values = self.cleaned_data
        simple = ("name", "description", "owner", "effect", "tier")
        found = {name: values.get(name, "") for name in simple} | self.terms()
        if values.get("mode") == EXPERT:
            text = values.get("cedar", "").replace("\r\n", "\n")
            return found | {name: [] for name in _SCOPE} | {"cedar": text}
        return {
            **found,
            **{name: values[name] for name in ("actions", "windows", "locations")},
            "principals": [_entity(text) for text in values["principals"]],
            "resources": [_entity(text) for text in values["resources"]],
            "conditions": list(self._conditions()),
            "cedar": "",
        }

    def place_of(self, field: str) -> str | None:
        """Return the form field for a field of the content, or None."""
        name, _, rest = field.partition("[")
        if name == "conditions":
            number, _, part = rest.partition("].")
            wanted = self._row_names()[int(number)]
            name = f"{wanted}_{part or 'attribute'}"
        if name == "obligations":
            name = "mfa_level"
        return name if name in self.fields else None

    def _row_names(self) -> list[str]:
        """Return the rows that hold a condition, in the order of the content."""
        names = [f"condition_{n}" for n in self._rows]
        return [name for name in names if self.cleaned_data.get(f"{name}_attribute")]

    def _conditions(self) -> Iterable[dict[str, Any]]:
        for name in self._row_names():
            attribute = self.cleaned_data[f"{name}_attribute"]
            op = self.cleaned_data.get(f"{name}_op", "")
            texts = self.cleaned_data.get(f"{name}_value", [])
            value = value_of(texts, op, self.kinds.get(attribute))
            yield {"attribute": attribute, "op": op, "value": value}


def initial_of(content: Mapping[str, Any], lock: int) -> dict[str, Any]:
    """Return what the form shows for a draft."""
    initial = (
        dict(content)
        | initial_terms(content)
        | {
            "lock": lock,
            "mode": EXPERT if content.get("cedar") else FORM,
            "base": json.dumps(content),
        }
    )
    for name in ("principals", "resources"):
        initial[name] = [f"{i['type']}::{i.get('id', '')}" for i in content[name]]
    for n, condition in enumerate(content["conditions"]):
        initial[f"condition_{n}_attribute"] = condition["attribute"]
        initial[f"condition_{n}_op"] = condition["op"]
        initial[f"condition_{n}_value"] = texts_of(condition["value"])
    return initial


def typed_in(posted: QueryDict) -> dict[str, Any]:
    """Return what was typed so far as the initial state of a form that is not judged.

    A row whose removal was asked for is left out.
    """
    dropped = f"condition_{posted.get('drop', '')}_"
    return {
        name: posted.getlist(name)
        if name in PICKED or name.endswith("_value")
        else posted.get(name)
        for name in posted
        if not name.startswith(dropped)
    }


def _cells(form: forms.Form, n: str) -> dict[str, forms.BoundField]:
    return {part: form[f"condition_{n}_{part}"] for part in PARTS}


def _row_numbers(values: Mapping[str, Any]) -> list[str]:
    """Return the rows there are, and one to spare."""
    found = [_ROW.match(name) for name in values]
    used = sorted(int(match[1]) for match in found if match)
    filled = [n for n in used if values.get(f"condition_{n}_attribute")]
    spare = max(filled, default=-1) + 1
    rows = [*filled, spare] if spare < MOST_ROWS else filled
    return [str(n) for n in rows]


def _entity(text: str) -> dict[str, str]:
    kind, _, key = text.partition("::")
    return {"type": kind, "id": key} if key else {"type": kind}
