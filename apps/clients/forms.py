"""Forms about clients."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import forms

from apps.accounts.choices import Scope
from apps.accounts.forms import NetworksField
from apps.clients.choices import AuthMethod
from apps.clients.models import ApiClient
from apps.clients.rules.jose import PublicKey
from apps.clients.services import ClientSpec, read_keys, read_thumbprints

_PEM = re.compile(r"-----BEGIN [^-]+-----[^-]+-----END [^-]+-----|\S+")


class CredentialsForm(forms.Form):
    """The public keys or certificates of a client; the whole set each time."""

    keys = forms.CharField(
        label="Public keys",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=(
            "A JWK, a JWK set or PEM blocks; several while you change over. "
            "ES256, Ed25519, or RSA of 2048 bits and more."
        ),
    )
    make_pair = forms.BooleanField(
        label="Make a key pair for me",
        required=False,
        help_text="The private key is shown once, on the next page, and kept nowhere.",
    )
    certificates = forms.CharField(
        label="Certificates",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="PEM, or SHA-256 thumbprints, one a line. Only behind a TLS proxy.",
    )

    def public_keys(self) -> list[PublicKey]:
        """Return the keys that were pasted. Raises ClientInvalidError."""
        text = self.cleaned_data.get("keys", "").strip()
        return read_keys(text) if text else []

    def thumbprints(self) -> list[str]:
        """Return the certificates that were pasted. Raises ClientInvalidError."""
        text = self.cleaned_data.get("certificates", "")
        return read_thumbprints(_PEM.findall(text))


class ClientForm(forms.Form):
    """What a client is called, may do, from where, and until when."""

    name = forms.CharField(
        max_length=ApiClient.NAME_LENGTH,
        help_text="The program that will use it, for example nightly-report.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(value, f"{label} ({value})") for value, label in Scope.choices],
        widget=forms.CheckboxSelectMultiple,
        help_text="A client has no person: what needs a confirmation it cannot do.",
    )
    networks = NetworksField(
        required=False,
        help_text="Where it comes from, one network a line. Empty means anywhere.",
    )
    days = forms.IntegerField(
        label="Days until it ends",
        min_value=1,
        max_value=366,
        initial=180,
        help_text="Counted from now, at most a year.",
    )

    def spec(self, auth_method: str) -> ClientSpec:
        """Return what the form asks for."""
        data: dict[str, Any] = self.cleaned_data
        return ClientSpec(
            name=data["name"],
            auth_method=auth_method,
            scopes=data["scopes"],
            lifetime=dt.timedelta(days=data["days"]),
            networks=data["networks"],
        )


class NewClientForm(ClientForm, CredentialsForm):
    """A client to register, with how it proves itself."""

    field_order = [
        *("name", "auth_method", "keys", "make_pair", "certificates"),
        *("scopes", "networks", "days"),
    ]
    auth_method = forms.ChoiceField(
        label="How it proves itself", choices=AuthMethod.choices
    )
