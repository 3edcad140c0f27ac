"""Forms about break-glass accounts."""

from __future__ import annotations

from django import forms

from apps.accounts.models import User
from apps.accounts.selectors import members
from apps.breakglass.rules import (
    DURATIONS_MINUTES,
    SHORTEST_FINDINGS,
    SHORTEST_REASON,
)


class OpenForm(forms.Form):
    """Why the glass is broken, and for how long."""

    reason = forms.CharField(
        min_length=SHORTEST_REASON,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Every security admin reads this at once.",
    )
    minutes = forms.TypedChoiceField(
        label="For how long",
        coerce=int,
        choices=[(number, f"{number} minutes") for number in DURATIONS_MINUTES],
        initial=15,
    )


class SealForm(forms.Form):
    """Which member becomes a break-glass account."""

    username = forms.ChoiceField(
        label="Member",
        choices=[],
        help_text=(
            "An account of no ordinary day, with hardware keys that lie in a safe."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        field = self.fields["username"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [
            (row.user.username, f"{row.user.display_name} ({row.user.username})")
            for row in members()
            if not row.is_sealed
        ]

    def person(self) -> User:
        """Return the chosen member."""
        return members().get(user__username=self.cleaned_data["username"]).user


class ReviewForm(forms.Form):
    """What the use of the account was."""

    findings = forms.CharField(
        min_length=SHORTEST_FINDINGS,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What was done, whether it was right, and what follows.",
    )
