"""The whole product in its own processes, and this process beside it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.running import RunningPortal


@contextmanager
def product() -> Iterator[RunningPortal]:
    """Start the product with three agents, and make Django ready for its database."""
    with tempfile.TemporaryDirectory(prefix="portward-bench-") as folder:
        Path(folder).chmod(0o755)
        with RunningPortal(Path(folder) / "data") as portal:
            os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.local"
            os.environ["PORTWARD_DATA_DIR"] = str(portal.data)
            os.environ["PORTWARD_WEB_PORT"] = str(portal.web_port)
            import django  # noqa: PLC0415  # settings depend on the folder made above

            django.setup()
            yield portal
