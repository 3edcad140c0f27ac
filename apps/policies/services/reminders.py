"""What the clock brings: reminders, and releases without versions that are over."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.notifications.choices import Event
from apps.outbox import services as outbox
from apps.policies import selectors
from apps.policies.events import PoliciesTopic
from apps.policies.models import PolicyReminder, PolicyVersion
from apps.policies.rules import lifecycle, timeline
from apps.policies.services.telling import tell_once

_DAY = dt.timedelta(days=1)


@transaction.atomic
def tend_policies(*, now: dt.datetime) -> int:
    """Remind of ends and reviews, once each, and ask for a release after a change over.

    A forbid past its end that nobody decided about stays in force, and is told again
    each day. Returns how much was done.
    """
    shipped = selectors.shipped_versions(now)
    dues = {due.version.pk: due.at for due in selectors.dues(now)}
    done = 0
    for one in shipped:
        if one.span.is_over(now):
            continue
        version = one.version
        done += _remind_of_review(version, now)
        if version.pk in dues:
            done += _ask_about_end(version, dues[version.pk], now)
        elif version.effective_until is not None:
            done += _remind_of_end(version, version.effective_until, now)
    return done + _leave_behind(now)


def _remind_of_review(version: PolicyVersion, now: dt.datetime) -> int:
    text = version.content.get("review_on", "")
    if not text:
        return 0
    when = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    days = lifecycle.reminder_of(when, now)
    if days is None:
        return 0
    soon = f"within {_days(days)}" if days else "now"
    return tell_once(
        version.policy,
        f"review:{text}:{days}",
        event=Event.POLICY_REVIEW_DUE,
        owner=version.content["owner"],
        title=f"Review the policy “{version.policy.name}” {soon}",
        body=f"Its review is due on {text}. Set a later date when it is still right.",
    )


def _remind_of_end(version: PolicyVersion, end: dt.datetime, now: dt.datetime) -> int:
    days = lifecycle.reminder_of(end, now)
    if not days:
        return 0
    return tell_once(
        version.policy,
        f"end:{version.number}:{end:%Y-%m-%dT%H:%M:%SZ}:{days}",
        event=Event.POLICY_ENDING,
        owner=version.content["owner"],
        title=f"The policy “{version.policy.name}” ends within {_days(days)}",
        body=f"Version {version.number} ends on {end:%Y-%m-%d %H:%M} UTC.",
    )


def _ask_about_end(version: PolicyVersion, due: dt.datetime, now: dt.datetime) -> int:
    days = lifecycle.reminder_of(due, now)
    if days is None:
        return 0
    # Past its end it is told again each day, until somebody decides.
    mark = f"{days}" if days else f"late:{(now - due) // _DAY}"
    soon = f"within {_days(days)}" if days else "since its end passed"
    return tell_once(
        version.policy,
        f"decide:{version.number}:{due:%Y-%m-%dT%H:%M:%SZ}:{mark}",
        event=Event.POLICY_ENDING,
        owner=version.content["owner"],
        title=f"Decide about the end of “{version.policy.name}” {soon}",
        body=f"It forbids, and names {due:%Y-%m-%d %H:%M} UTC as its end. Extend it or "
        "let it end. Until somebody decides, it stays in force.",
        urgent=not days,
    )


def _leave_behind(now: dt.datetime) -> int:
    """Ask once for a release after each instant from which nodes need less."""
    over = now - timeline.GRACE
    asked = 0
    for row in selectors.ended_since(over - _DAY, over):
        for bound in (row.effective_from, row.effective_until):
            if bound is not None and over - _DAY < bound <= over:
                _, is_new = PolicyReminder.objects.get_or_create(
                    tenant_id=row.tenant_id,
                    policy_id=row.policy_id,
                    key=f"left:{row.number}:{bound:%Y-%m-%dT%H:%M:%SZ}",
                )
                asked += is_new
    if asked:
        outbox.enqueue(
            topic=PoliciesTopic.STATE_CHANGED,
            payload={"cause": {"act": "change_over", "target": str(asked)}},
            coalesce_key="policies:change_over",
        )
    return asked


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
