"""Access requests of AuthZEN: which denials may be asked about, and what was approved.

OpenID AuthZEN Access Request and Approval profile, working-group draft. A denial stays
a denial: what is said besides never lets anybody in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine.cedar import ROLE_TYPE
from engine.decide import FORBIDDEN, NO_MATCH, Decision, Placed, PolicyEngine, Request
from engine.obligations import UNMET
from engine.roles import Grant, closure
from protocol.records import TIERS, EligibilityRecord, EntityRef

CAPABILITY = "urn:openid:authzen:capability:access-request"
# How long a denial may be asked about.
DENIAL_LIFETIME = dt.timedelta(minutes=10)
_RETRY_SECONDS = 2
# A release that holds what was approved is here long before.
_LONGEST_WAY = dt.timedelta(minutes=2)


class Reason(StrEnum):
    """Why an approval that was shown does not lead to a permit."""

    EXPIRED = "approval_expired"
    OUT_OF_SCOPE = "out_of_scope"
    PENDING = "grant_pending"
    POLICY_DENIED = "policy_denied"
    UNVERIFIABLE = "approval_unverifiable"


class NextAction(StrEnum):
    """What whoever enforces should do next."""

    REQUEST = "request"
    RETRY = "retry"
    NONE = "none"


_NEXT: Mapping[Reason, NextAction] = {
    Reason.EXPIRED: NextAction.REQUEST,
    Reason.OUT_OF_SCOPE: NextAction.REQUEST,
    Reason.PENDING: NextAction.RETRY,
    Reason.POLICY_DENIED: NextAction.NONE,
    Reason.UNVERIFIABLE: NextAction.NONE,
}


@dataclass(frozen=True)
class Approval:
    """What was approved, as it was given to whoever asked."""

    id: str
    approved_at: dt.datetime | None
    approved_until: dt.datetime


def offer(
    engine: PolicyEngine, request: Request, decision: Decision
) -> EligibilityRecord | None:
    """Return what the principal may ask for that would permit this, if anything.

    Of several, the one of the lowest tier and the shortest time. What a policy forbids
    is not offered, and neither is what the principal holds already.
    """
    if decision.allowed or decision.reason != NO_MATCH:
        return None
    placed = engine.place(request)
    fitting = [
        record
        for record in engine.entities.eligibilities
        if _is_offered(engine, record, placed)
    ]
    fitting.sort(key=lambda record: (_tier(record), record.minutes, record.id))
    return next(
        (record for record in fitting if _would_permit(engine, record, placed)), None
    )


def access_request(
    record: EligibilityRecord, *, endpoint: str, now: dt.datetime, token: str
) -> dict[str, Any]:
    """Return the member `context.access_request` of a requestable denial."""
    return {
        "endpoint": endpoint,
        "template": record.tier,
        "expires_at": stamp(now + DENIAL_LIFETIME),
        "binding_token": token,
        "display": {
            "title": record.purpose,
            "description": f"For up to {record.minutes} minutes, once approved.",
        },
    }


def binding_claims(
    request: Request,
    record: EligibilityRecord,
    *,
    evaluation_id: str,
    issuer: str,
    endpoint: str,
) -> dict[str, Any]:
    """Return the claims that bind a request for access to this denial."""
    issued = int(request.now.timestamp())
    until = request.now + DENIAL_LIFETIME
    return {
        "iss": issuer,
        "aud": endpoint,
        "iat": issued,
        "exp": int(until.timestamp()),
        "jti": evaluation_id,
        "evaluation_id": evaluation_id,
        "denial_expires_at": stamp(until),
        "binding_context_members": [],
        "eligibility": record.id,
        "subject": request.principal.to_dict(),
        "action": {"name": request.action},
        "resource": request.resource.to_dict(),
        "context": {},
    }


def parse_approval(context: Mapping[str, Any]) -> Approval | None:
    """Return the approval that a question carries, or None if it carries none.

    Raises ValueError for one that is malformed.
    """
    given = context.get("approval")
    if given is None:
        return None
    members = given if isinstance(given, Mapping) else {}
    ident, approved_at = members.get("id"), members.get("approved_at")
    if not isinstance(ident, str):
        # What was sent is of a wrong form; the caller did nothing wrong.
        raise ValueError("an approval is an object with an id")  # noqa: TRY004
    return Approval(
        ident,
        None if approved_at is None else _moment(approved_at),
        _moment(members.get("approved_until")),
    )


def judge(
    engine: PolicyEngine,
    request: Request,
    decision: Decision,
    *,
    created: dt.datetime,
) -> Reason | None:
    """Say why an approval that was shown did not lead to a permit; None without one.

    `created` is when the release in force was made: what was approved later cannot be
    in it yet.
    """
    try:
        approval = parse_approval(request.context)
    except ValueError:
        return Reason.UNVERIFIABLE
    if approval is None or decision.allowed:
        return None
    found = engine.entities.holdings.by_id(approval.id)
    if found is None:
        return _judge_unknown(approval, now=request.now, created=created)
    principal, grant = found
    if principal != request.principal:
        return Reason.UNVERIFIABLE
    return _judge_grant(engine, request, decision, grant)


def next_step(reason: Reason, *, is_requestable: bool) -> dict[str, Any]:
    """Return what whoever enforces is told to do."""
    action = _NEXT[reason]
    if action is NextAction.REQUEST and not is_requestable:
        action = NextAction.NONE
    found: dict[str, Any] = {"reason": reason.value, "next_action": action.value}
    if action is NextAction.RETRY:
        found["retry_after"] = _RETRY_SECONDS
    return found


def instant(text: str) -> dt.datetime:
    """Return an instant that the release names."""
    return _moment(text)


def stamp(moment: dt.datetime) -> str:
    """Return an instant as the profile writes it."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _judge_unknown(
    approval: Approval, *, now: dt.datetime, created: dt.datetime
) -> Reason:
    if approval.approved_until <= now:
        return Reason.EXPIRED
    since = approval.approved_at
    if since is not None and since >= created and now < since + _LONGEST_WAY:
        return Reason.PENDING
    # It was revoked, or never was.
    return Reason.UNVERIFIABLE


def _judge_grant(
    engine: PolicyEngine, request: Request, decision: Decision, grant: Grant
) -> Reason:
    if grant.end <= request.now:
        return Reason.EXPIRED
    if grant.start > request.now:
        return Reason.PENDING
    places = engine.entities.above_resource(request.resource)
    if grant.scope is not None and grant.scope not in places:
        return Reason.OUT_OF_SCOPE
    is_final = decision.reason in {FORBIDDEN, *UNMET}
    return Reason.POLICY_DENIED if is_final else Reason.OUT_OF_SCOPE


def _is_offered(
    engine: PolicyEngine, record: EligibilityRecord, placed: Placed
) -> bool:
    if record.scope is not None and record.scope not in placed.places:
        return False
    if EntityRef(ROLE_TYPE, record.role) in placed.roles:
        return False
    who = placed.request.principal
    if who in record.principals:
        return True
    if record.holders is None:
        return False
    holdings = engine.entities.holdings
    return record.holders in holdings.standing(who, placed.request.now)


def _would_permit(
    engine: PolicyEngine, record: EligibilityRecord, placed: Placed
) -> bool:
    request, holdings = placed.request, engine.entities.holdings
    asked = (request.principal, request.now, placed.places)
    if holdings.would_break(record.role, *asked):
        return False
    more = closure([record.role], holdings.parents)
    roles = {*placed.roles, *(EntityRef(ROLE_TYPE, name) for name in more)}
    return engine.would_permit(replace(placed, roles=tuple(sorted(roles))))


def _tier(record: EligibilityRecord) -> int:
    return TIERS.index(record.tier)


def _moment(value: object) -> dt.datetime:
    found = dt.datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError("a time has a zone")
    return found
