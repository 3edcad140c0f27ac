"""Whether somebody is told by mail, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from apps.notifications.choices import Event, Mail

# What tells people that somebody else may be at work is always mailed at once.
FORCED = frozenset({Event.ASSIGNMENT_OUT_OF_BAND, Event.ELEVATION_ACTIVATED})
_BY_DIGEST = frozenset(
    {Event.LINTER_FINDING, Event.DELEGATION_ENDED, Event.ELEVATION_ENDED}
)


def default_of(event: Event) -> Mail:
    """Return how people are told who have chosen nothing."""
    return Mail.DIGEST if event in _BY_DIGEST else Mail.AT_ONCE


def mail_for(event: Event, chosen: Mapping[str, str], *, is_urgent: bool) -> Mail:
    """Return how a person is told about an event by mail.

    What is urgent does not wait for a digest, but whoever switched an event off is not
    mailed about it.
    """
    if event in FORCED:
        return Mail.AT_ONCE
    mail = Mail(chosen.get(event, default_of(event)))
    return Mail.AT_ONCE if is_urgent and mail is Mail.DIGEST else mail
