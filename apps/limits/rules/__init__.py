"""Pure rules: token buckets, the addresses of clients, and the table of all buckets."""

from apps.limits.rules.addresses import client_address, client_key, prefix
from apps.limits.rules.buckets import Bucket, Level, Verdict, judge, verdict
from apps.limits.rules.table import GUARDS, Guard, buckets, guard_of

__all__ = [
    "GUARDS",
    "Bucket",
    "Guard",
    "Level",
    "Verdict",
    "buckets",
    "client_address",
    "client_key",
    "guard_of",
    "judge",
    "prefix",
    "verdict",
]
