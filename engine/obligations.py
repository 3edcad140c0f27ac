"""What a decision asks for besides its answer (AuthZEN obligations, draft 2026-07-03).

Whether somebody has proven enough is judged here, and what is unknown never helps: the
answer is no, with what they would have to do. What is left for whoever enforces the
answer is emitted only to those who say that they can carry it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.records import CHECKS, EntityRef, Obligation, PolicyRecord

STEP_UP, NOTIFICATION = "step-up", "notification"
SESSION_TERMINATION = "session_termination"
SUPPORTED = (NOTIFICATION, SESSION_TERMINATION, STEP_UP)
STEP_UP_REQUIRED = "step_up_required"
DEVICE_NOT_TRUSTED = "device_not_trusted"
RISK_TOO_HIGH = "risk_too_high"
UNSUPPORTED = "obligation_unsupported"
# The soonest to mend first: it names the reason when several are unmet.
_REASONS = dict(
    zip(CHECKS, (STEP_UP_REQUIRED, DEVICE_NOT_TRUSTED, RISK_TOO_HIGH), strict=True)
)
UNMET = (*_REASONS.values(), UNSUPPORTED)
_ACR = "urn:portward:acr"


@dataclass(frozen=True)
class Duty:
    """An obligation in the form in which AuthZEN writes it."""

    id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"id": self.id, "type": self.type, "properties": dict(self.properties)}


@dataclass(frozen=True)
class Judged:
    """What is asked for; a reason, when that turns a permit into a denial."""

    duties: tuple[Duty, ...]
    reason: str = ""


def judge(
    policies: Iterable[PolicyRecord],
    principal: EntityRef,
    context: Mapping[str, Any],
    *,
    is_permit: bool,
) -> Judged:
    """Say what the policies that decided ask for, and whether a permit stands.

    `context` is that of the question, after its types were checked. All that any of
    them asks for is asked for.
    """
    asked = list(_asked(policies))
    duties = [_duty(name, one, principal) for name, one in asked if not _is_check(one)]
    supported = supported_by(context)
    possible = tuple(duty for duty in duties if duty.type in supported)
    if not is_permit:
        return Judged(possible)
    unmet = [
        (name, one) for name, one in asked if _is_check(one) and not met(one, context)
    ]
    if unmet:
        unmet.sort(key=lambda pair: CHECKS.index(pair[1].type))
        steps = tuple(_duty(name, one, principal) for name, one in unmet)
        return Judged((*steps, *possible), _REASONS[unmet[0][1].type])
    if len(possible) < len(duties):
        # Whoever cannot do all of it must deny, and still do what they can.
        return Judged(possible, UNSUPPORTED)
    return Judged(possible)


def met(obligation: Obligation, context: Mapping[str, Any]) -> bool:
    """Say whether a question proves what a check asks for; unknown proves nothing."""
    match obligation.type:
        case "mfa":
            level, age = context.get("mfa"), context.get("mfa_age")
            if level is None or level < obligation.level:
                return False
            return not obligation.max_age or (
                age is not None and age <= obligation.max_age
            )
        case "device_trust":
            return (context.get("device") or {}).get("trusted") is True
        case "max_risk":
            risk = context.get("risk")
            return risk is not None and risk <= obligation.at_most
        case _:
            return True


def supported_by(context: Mapping[str, Any]) -> frozenset[str]:
    """Return what whoever asks can carry out; who does not say can do nothing."""
    return frozenset(context.get("supported_obligations") or ())


def _asked(policies: Iterable[PolicyRecord]) -> Iterator[tuple[str, Obligation]]:
    """Yield all obligations of some policies, each with a name of its own."""
    for policy in sorted(policies, key=lambda policy: policy.slug):
        for number, obligation in enumerate(policy.obligations):
            yield f"{policy.slug}/{number}", obligation


def _is_check(obligation: Obligation) -> bool:
    return obligation.type in CHECKS


def _duty(name: str, asked: Obligation, principal: EntityRef) -> Duty:
    match asked.type:
        case "mfa":
            found: dict[str, Any] = {"acr_value": f"{_ACR}:mfa:{asked.level}"}
            age = {"max_age": asked.max_age} if asked.max_age else {}
            return Duty(name, STEP_UP, found | {"amr_values": ["mfa"]} | age)
        case "device_trust":
            return Duty(name, STEP_UP, {"acr_value": f"{_ACR}:trusted-device"})
        case "max_risk":
            return Duty(name, STEP_UP, {"acr_value": f"{_ACR}:risk:{asked.at_most}"})
        case "notify":
            topic = {"topic": asked.topic} if asked.topic else {}
            return Duty(
                name, NOTIFICATION, {"to": asked.to, "body": asked.body} | topic
            )
        case _:
            subject = principal.to_dict()
            return Duty(name, SESSION_TERMINATION, {"subject": subject})


def as_json(duties: Sequence[Duty]) -> list[dict[str, Any]]:
    """Return the JSON form of some duties."""
    return [duty.to_dict() for duty in duties]
