"""Token buckets that all processes share, in one table of PostgreSQL."""

from __future__ import annotations

from apps.limits import rules
from apps.limits.rules import Bucket, Level, Verdict
from apps.limits.services.storage import committed, digest

# The row's lock makes competitors wait for each other, and the one that waited judges
# by what the other wrote. The clock is the database's, so that all processes agree.
_TAKE = """
INSERT INTO limits_bucketlevel AS held (key, full_at, at, is_allowed)
SELECT %(key)s, clock.now + %(price)s, clock.now, true
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock
ON CONFLICT (key) DO UPDATE SET
    at = excluded.at,
    is_allowed = greatest(held.full_at, excluded.at) + %(price)s - excluded.at
        <= %(tolerance)s,
    full_at = CASE
        WHEN greatest(held.full_at, excluded.at) + %(price)s - excluded.at
            <= %(tolerance)s
        THEN greatest(held.full_at, excluded.at) + %(price)s
        ELSE held.full_at
    END
RETURNING full_at, at, is_allowed
"""
_GIVE_BACK = "UPDATE limits_bucketlevel SET full_at = full_at - %s WHERE key = %s"
_FORGET = "DELETE FROM limits_bucketlevel WHERE key = %s"
# A full bucket says nothing that its absence does not say.
_SWEEP = """
DELETE FROM limits_bucketlevel
WHERE full_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
"""


def take(bucket: Bucket, key: str, *, cost: int = 1) -> Verdict:
    """Take tokens for a key, or say when there will be enough.

    Raises LimiterUnavailableError when the database cannot answer.
    """
    if not 0 < cost <= bucket.burst:
        raise ValueError(f"{bucket.name}: a cost of {cost} can never be paid")
    parameters: dict[str, str | int] = {
        "key": digest(bucket.name, key),
        "price": cost * bucket.interval,
        "tolerance": bucket.tolerance,
    }
    with committed() as cursor:
        cursor.execute(_TAKE, parameters)
        level = Level(*cursor.fetchone())
    return rules.verdict(bucket, level, cost=cost)


def give_back(bucket: Bucket, key: str, *, cost: int = 1) -> None:
    """Return tokens that were taken for something that did not count."""
    with committed() as cursor:
        cursor.execute(_GIVE_BACK, [cost * bucket.interval, digest(bucket.name, key)])


def fill(bucket: Bucket, key: str) -> None:
    """Make a bucket full again."""
    with committed() as cursor:
        cursor.execute(_FORGET, [digest(bucket.name, key)])


def sweep_buckets() -> int:
    """Remove the rows of full buckets; return how many there were."""
    with committed() as cursor:
        cursor.execute(_SWEEP)
        return int(cursor.rowcount)
