"""Widgets that are rendered with templates of the project."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.loader import get_template
from django.utils.safestring import SafeString
from typing_extensions import override


class ProjectWidget(forms.Widget):
    """A widget with a template of ours; forms look among Django's own by themselves."""

    template_name: str

    @override
    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: object = None,
    ) -> SafeString:
        """Render with a template of the project."""
        context = self.get_context(name, value, attrs)
        return SafeString(get_template(self.template_name).render(context))
