"""Where addresses are, read from a database file in MaxMind's format.

The file is the operator's: none ships with the product, and without one every place is
unknown, which takes signals away from the risk score and adds none.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import maxminddb
from django.conf import settings

from engine.errors import ContextError
from engine.places import normalize_ip

logger = logging.getLogger(__name__)

# Nobody's place: private, shared, loopback, link-local (RFC 1918, 4193, 6598).
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)
_POLE, _DATE_LINE = 90.0, 180.0
_COUNTRY_LENGTH = 2
_LONGEST = 100

_Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class Place:
    """Where an address is, as far as the database knows. Unknown parts are empty."""

    country: str
    city: str
    latitude: float | None
    longitude: float | None


class _PlaceDatabase:
    """The open database of the process, read again when the file is replaced.

    Replace the file by renaming a new one over it: it is mapped into memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._reader: maxminddb.Reader | None = None
        self._problem = ""

    def reader(self, path: str) -> maxminddb.Reader | None:
        """Return the open database, or None when the file cannot be read."""
        stamp = _stamp(path)
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                self._reader, self._problem = _opened(path)
                if self._problem:
                    logger.warning("places are unknown: %s", self._problem)
            return self._reader

    def give_up(self, reader: maxminddb.Reader, problem: str) -> None:
        """Stop reading a file that turned out to be damaged, until it is replaced."""
        with self._lock:
            if self._reader is reader:
                self._reader, self._problem = None, problem
                logger.warning("places are unknown: %s", problem)


_database = _PlaceDatabase()


def locate(address: str) -> Place | None:
    """Return where an address is, or None when that is unknown or nobody's place."""
    path = str(settings.PORTWARD_GEOIP_DATABASE)
    if not path:
        return None
    try:
        known = ipaddress.ip_address(normalize_ip(address))
    except ContextError:
        return None
    if any(known in network for network in _PRIVATE):
        return None
    reader = _database.reader(path)
    if reader is None:
        return None
    # A database of IPv4 addresses only refuses others.
    if known.version > reader.metadata().ip_version:
        return None
    try:
        return _place(reader.get(known))
    except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
        _database.give_up(reader, f"{path}: {error}")
        return None


def place_database_facts() -> tuple[str, dt.datetime] | None:
    """Return the type of the database and when it was built, if there is one."""
    path = str(settings.PORTWARD_GEOIP_DATABASE)
    reader = _database.reader(path) if path else None
    if reader is None:
        return None
    found = reader.metadata()
    built = dt.datetime.fromtimestamp(found.build_epoch, dt.UTC)
    return str(found.database_type), built


def place_database_problem() -> str:
    """Return why the configured database cannot be read; empty when all is well."""
    path = str(settings.PORTWARD_GEOIP_DATABASE)
    if not path:
        return ""
    reader, problem = _opened(path)
    if reader is not None:
        reader.close()
    return problem


def _stamp(path: str) -> _Stamp:
    """Return what changes when a file is replaced, or zeros when there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return (path, 0, 0, 0)
    return (path, found.st_mtime_ns, found.st_ino, found.st_size)


def _opened(path: str) -> tuple[maxminddb.Reader | None, str]:
    """Return the open database and no problem, or no database and the problem."""
    try:
        return maxminddb.open_database(path), ""
    except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
        return None, f"{path}: {error}"


def _place(record: object) -> Place | None:
    """Read a record of a city or country database; other members are not looked at."""
    country = _text(record, "country", "iso_code").upper()
    if len(country) != _COUNTRY_LENGTH:
        country = ""
    latitude = _degrees(_inside(record, "location", "latitude"), _POLE)
    longitude = _degrees(_inside(record, "location", "longitude"), _DATE_LINE)
    if latitude is None or longitude is None:
        latitude = longitude = None
    if not country and latitude is None:
        return None
    return Place(country, _text(record, "city", "names", "en"), latitude, longitude)


def _inside(value: Any, *path: str) -> Any:  # noqa: ANN401  # whatever the file holds
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(record: object, *path: str) -> str:
    found = _inside(record, *path)
    return found[:_LONGEST] if isinstance(found, str) else ""


def _degrees(value: object, limit: float) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -limit <= value <= limit else None
