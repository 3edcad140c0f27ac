"""What happened, in the words of people; the trail itself keeps keys and codes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django import template
from django.apps import apps

from apps.audit.models import AuditEntry

register = template.Library()
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMES = ("title", "name", "node")


@register.filter
def event_words(entry: AuditEntry) -> str:
    """Say what was done: `approvals.change_set_created` is a change set created."""
    family, _, done = entry.action.partition(".")
    is_app = apps.is_installed(f"apps.{family}")
    words = done if is_app else f"{family} {done}"
    return words.replace("_", " ").strip().capitalize()


@register.filter
def event_about(entry: AuditEntry) -> str:
    """Name what an entry is about, if it has a name and not only a key."""
    for known in (entry.context, entry.after, entry.before):
        if not isinstance(known, dict):
            continue
        for field in _NAMES:
            if isinstance(known.get(field), str) and known[field]:
                return str(known[field])
        if isinstance(known.get("revision"), int):
            return f"revision {known['revision']}"
    return "" if _KEY.fullmatch(entry.target_id) else entry.target_id


@register.filter
def named(pairs: Iterable[tuple[str, str]] | None, value: str) -> str:
    """Return the name that stands beside a value, or the value itself."""
    return dict(pairs or ()).get(value, value)
