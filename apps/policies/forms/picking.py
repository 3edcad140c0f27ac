"""Fields in which things are picked out of thousands.

Without JavaScript a picker is a list of boxes that are ticked, with a field to find
more; with it, chips and a list that opens while one types.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms
from django.urls import reverse_lazy
from typing_extensions import override

from apps.policies.forms.widgets import ProjectWidget
from apps.policies.rules import Choice


class PickWidget(ProjectWidget, forms.SelectMultiple):
    """Boxes for what is picked and for what was found."""

    template_name = "admin/policies/picker.html"

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.labels: Mapping[str, Choice] = {}
        self.found: Sequence[Choice] = ()
        self.sought = ""

    @override
    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the template shows; unknown values are shown as they are."""
        context = forms.Widget.get_context(self, name, value, attrs)
        chosen = list(dict.fromkeys(value or ()))
        context["widget"] |= {
            "kind": self.kind,
            "chosen": [self.labels.get(v) or Choice(v, v) for v in chosen],
            "found": [choice for choice in self.found if choice.value not in chosen],
            "sought": self.sought,
            "find_url": reverse_lazy("admin:policies_policy_find", args=[self.kind]),
        }
        return context

    @override
    def use_required_attribute(self, initial: Any) -> bool:
        return False


class PickField(forms.Field):
    """Values that were picked; rules say whether they exist."""

    widget: PickWidget

    def __init__(self, kind: str, *, label: str, help_text: str) -> None:
        super().__init__(
            required=False, widget=PickWidget(kind), label=label, help_text=help_text
        )

    @override
    def clean(self, value: Any) -> list[str]:
        return [text for text in value or () if text]

    def show(
        self, labels: Collection[Choice], found: Sequence[Choice], sought: str
    ) -> None:
        """Take what the values are called, and what was found for a text."""
        self.widget.labels = {choice.value: choice for choice in labels}
        self.widget.found, self.widget.sought = found, sought
