"""Forms about people."""

from __future__ import annotations

from django import forms

from apps.accounts.choices import TenantRole
from apps.accounts.models import USERNAME


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


class ApiTokenForm(forms.Form):
    """A token for a program that reads over REST."""

    name = forms.CharField(
        max_length=64,
        help_text="The program that will use it, for example opa-edge-17.",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=90,
        initial=30,
        help_text="It stops working by itself after so many days, at most 90.",
    )
