"""Forms of this app. What is valid is for the rules to say."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms

from apps.elevations.rules import CEILING_MINUTES, EligibilitySpec
from apps.roles import selectors as roles
from apps.roles.choices import Tier
from apps.roles.models import PrincipalGroup

Choices = Sequence[tuple[str, str]]
_NOBODY: Choices = [("", "—")]


def _roles() -> Choices:
    rows = roles.roles()
    return [(str(row.pk), f"{row.name} ({row.get_tier_display()})") for row in rows]


def _role_or_none() -> Choices:
    return [*_NOBODY, *_roles()]


def _principals() -> Choices:
    rows = roles.principals().filter(type="User")
    return [*_NOBODY, *((str(row.pk), f"{row} ({row.key})") for row in rows)]


def _groups() -> Choices:
    rows = PrincipalGroup.objects.order_by("name")
    return [*_NOBODY, *((str(row.pk), str(row)) for row in rows)]


def _scopes() -> Choices:
    rows = roles.resources()
    named = ((str(row.pk), f"{row} ({row.type})") for row in rows)
    return [("", "Everywhere"), *named]


def _ceilings() -> str:
    parts = [f"{Tier(tier).label} {most}" for tier, most in CEILING_MINUTES.items()]
    return f"At most: {', '.join(parts)}."


class EligibilityForm(forms.Form):
    """What may be asked for, by whom, and for how long."""

    purpose = forms.CharField(
        max_length=120,
        help_text="What people want to do, in their words: “Restart payment nodes”.",
    )
    role = forms.ChoiceField(choices=_roles)
    scope = forms.ChoiceField(
        label="Where", choices=_scopes, required=False, help_text="One thing or group."
    )
    principal = forms.ChoiceField(
        label="For one person", choices=_principals, required=False
    )
    group = forms.ChoiceField(label="Or for a group", choices=_groups, required=False)
    holders = forms.ChoiceField(
        label="Or for whoever holds a role",
        choices=_role_or_none,
        required=False,
        help_text="Name exactly one of the three.",
    )
    max_minutes = forms.IntegerField(label="At most, in minutes", min_value=1)
    ticket_pattern = forms.CharField(
        label="Ticket",
        max_length=100,
        required=False,
        help_text=r"Leave it empty, or say how a ticket looks: INC-\d+",
    )
    is_active = forms.BooleanField(label="Offered", required=False, initial=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        self.fields["max_minutes"].help_text = _ceilings()

    def spec(self) -> EligibilitySpec:
        """Return what was filled in."""
        values = self.cleaned_data
        return EligibilitySpec(
            purpose=values["purpose"],
            role=uuid.UUID(values["role"]),
            max_minutes=values["max_minutes"],
            principal=_id(values["principal"]),
            group=_id(values["group"]),
            holders=_id(values["holders"]),
            scope=_id(values["scope"]),
            ticket_pattern=values["ticket_pattern"],
            is_active=values["is_active"],
        )


class EndForm(forms.Form):
    """Why somebody's elevation is ended."""

    reason = forms.CharField(
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Its holder and the audit trail are told.",
    )


def _id(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None
