"""What pages about a person say of their rights on objects."""

from __future__ import annotations

from django import template
from django.utils import timezone

from apps.accounts.models import User
from apps.roles import selectors
from apps.roles.models import ObjectGrant

register = template.Library()


@register.filter
def administered(user: User) -> list[ObjectGrant]:
    """Return what is delegated to a person now, also through groups."""
    rows = selectors.grants_of(user.pk, timezone.now())
    return list(rows.prefetch_related("content_object"))


@register.filter
def scope_text(grant: ObjectGrant) -> str:
    """Return which objects a grant is about."""
    return selectors.say_scope(grant)


@register.filter
def says_field(name: str) -> str:
    """Call the field of an object as its form does, and an attribute by its name."""
    plain = name.removeprefix("attributes__").replace("__", " ").replace("_", " ")
    return {"slug": "short name"}.get(plain, plain)
