"""Forms about sessions and freezes."""

from __future__ import annotations

from django import forms

from apps.accounts.models import User
from apps.accounts.selectors import members


class FreezeForm(forms.Form):
    """Whom to keep from working, why, and for how long."""

    username = forms.ChoiceField(label="Person", choices=[])
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The person reads this.",
    )
    instructions = forms.CharField(
        max_length=500,
        required=False,
        label="What they should do",
        help_text="For example whom to call. They can also appeal on the page.",
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=720,
        initial=8,
        help_text="It ends by itself, after 30 days (720 hours) at the latest.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        field = self.fields["username"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [
            (row.user.username, f"{row.user.display_name} ({row.user.username})")
            for row in members()
        ]

    def person(self) -> User:
        """Return the chosen member."""
        return members().get(user__username=self.cleaned_data["username"]).user


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}), label="Why"
    )


class FallbackForm(forms.Form):
    """User name, password and a code, asked for together."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none"}
        ),
        help_text="From your authenticator app, or one of your recovery codes.",
    )
