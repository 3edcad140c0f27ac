"""Show what was refused lately."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from apps.limits import selectors

_PERIOD = dt.timedelta(hours=24)
_COLUMNS = ("HOUR (UTC)", "CODE", "NETWORK", "COUNT")


class Command(BaseCommand):
    """Print counts per hour, code and network."""

    help = (
        "Print what was refused in the last 24 hours: when, why, for whom, how often."
    )

    @override
    def handle(self, *_args: object, **_options: Any) -> None:
        rows = [
            (f"{row.hour:%Y-%m-%d %H:%M}", row.code, row.prefix, str(row.count))
            for row in selectors.refusals(_PERIOD)
        ]
        if not rows:
            self.stdout.write("Nothing was refused in the last 24 hours.")
            return
        table = [_COLUMNS, *rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            cells = (
                text.ljust(width) for text, width in zip(line, widths, strict=True)
            )
            self.stdout.write("  ".join(cells).rstrip())
