"""Forms about people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from typing_extensions import override

from apps.accounts.choices import AttestationPolicy, FallbackKind, Scope, TenantRole
from apps.accounts.models import USERNAME
from apps.accounts.services import TokenSpec


class RolesForm(forms.Form):
    """What a member may do in the tenant."""

    roles = forms.MultipleChoiceField(
        choices=TenantRole.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Several are possible. Nobody approves their own changes.",
    )


class InviteForm(RolesForm):
    """A person to add to the tenant: a known user name, or a new one."""

    field_order = ["username", "display_name", "email", "roles"]
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[USERNAME],
        help_text="Lower case. Who exists already just joins this tenant.",
    )
    display_name = forms.CharField(max_length=150, label="Name")
    email = forms.EmailField(required=False, label="E-mail")


class NetworksField(forms.CharField):
    """Networks in CIDR notation, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "10.1.0.0/16"})

    @override
    def clean(self, value: object) -> list[str]:
        return str(super().clean(value) or "").replace(",", " ").split()


class ApiTokenForm(forms.Form):
    """A token for a program that works over REST."""

    name = forms.CharField(
        max_length=64,
        help_text="The program that will use it, for example opa-edge-17.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it is for",
        widget=forms.CheckboxSelectMultiple,
        help_text="Never more than you may do yourself at the moment of use.",
    )
    networks = NetworksField(
        required=False,
        help_text="Where it is used from, one network a line. Empty means anywhere.",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=90,
        initial=30,
        help_text="It stops working by itself after so many days, at most 90.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, own_scopes: frozenset[str]
    ) -> None:
        super().__init__(data)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]  # a choice field
            (value, f"{label} ({value})")
            for value, label in Scope.choices
            if value in own_scopes
        ]

    def spec(self) -> TokenSpec:
        """Return what the form asks for."""
        data = self.cleaned_data
        return TokenSpec(
            name=data["name"],
            lifetime=dt.timedelta(days=data["days"]),
            scopes=data["scopes"],
            networks=data["networks"],
        )


class SignInPolicyForm(forms.Form):
    """What a tenant asks of sign-ins."""

    accepted = forms.MultipleChoiceField(
        label="Besides passkeys, accept a password together with",
        choices=FallbackKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None of these ever suffices for a change or an approval.",
    )
    attestation = forms.ChoiceField(
        label="New passkeys", choices=AttestationPolicy.choices
    )
    aaguids = forms.CharField(
        label="Models accepted for new passkeys",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One AAGUID a line; empty accepts every model.",
    )
    risk_step_up = forms.IntegerField(
        label="Ask for the passkey from risk",
        min_value=10,
        max_value=100,
        help_text="Of 100. What counts is listed with every session.",
    )
    risk_block = forms.IntegerField(
        label="Refuse from risk", min_value=10, max_value=100
    )
