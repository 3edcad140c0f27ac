"""The form of one test of a policy. What is valid is for the rules to say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from typing_extensions import override

from engine.cedar import PRINCIPAL_TYPES

_REASONS = (
    ("", "any reason"),
    ("permitted", "permitted: a permit applies"),
    ("forbidden", "forbidden: a forbid applies"),
    ("no_matching_policy", "no_matching_policy: the policy does not apply"),
    ("evaluation_error", "evaluation_error: a condition cannot be evaluated"),
)
_JSON = {"rows": 2, "class": "pw-code", "spellcheck": "false"}


class ObjectField(forms.JSONField):
    """A JSON object; an empty one is not written out."""

    @override
    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(value) if value else ""


class CaseForm(forms.Form):
    """Given this, an action is allowed or denied."""

    name = forms.CharField(max_length=200, help_text="What the test shows.")
    principal_type = forms.ChoiceField(
        label="Who asks", choices=[(kind, kind) for kind in PRINCIPAL_TYPES]
    )
    principal_id = forms.CharField(
        label="Key", required=False, help_text="Empty means anybody of that type."
    )
    roles = forms.CharField(
        required=False,
        help_text="Short names, separated by commas. What they inherit counts too.",
    )
    action = forms.CharField()
    resource_type = forms.CharField(label="On what")
    resource_id = forms.CharField(
        label="Key of the resource",
        required=False,
        help_text="Empty means anything of that type.",
    )
    groups = forms.CharField(
        required=False,
        help_text="All groups that it lies in, separated by commas.",
    )
    at = forms.CharField(
        label="At",
        help_text="An instant with its offset, such as 2026-11-18T10:00:00Z.",
    )
    context = ObjectField(
        required=False,
        widget=forms.Textarea(attrs=_JSON),
        help_text='Such as {"mfa": 2, "ip": "10.1.0.1"}.',
    )
    principal_attributes = ObjectField(
        required=False, widget=forms.Textarea(attrs=_JSON)
    )
    resource_attributes = ObjectField(
        required=False, widget=forms.Textarea(attrs=_JSON)
    )
    expect = forms.ChoiceField(
        label="Must be", choices=[("allow", "allowed"), ("deny", "denied")]
    )
    reason = forms.ChoiceField(label="Because of", required=False, choices=_REASONS)
    lock = forms.IntegerField(widget=forms.HiddenInput)
    replaces = forms.CharField(required=False, widget=forms.HiddenInput)

    def case(self) -> dict[str, Any]:
        """Return what was typed as the JSON form of a test."""
        values = self.cleaned_data
        given: dict[str, Any] = {
            "principal": _entity(values, "principal"),
            "resource": _entity(values, "resource"),
            "roles": _names(values["roles"]),
            "groups": _names(values["groups"]),
            **{
                name: values[name]
                for name in ("context", "principal_attributes", "resource_attributes")
            },
        }
        case = {name: values[name] for name in ("name", "action", "at", "expect")}
        case["given"] = {name: value for name, value in given.items() if value}
        return case | ({"reason": values["reason"]} if values["reason"] else {})

    def place_of(self, field: str) -> str | None:
        """Return the form field for a field of a test, or None."""
        parts = field.partition("].")[2].removeprefix("given.").split(".")
        name = parts[0]
        if name in {"principal", "resource"}:
            name = f"{name}_{parts[1] if len(parts) > 1 else 'type'}"
        return name if name in self.fields else None


def initial_of_case(case: Mapping[str, Any] | None, lock: int) -> dict[str, Any]:
    """Return what the form shows for a test, or for a new one."""
    if case is None:
        return {"lock": lock, "expect": "deny"}
    given = case["given"]
    return {
        **{name: case.get(name, "") for name in ("name", "action", "at", "expect")},
        "reason": case.get("reason", ""),
        "principal_type": given["principal"]["type"],
        "principal_id": given["principal"].get("id", ""),
        "resource_type": given["resource"]["type"],
        "resource_id": given["resource"].get("id", ""),
        "roles": ", ".join(given.get("roles", ())),
        "groups": ", ".join(given.get("groups", ())),
        **{
            name: given.get(name) or None
            for name in ("context", "principal_attributes", "resource_attributes")
        },
        "lock": lock,
        "replaces": case["name"],
    }


def case_words(case: Mapping[str, Any]) -> str:
    """Return what a test asks, in one line."""
    given = case["given"]
    who = ", ".join(given.get("roles", ())) or _thing(given["principal"])
    what = _thing(given["resource"])
    where = ", ".join(given.get("groups", ()))
    asked = f"{who}: {case['action']} {what}{f' in {where}' if where else ''}"
    known = {
        **given.get("principal_attributes", {}),
        **given.get("resource_attributes", {}),
        **given.get("context", {}),
    }
    facts = ", ".join(f"{name} {_value(value)}" for name, value in known.items())
    return f"{asked}, {case['at']}{f', {facts}' if facts else ''}"


def _thing(entity: Mapping[str, str]) -> str:
    return entity.get("id") or f"any {entity['type']}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _entity(values: Mapping[str, str], name: str) -> dict[str, str]:
    found = {"type": values[f"{name}_type"].strip()}
    key = values[f"{name}_id"].strip()
    return found | ({"id": key} if key else {})


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
