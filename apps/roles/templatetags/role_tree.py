"""What the tree of roles needs in its template."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from apps.roles.models import Role

register = template.Library()


@register.filter
def item(rows: Mapping[str, Role], slug: str) -> Role:
    """Return the row of a role."""
    return rows[slug]
