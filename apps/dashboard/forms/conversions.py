"""Whose standing assignments become a right to ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from apps.dashboard.selectors import Holding


class ConversionForm(forms.Form):
    """Whose standing assignments become a right to ask, and on what terms."""

    purpose = forms.CharField(
        label="What people ask for",
        max_length=100,
        help_text="They see it in the list of what they may ask for.",
    )
    minutes = forms.IntegerField(label="For at most so many minutes", min_value=1)
    reason = forms.CharField(
        label="Reason", max_length=1000, widget=forms.Textarea({"rows": 3})
    )
    held = forms.MultipleChoiceField(
        error_messages={"required": "Choose at least one."}
    )

    def __init__(
        self,
        data: Any,  # noqa: ANN401  # what Django's forms take
        *,
        held: Sequence[Holding],
        ceiling: int,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(data, **options)
        choices = [(str(one.row.pk), str(one.row.principal)) for one in held]
        self.fields["held"] = forms.MultipleChoiceField(
            choices=choices, error_messages={"required": "Choose at least one."}
        )
        self.fields["minutes"].help_text = f"From 1 to {ceiling}."
