"""The test run: a throw-away PostgreSQL and folder, made by tests/embedded_database."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from portal.settings.base import *  # noqa: F403  # the base is meant to be inherited whole
from portal.settings.env import database, optional

PORTWARD_ENVIRONMENT = "test"
PORTWARD_DATA_DIR = Path(
    optional("PORTWARD_TEST_DIR", tempfile.gettempdir() + f"/portward-{os.getpid()}")
)
SECRET_KEY = "only for tests, where nothing is worth protecting"  # noqa: S105  # not a secret
DEBUG = False
PORTWARD_WEB_PORT = 8000
PORTWARD_EDGE_PORT = 8001
PORTWARD_WEB_URL = "http://localhost"
PORTWARD_EDGE_URL = "http://127.0.0.1:8001"
ALLOWED_HOSTS = ["localhost", "testserver"]
DATABASES = {
    "default": database(
        optional("DATABASE_URL", "postgresql://portward_owner@localhost/portward"),
        pool_size=0,
    )
}
CELERY_BROKER_URL = "memory://"
PORTWARD_KEY_DIR = PORTWARD_DATA_DIR / "keys"
PORTWARD_ALLOW_DEMO_AUTHENTICATORS = True
WEBAUTHN_RP_ID = "localhost"
# Browser tests add the live server's origin, whose port is not known beforehand.
WEBAUTHN_ORIGINS = [PORTWARD_WEB_URL]
# Static files come from their sources; nothing is collected for a test.
WHITENOISE_AUTOREFRESH = True
