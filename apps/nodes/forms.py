"""What people enter about nodes."""

from __future__ import annotations

from typing import Any

from django import forms
from typing_extensions import override

from apps.nodes import rules, selectors
from apps.nodes.errors import NodeNameError


class JoinTokenForm(forms.Form):
    """Which machine may enroll."""

    name = forms.CharField(
        max_length=63, help_text="The machine's name, for example web-1.berlin."
    )
    groups = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple
    )

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(group.slug, group.name) for group in selectors.groups()]
        self.fields["groups"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def clean_name(self) -> str:
        """Refuse a name that is none, beside the field."""
        name = str(self.cleaned_data["name"]).strip().lower()
        if not rules.is_node_name(name):
            error = NodeNameError()
            raise forms.ValidationError(f"{error.message} {error.remedy}")
        return name
