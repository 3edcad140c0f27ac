"""What happened, in the words of people; the trail itself keeps keys and codes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from django import template
from django.apps import apps
from django.utils import timezone
from django.utils.timesince import timesince

from apps.audit.models import AuditEntry
from apps.roles.choices import Tier

register = template.Library()
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECOND, _MINUTE = 1000, 60_000
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
    is_plain = _KEY.fullmatch(entry.target_id) or entry.target_id == entry.actor_name
    return "" if is_plain else entry.target_id


@register.filter
def named(pairs: Iterable[tuple[str, str]] | None, value: str) -> str:
    """Return the name that stands beside a value, or the value itself."""
    return dict(pairs or ()).get(value, value)


@register.filter
def ago(moment: dt.datetime) -> str:
    """Say how long ago it was, and not that it was no minutes ago."""
    if timezone.now() - moment < dt.timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment)} ago"


@register.filter
def lasting(seconds: int) -> str:
    """Say how long it lasts: 300 is 5 minutes, 86400 a day."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        number, rest = divmod(int(seconds), size)
        if number and not rest:
            return f"{number} {word}" if number == 1 else f"{number} {word}s"
    return "no time"


@register.filter
def delay(milliseconds: float) -> str:
    """Say how long something took, as exactly as one wants to know it."""
    if milliseconds < _SECOND:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.1f} s"
    return f"{milliseconds / _MINUTE:.0f} min"


@register.filter
def named_tier(tier: str) -> str:
    """Return what a tier is called."""
    return str(Tier(tier).label) if tier in Tier.values else tier
