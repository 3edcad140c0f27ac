"""When a policy counts, when it is read again, and what it asks besides."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django import forms

from apps.policies.rules.terms import instant_of, instant_text

TERMS = (
    *("effective_from", "effective_until", "review_on"),
    *("mfa_level", "mfa_minutes", "device_trust", "max_risk"),
    *("notify_to", "notify_body", "end_session"),
)
_MINUTE = 60


def _moment(help_text: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False,
        help_text=help_text,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )


def _number(label: str, least: int, most: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=least,
        max_value=most,
        help_text=help_text,
    )


class TermsForm(forms.Form):
    """The terms of a policy: its interval, its next review, its obligations."""

    effective_from = _moment("UTC. All nodes change over at this instant.")
    effective_until = _moment(
        "UTC, not included. A forbid stays until somebody decides about its end."
    )
    review_on = forms.DateField(
        label="Read again on",
        required=False,
        help_text="Its owner is reminded 14, 3 and 1 days before.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    mfa_level = _number(
        "Ask for MFA level", 1, 9, "Less is denied, with a way to prove."
    )
    mfa_minutes = _number(
        "Proven within minutes", 1, 43_200, "Empty means at any time."
    )
    device_trust = forms.BooleanField(label="Ask for a trusted device", required=False)
    max_risk = _number(
        "Ask for a risk of at most", 0, 100, "What is unknown is too much."
    )
    notify_to = forms.CharField(
        label="Tell", max_length=255, required=False, help_text="Whom, at each permit."
    )
    notify_body = forms.CharField(label="What to tell", max_length=2000, required=False)
    end_session = forms.BooleanField(label="End the session after it", required=False)

    def has_terms(self) -> bool:
        """Say whether anything of this is set or wrong, so that it is to be seen."""
        return any(self[name].value() or self[name].errors for name in TERMS)

    def terms(self) -> dict[str, Any]:
        """Return what was typed, as members of the content of a policy."""
        values = self.cleaned_data
        day = values.get("review_on")
        return {
            "effective_from": instant_text(values.get("effective_from")),
            "effective_until": instant_text(values.get("effective_until")),
            "review_on": day.isoformat() if isinstance(day, dt.date) else "",
            "obligations": [*_obligations(values), *self._further()],
        }

    def _further(self) -> list[dict[str, Any]]:
        """Return what the form has no place for: notices beyond the first."""
        try:
            known = json.loads(self.cleaned_data.get("base") or "{}")
        except ValueError:
            return []
        found = known.get("obligations", []) if isinstance(known, dict) else []
        return [one for one in found if one.get("type") == "notify"][1:]


def initial_terms(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a content."""
    found: dict[str, Any] = {
        name: instant_of(content.get(name, "")) or content.get(name, "")
        for name in ("effective_from", "effective_until")
    }
    found["review_on"] = content.get("review_on", "")
    for one in reversed(content.get("obligations", [])):
        properties = one.get("properties", {})
        match one["type"]:
            case "mfa":
                age = properties.get("max_age", 0) // _MINUTE
                found |= {"mfa_level": properties["level"], "mfa_minutes": age or None}
            case "max_risk":
                found["max_risk"] = properties["at_most"]
            case "notify":
                found |= {
                    "notify_to": properties["to"],
                    "notify_body": properties["body"],
                }
            case kind:
                found[kind] = True
    return found


def _obligations(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if (level := values.get("mfa_level")) is not None:
        minutes = values.get("mfa_minutes")
        age = {"max_age": minutes * _MINUTE} if minutes else {}
        found.append({"type": "mfa", "properties": {"level": level, **age}})
    if values.get("device_trust"):
        found.append({"type": "device_trust", "properties": {}})
    if (most := values.get("max_risk")) is not None:
        found.append({"type": "max_risk", "properties": {"at_most": most}})
    if to := values.get("notify_to"):
        told = {"to": to, "body": values.get("notify_body", "")}
        found.append({"type": "notify", "properties": told})
    if values.get("end_session"):
        found.append({"type": "end_session", "properties": {}})
    return found
