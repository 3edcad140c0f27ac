"""Offset transitions of IANA zones, shipped so that all nodes agree on local time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocol.errors import RecordError

HORIZON_DAYS = 400
_HOUR = 3600
_DAY = 24 * _HOUR

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
    ends = created_epoch - created_epoch % _HOUR + HORIZON_DAYS * 24 * _HOUR
    later = [
        [moment, offset]
        for moment, offset in _changes(zone, created_epoch // _DAY)
        if created_epoch < moment <= ends
    ]
    return [[created_epoch, _offset(info, created_epoch)], *later]


def zone_offset(zone: str, epoch: int) -> int:
    """Return the offset of a zone at an instant, in seconds.

    Raises RecordError when there is no such zone.
    """
    try:
        return _offset(ZoneInfo(zone), epoch)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RecordError(f"zone: there is no {zone!r}", field="zone") from error


@lru_cache(maxsize=1024)
def _changes(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """Return the changes of a zone since a day began, a little beyond the horizon.

    Remembered, because releases of one day all need the same.
    """
    info = ZoneInfo(zone)
    begins = day * _DAY
    known, found = _offset(info, begins), []
    for hour in range(1, (HORIZON_DAYS + 1) * 24 + 1):
        later = begins + hour * _HOUR
        offset = _offset(info, later)
        if offset != known:
            found.append((_exact(info, later - _HOUR, later), offset))
            known = offset
    return tuple(found)


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
