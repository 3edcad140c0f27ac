"""Pure rules: token buckets, the addresses of clients, and the table of all buckets."""

from apps.limits.rules.addresses import client_address, client_key, prefix
from apps.limits.rules.buckets import Bucket, Level, Verdict, judge, verdict
from apps.limits.rules.headers import Counted, limit_headers
from apps.limits.rules.table import GUARDS, Guard, body_limit, buckets, guard_of

__all__ = [
    "GUARDS",
    "Bucket",
    "Counted",
    "Guard",
    "Level",
    "Verdict",
    "body_limit",
    "buckets",
    "client_address",
    "client_key",
    "guard_of",
    "judge",
    "limit_headers",
    "prefix",
    "verdict",
]
