"""Take tokens, slow down guessing, break circuits, count what was refused."""

from apps.limits.services.breakers import Call, begin_call, end_call, forget_breaker
from apps.limits.services.buckets import fill, give_back, sweep_buckets, take
from apps.limits.services.local import LocalBuckets
from apps.limits.services.refusals import forget_old, note_refusal
from apps.limits.services.sign_in import (
    check_sign_in,
    note_sign_in_failure,
    note_sign_in_success,
)

__all__ = [
    "Call",
    "LocalBuckets",
    "begin_call",
    "check_sign_in",
    "end_call",
    "fill",
    "forget_breaker",
    "forget_old",
    "give_back",
    "note_refusal",
    "note_sign_in_failure",
    "note_sign_in_success",
    "sweep_buckets",
    "take",
]
