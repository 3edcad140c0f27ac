"""What an admin says about a provider and about what its claims are worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError

from apps.accounts.choices import TenantRole
from apps.federation.choices import ClientAuth
from apps.federation.errors import MappingInvalidError
from apps.federation.models import SLUG
from apps.federation.rules.mapping import ClaimMapping, parse_groups, parse_levels
from apps.federation.services import ProviderValues

T = TypeVar("T")
_LONGEST_SAMPLE = 20_000
_LONGEST_MAPPING = 20_000


class ProviderForm(forms.Form):
    """Where a provider is, and how we prove ourselves to it."""

    name = forms.CharField(
        label="Name", max_length=80, help_text="What people read on the sign-in page."
    )
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        validators=[SLUG],
        help_text="Part of the addresses that the provider knows; it stays.",
    )
    issuer = forms.CharField(
        label="Issuer",
        max_length=500,
        help_text="Exactly as the provider spells it, for example https://id.acme.example",
    )
    client_id = forms.CharField(label="Client ID", max_length=255)
    client_auth = forms.ChoiceField(
        label="How the portal proves itself",
        choices=ClientAuth.choices,
        initial=ClientAuth.PRIVATE_KEY,
        help_text="With a key of ours there is no secret that two sides know.",
    )
    secret = forms.CharField(
        label="Client secret",
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown again; empty keeps the one there is.",
    )
    scopes = forms.CharField(
        label="Scopes",
        max_length=200,
        initial="openid",
        help_text="Add the scope that carries the groups, if you map them.",
    )
    acr_values = forms.CharField(
        label="Levels to ask for (acr_values)", max_length=300, required=False
    )
    max_age = forms.IntegerField(
        label="Oldest sign-in at the provider, in seconds",
        min_value=60,
        max_value=86_400 * 30,
        required=False,
        help_text="Empty: whoever is signed in there comes in.",
    )

    def values(self) -> ProviderValues:
        """Return what the service takes."""
        return ProviderValues(**self.cleaned_data)


class MappingForm(forms.Form):
    """What a provider's claims are worth, and claims to try it with."""

    acr_map = forms.CharField(
        label="acr → level",
        required=False,
        max_length=_LONGEST_MAPPING,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="A line each: value = sfa, mfa or phr. Others count as one factor.",
    )
    amr_map = forms.CharField(
        label="amr → level",
        required=False,
        max_length=_LONGEST_MAPPING,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="The same for methods; only those that stand here count.",
    )
    group_claim = forms.CharField(
        label="Claim with the groups", required=False, max_length=100
    )
    group_map = forms.CharField(
        label="Group → roles",
        required=False,
        max_length=_LONGEST_MAPPING,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=(
            f"A line each: group = role, role. Roles: {', '.join(TenantRole.values)}. "
            "They are applied at each sign-in; roles given by hand stay."
        ),
    )
    sample = forms.CharField(
        label="Claims to try it with (JSON)",
        required=False,
        max_length=_LONGEST_SAMPLE,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="Empty: the claims of the last sign-in.",
    )

    def clean_acr_map(self) -> dict[str, str]:
        """Read the levels of acr."""
        return _parsed(parse_levels, self.cleaned_data["acr_map"], "acr_map")

    def clean_amr_map(self) -> dict[str, str]:
        """Read the levels of amr."""
        return _parsed(parse_levels, self.cleaned_data["amr_map"], "amr_map")

    def clean_group_map(self) -> dict[str, list[str]]:
        """Read the roles of groups."""
        return _parsed(parse_groups, self.cleaned_data["group_map"], "group_map")

    def clean_sample(self) -> dict[str, Any] | None:
        """Read the claims, if any were entered."""
        text = self.cleaned_data["sample"].strip()
        if not text:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError("This is not JSON.") from error
        if not isinstance(found, dict):
            raise ValidationError("Claims are a JSON object.")
        return found

    def mapping(self) -> ClaimMapping:
        """Return what was entered."""
        values = self.cleaned_data
        return ClaimMapping(
            values["acr_map"],
            values["amr_map"],
            values["group_claim"],
            values["group_map"],
        )


def _parsed(
    parse: Callable[[str, str], dict[str, T]], text: str, field: str
) -> dict[str, T]:
    try:
        return parse(text, field)
    except MappingInvalidError as error:
        raise ValidationError(f"{error.message} {error.remedy}".strip()) from error
