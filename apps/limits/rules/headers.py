"""What an answer says about limits.

draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields (RFC 9651), one
member per bucket that the request was counted in.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.limits.rules.buckets import Bucket, Verdict

Counted = Sequence[tuple[Bucket, Verdict]]


def limit_headers(counted: Counted) -> dict[str, str]:
    """Return RateLimit-Policy and RateLimit, and Retry-After for a refusal."""
    if not counted:
        return {}
    headers = {
        "RateLimit-Policy": ", ".join(
            f'"{bucket.name}";q={bucket.burst};w={bucket.window}'
            for bucket, _ in counted
        ),
        "RateLimit": ", ".join(
            f'"{bucket.name}";r={verdict.remaining};t={verdict.reset_seconds}'
            for bucket, verdict in counted
        ),
    }
    waits = [verdict.retry_after for _, verdict in counted if not verdict.is_allowed]
    if waits:
        headers["Retry-After"] = str(max(1, *waits))
    return headers
