"""What people fill in about a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override

from apps.approvals import rules
from apps.approvals.choices import RequestKind
from apps.elevations.models import Eligibility
from apps.elevations.rules import default_minutes
from apps.roles import selectors as roles
from apps.roles.choices import Tier
from apps.roles.rules import AssignmentSpec
from protocol.records import EntityRef

MOST_STAGES = 5


class ProposeForm(forms.Form):
    """The words that go with a set of drafts."""

    title = forms.CharField(
        max_length=160, help_text="What changes, in one line. Approvers see it first."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Why the change is needed; a ticket, if there is one.",
    )


class ChangeSetForm(forms.Form):
    """The words that go with a set of changes, and when it comes into force."""

    title = forms.CharField(
        max_length=160, help_text="What changes, in one line. Approvers see it first."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why the change is needed; a ticket, if there is one.",
    )
    activate_at = forms.DateTimeField(
        label="Not before",
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
        help_text="UTC. Nodes begin to apply the policies at this very instant; only "
        "for sets of policies. Empty: as soon as it is approved.",
    )
    lock = forms.IntegerField(required=False, widget=forms.HiddenInput)


class CancelForm(forms.Form):
    """Why a request is withdrawn."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)


class CallOffForm(forms.Form):
    """Why what was approved shall not come into force."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class ElevationForm(forms.Form):
    """Why somebody needs a role, and for how long."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What happened, and what you are going to do. Approvers read this.",
    )
    ticket = forms.CharField(max_length=64, required=False)
    minutes = forms.IntegerField(label="For how many minutes")

    def __init__(
        self, *args: object, eligibility: Eligibility, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        terms = eligibility.terms
        minutes, ticket = self.fields["minutes"], self.fields["ticket"]
        minutes.initial = default_minutes(terms)
        minutes.widget.attrs |= {"min": 1, "max": terms.longest}
        minutes.help_text = f"At most {terms.longest}. It ends by itself."
        if terms.ticket_pattern:
            ticket.help_text = f"Needed here. It looks like {terms.ticket_pattern}."
        else:
            ticket.label = "Ticket (if there is one)"


def _principals() -> list[tuple[str, str]]:
    rows = roles.principals()
    return [(f"{row.type}::{row.key}", f"{row} ({row.type})") for row in rows]


def _roles() -> list[tuple[str, str]]:
    return [(row.slug, f"{row.name} ({row.tier})") for row in roles.roles()]


def _scopes() -> list[tuple[str, str]]:
    found = [(f"{r.type}::{r.key}", f"{r} ({r.type})") for r in roles.resources()]
    return [("", "Everywhere"), *found]


class AssignmentRequestForm(forms.Form):
    """A role that a principal is to hold."""

    principal = forms.ChoiceField(choices=_principals)
    role = forms.ChoiceField(choices=_roles)
    scope = forms.ChoiceField(label="Where", choices=_scopes, required=False)
    start = forms.DateTimeField(
        required=False, help_text="UTC, such as 2026-12-31 08:00; empty: at once."
    )
    end = forms.DateTimeField(required=False, help_text="Empty: until it is revoked.")
    reason = forms.CharField(
        max_length=200, help_text="Approvers and auditors read this first."
    )

    def spec(self) -> AssignmentSpec:
        """Return what is asked for."""
        values = self.cleaned_data
        return AssignmentSpec(
            principal=_entity(values["principal"]),
            role=values["role"],
            scope=_entity(values["scope"]) if values["scope"] else None,
            start=values["start"],
            end=values["end"],
            reason=values["reason"],
        )


class StageForm(forms.Form):
    """One stage of a flow; one without a name is none."""

    name = forms.CharField(max_length=60, required=False, label="Stage")
    approvers = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text="One a line: “tenant_role approver”, “group platform”, “role lead”, "
        "“user anna”, “resource_owner”, “manager”.",
    )
    quorum = forms.IntegerField(
        min_value=1, max_value=9, initial=1, help_text="How many of them must approve."
    )
    deny_threshold = forms.IntegerField(
        min_value=1, max_value=9, initial=1, help_text="How many denials end it."
    )
    deadline_minutes = forms.IntegerField(
        min_value=1,
        required=False,
        label="Deadline (minutes)",
        help_text="After that the request expires. Reminders go out at 25 and 50 %.",
    )
    hours = forms.CharField(
        max_length=63,
        required=False,
        help_text="Short name of the time window within which they decide.",
    )
    conditions = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text="One a line: “request ticket matches ^OPS-\\d+$”, “reviewer groups "
        "not_in contractors, guests”.",
    )
    escalate_to = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text="Who may decide too after silence; needs a deadline.",
    )
    escalate_at = forms.IntegerField(
        min_value=1, max_value=99, initial=50, label="Escalate at (% of the time)"
    )

    def document(self) -> dict[str, Any]:
        """Return the stage as it is stored, not yet checked."""
        values = self.cleaned_data
        others = _approvers(values["escalate_to"])
        escalation = {"at_percent": values["escalate_at"], "approvers": others}
        return {
            "name": values["name"],
            "approvers": _approvers(values["approvers"]),
            "quorum": values["quorum"],
            "deny_threshold": values["deny_threshold"],
            "deadline_minutes": values["deadline_minutes"],
            "conditions": [_condition(line) for line in _lines(values["conditions"])],
            "hours": values["hours"],
            "escalation": escalation if others else None,
        }

    @staticmethod
    def values_of(stage: rules.Stage) -> dict[str, Any]:
        """Return what the form shows for a stage."""
        escalation = stage.escalation
        return {
            "name": stage.name,
            "approvers": _approver_lines(stage.approvers),
            "quorum": stage.quorum,
            "deny_threshold": stage.deny_threshold,
            "deadline_minutes": stage.deadline_minutes,
            "hours": stage.hours,
            "conditions": "\n".join(_condition_line(one) for one in stage.conditions),
            "escalate_to": _approver_lines(escalation.approvers) if escalation else "",
            "escalate_at": escalation.at_percent if escalation else 50,
        }


class FlowForm(forms.Form):
    """A flow with its stages, each a form of its own."""

    name = forms.CharField(max_length=60)
    kind = forms.ChoiceField(choices=RequestKind.choices)
    order = forms.IntegerField(
        min_value=0,
        max_value=9999,
        initial=100,
        help_text="The lowest active flow that fits a request is the one it passes.",
    )
    is_active = forms.BooleanField(required=False, initial=True, label="Active")
    tiers = forms.MultipleChoiceField(
        choices=Tier.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None means all tiers.",
    )
    min_risk = forms.IntegerField(
        min_value=0, max_value=100, initial=0, label="Risk from"
    )
    min_blast_radius = forms.IntegerField(
        min_value=0, initial=0, label="Blast radius from"
    )
    roles = forms.CharField(
        required=False, help_text="Short names of roles, with commas. None means all."
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        shown = (initial or {}).get("stages", [])
        self.stages = [
            StageForm(
                data,
                prefix=f"stage{number}",
                initial=shown[number] if number < len(shown) else None,
                label_suffix="",
            )
            for number in range(MOST_STAGES)
        ]

    @override
    def is_valid(self) -> bool:
        """Ask the flow and each stage that has a name."""
        stages = [stage.is_valid() or not stage["name"].data for stage in self.stages]
        return super().is_valid() and all(stages)

    def document(self) -> dict[str, Any]:
        """Return the flow as it is stored, not yet checked."""
        values = self.cleaned_data
        return {
            "v": 2,
            "name": values["name"],
            "kind": values["kind"],
            "order": values["order"],
            "is_active": values["is_active"],
            "match": {
                "tiers": values["tiers"],
                "min_risk": values["min_risk"],
                "min_blast_radius": values["min_blast_radius"],
                "roles": _words(values["roles"]),
            },
            "stages": [
                stage.document()
                for stage in self.stages
                if stage.cleaned_data.get("name")
            ],
        }

    @staticmethod
    def values_of(spec: rules.FlowSpec) -> dict[str, Any]:
        """Return what the form shows for a flow."""
        return {
            "name": spec.name,
            "kind": str(spec.kind),
            "order": spec.order,
            "is_active": spec.is_active,
            "tiers": list(spec.match.tiers),
            "min_risk": spec.match.min_risk,
            "min_blast_radius": spec.match.min_blast_radius,
            "roles": ", ".join(spec.match.roles),
            "stages": [StageForm.values_of(stage) for stage in spec.stages],
        }


class FlowTextForm(forms.Form):
    """A flow as JSON, for those who prefer to read it whole."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false"}),
        label="Flow as JSON",
    )

    def clean_text(self) -> dict[str, Any]:
        """Return the JSON object."""
        try:
            found = json.loads(self.cleaned_data["text"])
        except ValueError as error:
            raise ValidationError(f"This is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise ValidationError("A flow is a JSON object.")
        return found

    @staticmethod
    def text_of(spec: rules.FlowSpec) -> str:
        """Return a flow as people edit it."""
        return json.dumps(spec.to_dict(), indent=2, ensure_ascii=False)


def _entity(text: str) -> EntityRef:
    kind, _, key = text.partition("::")
    return EntityRef(kind, key)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _approvers(text: str) -> list[dict[str, str]]:
    found = []
    for line in _lines(text):
        kind, _, name = line.partition(" ")
        found.append({"type": kind, "id": name.strip()})
    return found


def _approver_lines(approvers: tuple[rules.Approver, ...]) -> str:
    return "\n".join(f"{one.type} {one.id}".strip() for one in approvers)


def _condition(line: str) -> dict[str, Any]:
    on, field, op, value = [*line.split(None, 3), "", "", "", ""][:4]
    listed = op in ("in", "not_in")
    return {
        "on": on,
        "field": field,
        "op": op,
        "value": _words(value) if listed else value,
    }


def _condition_line(one: rules.Condition) -> str:
    value = ", ".join(one.value) if isinstance(one.value, tuple) else one.value
    return f"{one.on} {one.field} {one.op} {value}"
