"""How to reach the database outside Django's connections, for LISTEN."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection


def connection_parameters() -> dict[str, Any]:
    """Return parameters for psycopg: the default database without Django's pool."""
    database = settings.DATABASES["default"]
    options = {k: v for k, v in database["OPTIONS"].items() if k != "pool"}
    parameters = {
        # A test run renames the database after the settings were read.
        "dbname": connection.settings_dict["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return {**{k: v for k, v in parameters.items() if v}, **options}
