"""From when, until when and for whom a policy stands: its terms, checked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from apps.policies.rules.content import PolicyContent
from apps.policies.rules.obligations import check_obligations
from apps.policies.rules.problems import Problem, ProblemCode

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_terms(content: PolicyContent) -> Iterator[Problem]:
    """Yield what is wrong with interval, review date and obligations."""
    yield from _interval(content)
    if content.review_on and not _is_date(content.review_on):
        yield Problem(
            ProblemCode.TIME_INVALID,
            "review_on",
            f"“{content.review_on}” is not a date.",
            "Write it like 2026-01-31.",
        )
    yield from check_obligations(content.obligations, content.effect)


def check_owner(content: PolicyContent) -> Iterator[Problem]:
    """Yield a problem where nobody answers for a policy.

    Asked of what is written now; what was approved before there was this rule stands.
    """
    if not content.owner:
        yield Problem(
            ProblemCode.OWNER_MISSING,
            "owner",
            "Nobody answers for the policy.",
            "Name the person or the team that owns it.",
        )


def instant_of(text: str) -> dt.datetime | None:
    """Return an instant that content names, or nothing when it names none."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def instant_text(moment: dt.datetime | None) -> str:
    """Return an instant in the form that content and records have."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""


def _interval(content: PolicyContent) -> Iterator[Problem]:
    texts = {
        "effective_from": content.effective_from,
        "effective_until": content.effective_until,
    }
    found = {name: instant_of(text) for name, text in texts.items()}
    for name, text in texts.items():
        if text and found[name] is None:
            yield Problem(
                ProblemCode.TIME_INVALID,
                name,
                f"“{text}” is not an instant.",
                "Write it in UTC and to the second, like 2026-01-31T12:00:00Z.",
            )
    start, end = found.values()
    if start and end and end <= start:
        yield Problem(
            ProblemCode.TIME_INVALID,
            "effective_until",
            "The policy would end before it begins.",
            "Choose an end after the start.",
        )


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and dt.date.fromisoformat(text))
    except ValueError:
        return False
