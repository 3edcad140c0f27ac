"""Offset transitions of IANA zones, shipped so that all nodes agree on local time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocol.errors import RecordError

HORIZON_DAYS = 400
_HOUR = 3600

# Zone name to [UTC epoch second, offset in seconds]; the first is in force at creation.
Transitions = Mapping[str, Sequence[Sequence[int]]]


def zone_transitions(zone: str, created_epoch: int) -> list[list[int]]:
    """Return the offset in force and every change within the next 400 days.

    Raises RecordError when there is no such zone.
    """
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RecordError(f"zone: there is no {zone!r}", field="zone") from error
    known = _offset(info, created_epoch)
    found = [[created_epoch, known]]
    step = created_epoch - created_epoch % _HOUR
    for hour in range(1, HORIZON_DAYS * 24 + 1):
        later = step + hour * _HOUR
        offset = _offset(info, later)
        if offset != known:
            found.append([_exact(info, later - _HOUR, later), offset])
            known = offset
    return found


def _offset(info: ZoneInfo, epoch: int) -> int:
    moment = dt.datetime.fromtimestamp(epoch, info)
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _exact(info: ZoneInfo, before: int, after: int) -> int:
    """Return the first second of the new offset between two instants."""
    old = _offset(info, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(info, middle) == old:
            before = middle
        else:
            after = middle
    return after
