"""Forms of campaigns, and of what reviewers answer."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from apps.accounts.selectors import members
from apps.reviews.choices import Recurrence, Reviewers, Silence, Verdict
from apps.reviews.rules import LONGEST_DAYS, MOST_REVOKED, CampaignSpec
from apps.reviews.selectors import EVERYWHERE
from apps.roles.choices import AssignmentSource, Tier
from apps.roles.models import Resource, Role

_MANY = forms.CheckboxSelectMultiple
_LISTS = ("roles", "tiers", "sources", "scopes")


def _roles() -> list[tuple[str, str]]:
    return list(Role.objects.order_by("slug").values_list("slug", "name"))


def _scopes() -> list[tuple[str, str]]:
    used = Resource.objects.filter(
        assignments__isnull=False, assignments__revoked_at__isnull=True
    ).distinct()
    rows = used.order_by("type", "key")
    named = [(f"{row.type}::{row.key}", f"{row.type} {row.key}") for row in rows]
    return [(EVERYWHERE, "Everywhere"), *named]


def _members() -> list[tuple[str, str]]:
    return [
        (str(row.user_id), f"{row.user.display_name} ({row.user.username})")
        for row in members()
    ]


class CampaignForm(forms.Form):
    """What is asked, of whom, and how often."""

    name = forms.CharField(max_length=120)
    roles = forms.MultipleChoiceField(
        choices=_roles, required=False, widget=_MANY, help_text="None chosen: all."
    )
    tiers = forms.MultipleChoiceField(
        choices=Tier.choices,
        required=False,
        widget=_MANY,
        help_text="None chosen: all.",
    )
    sources = forms.MultipleChoiceField(
        choices=AssignmentSource.choices,
        required=False,
        widget=_MANY,
        initial=[AssignmentSource.STANDING.value],
        help_text="None chosen: all. What is temporary ends by itself.",
    )
    scopes = forms.MultipleChoiceField(
        label="Where",
        choices=_scopes,
        required=False,
        widget=_MANY,
        help_text="None chosen: all places.",
    )
    reviewers = forms.ChoiceField(
        label="Who is asked",
        choices=Reviewers.choices,
        help_text="Where nobody is left, security admins are. Nobody reviews their own "
        "access unless the person is asked.",
    )
    named = forms.MultipleChoiceField(
        label="Named people", choices=_members, required=False, widget=_MANY
    )
    recurrence = forms.TypedChoiceField(
        label="How often",
        coerce=int,
        choices=Recurrence.choices,
        initial=Recurrence.HALF_YEARLY.value,
    )
    days = forms.IntegerField(
        label="Days to answer", min_value=1, max_value=LONGEST_DAYS, initial=14
    )
    silence = forms.ChoiceField(
        label="No answer means",
        choices=Silence.choices,
        initial=Silence.KEEP.value,
        help_text="Keeping leaves access that nobody looked at. Revoking can stop work "
        "that nobody thought of. Advice revokes only what was unused for 30 days.",
    )
    cap = forms.IntegerField(
        label="Revoke by itself at most",
        min_value=0,
        max_value=MOST_REVOKED,
        initial=50,
        help_text="If a review would revoke more, it waits for a security admin.",
    )
    is_active = forms.BooleanField(
        label="Opens by itself when its time has come", required=False, initial=True
    )

    def spec(self) -> CampaignSpec:
        """Return what the service asks for."""
        chosen: dict[str, Any] = dict(self.cleaned_data)
        chosen |= {name: tuple(chosen[name]) for name in _LISTS}
        chosen["named"] = tuple(uuid.UUID(text) for text in chosen["named"])
        return CampaignSpec(**chosen)


class AnswerForm(forms.Form):
    """What a reviewer decides about which items."""

    verdict = forms.ChoiceField(choices=Verdict.choices)
    reason = forms.CharField(max_length=200, required=False)


class ApplyForm(forms.Form):
    """How many revocations the person saw."""

    confirmed = forms.IntegerField(min_value=0)


class ReasonForm(forms.Form):
    """Why a review is cancelled."""

    reason = forms.CharField(max_length=200, required=False)
