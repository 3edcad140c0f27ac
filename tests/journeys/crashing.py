"""A process that does one piece of work and is killed at a chosen step of it.

Usage: python -m tests.journeys.crashing WORK MOMENT TARGET < DETAILS

WORK is `vote` or `drain`, MOMENT is `before` or `after`, and TARGET names a function as
`module:name`. Reaching that moment of that function, the process sends itself SIGKILL:
nothing is flushed, closed, rolled back or told to anybody.
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import sys
from collections.abc import Callable
from typing import Any

import django


def arm(moment: str, target: str) -> None:
    """Put a wrapper that kills this process in the place of a function."""
    from apps.outbox import services as outbox  # noqa: PLC0415  # needs Django set up

    path, _, name = target.replace(":", ".").rpartition(".")
    owner = pkgutil.resolve_name(path)
    function = getattr(owner, name)
    fatal = _fatal(function, moment)
    setattr(owner, name, fatal)
    for topic, handler in outbox._handlers.items():
        if handler is function:
            outbox._handlers[topic] = fatal


def _fatal(function: Callable[..., Any], moment: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return call


def vote(details: dict[str, Any], moment: str, target: str) -> None:
    """Record a vote as a request to the web server does."""
    from apps.accounts.models import User  # noqa: PLC0415  # needs Django set up
    from apps.accounts.services import actor_for  # noqa: PLC0415
    from apps.approvals.choices import Verdict  # noqa: PLC0415
    from apps.approvals.services import record_vote  # noqa: PLC0415
    from apps.tenants.services import tenant_scope  # noqa: PLC0415

    with tenant_scope(details["tenant"]):
        voter = User.objects.get(pk=details["voter"])
        actor = actor_for(voter)
    # Only now, so that the first commit from here on is the vote's.
    arm(moment, target)
    with tenant_scope(details["tenant"]):
        record_vote(
            actor=actor,
            voter=voter,
            request_id=details["request"],
            verdict=Verdict.APPROVE,
            reason="",
            ceremony_id=details["ceremony"],
            credential=details["credential"],
        )


def drain(_details: dict[str, Any], moment: str, target: str) -> None:
    """Deliver what is due as the worker does."""
    from apps.outbox import services as outbox  # noqa: PLC0415  # needs Django set up

    arm(moment, target)
    outbox.drain()


def main(work: str, moment: str, target: str) -> None:
    """Do the work; returning from it means that the step was never reached."""
    django.setup()
    {"vote": vote, "drain": drain}[work](json.load(sys.stdin), moment, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
