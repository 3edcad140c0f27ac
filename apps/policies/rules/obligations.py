"""What a policy asks for besides its conditions, checked as nodes will check it.

AuthZEN Obligations profile, draft of 2026-07-03.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from apps.policies.rules.problems import Problem, ProblemCode
from protocol.errors import RecordError
from protocol.records import CHECKS, Obligation
from protocol.records import parse_obligation as parse_record

__all__ = ["Obligation", "check_obligations", "in_order", "parse_obligation"]

MOST_OBLIGATIONS = 20
_FORMS = (
    "mfa (level, max_age in seconds), device_trust, max_risk (at_most), "
    "notify (to, body, topic) or end_session"
)


def parse_obligation(value: object, place: str) -> Obligation | Problem:
    """Parse the JSON form of an obligation, or say what is wrong with its shape."""
    given = {"properties": {}, **value} if isinstance(value, Mapping) else value
    try:
        return parse_record(given, place)
    except RecordError as error:
        return Problem(
            ProblemCode.FIELD_TYPE,
            place,
            f"“{place}” is not an obligation: {error}.",
            f"Write type and properties of one of {_FORMS}.",
        )


def in_order(obligations: Sequence[Obligation]) -> tuple[Obligation, ...]:
    """Return obligations without repetition, in an order that means nothing."""
    return tuple(sorted(set(obligations)))


def check_obligations(
    obligations: Sequence[Obligation], effect: str
) -> Iterator[Problem]:
    """Yield what is wrong with obligations that are well formed each by itself."""
    kinds = [one.type for one in obligations]
    for kind in sorted({k for k in kinds if kinds.count(k) > 1 and k != "notify"}):
        yield Problem(
            ProblemCode.OBLIGATION_TWICE,
            "obligations",
            f"The obligation “{kind}” is there twice.",
            "Keep the stricter one.",
        )
    checks = sorted({kind for kind in kinds if kind in CHECKS})
    if effect == "forbid" and checks:
        yield Problem(
            ProblemCode.OBLIGATION_OF_FORBID,
            "obligations",
            f"A forbid cannot ask for “{checks[0]}”: nothing that is proven lifts it.",
            "Use a condition instead; a forbid may notify and end the session.",
        )
    if len(obligations) > MOST_OBLIGATIONS:
        yield Problem(
            ProblemCode.TOO_LARGE,
            "obligations",
            f"The policy has {len(obligations)} obligations; {MOST_OBLIGATIONS} is the "
            "limit.",
            "Remove some, or split the policy.",
        )
