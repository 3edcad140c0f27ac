"""One machine, embedded services: what `make up` uses.

The same file works against real servers: set DATABASE_URL, CELERY_BROKER_URL and
friends, and nothing embedded is started.
"""

from __future__ import annotations

from portal.runtime.layout import Layout
from portal.settings.base import *  # noqa: F403  # the base is meant to be inherited whole
from portal.settings.env import (
    as_count,
    as_list,
    as_pairs,
    data_dir,
    database,
    optional,
    secret_file,
)

PORTWARD_ENVIRONMENT = "local"
PORTWARD_DATA_DIR = data_dir()
_layout = Layout(PORTWARD_DATA_DIR)

SECRET_KEY = optional("PORTWARD_SECRET_KEY", "") or secret_file(
    PORTWARD_DATA_DIR / "secrets" / "django-secret-key"
)
DEBUG = False
PORTWARD_WEB_PORT = int(optional("PORTWARD_WEB_PORT", "8000"))
PORTWARD_EDGE_PORT = int(optional("PORTWARD_EDGE_PORT", "8001"))
PORTWARD_WEB_URL = optional("PORTWARD_WEB_URL", f"http://localhost:{PORTWARD_WEB_PORT}")
PORTWARD_EDGE_URL = optional(
    "PORTWARD_EDGE_URL", f"http://127.0.0.1:{PORTWARD_EDGE_PORT}"
)
ALLOWED_HOSTS = as_list(optional("PORTWARD_ALLOWED_HOSTS", "localhost"))
CSRF_TRUSTED_ORIGINS = [PORTWARD_WEB_URL]
PORTWARD_TRUSTED_PROXIES = as_count(
    "PORTWARD_TRUSTED_PROXIES", optional("PORTWARD_TRUSTED_PROXIES", "0")
)
PORTWARD_RATE_LIMITS = as_pairs(optional("PORTWARD_RATE_LIMITS", ""))
PORTWARD_CLIENT_CERT_HEADER = optional("PORTWARD_CLIENT_CERT_HEADER", "")

DATABASES = {
    "default": database(optional("DATABASE_URL", _layout.database_url("portward_app")))
}
CELERY_BROKER_URL = optional("CELERY_BROKER_URL", _layout.broker_url())

PORTWARD_KEY_DIR = PORTWARD_DATA_DIR / "keys"
# A software authenticator approves the first release of the demo; see the docs.
PORTWARD_ALLOW_DEMO_AUTHENTICATORS = True
PORTWARD_GEOIP_DATABASE = optional("PORTWARD_GEOIP_DATABASE", "")
PORTWARD_OUTGOING_ALLOW = as_list(optional("PORTWARD_OUTGOING_ALLOW", ""))
PORTWARD_OUTGOING_ALLOW_LOOPBACK = (
    optional("PORTWARD_OUTGOING_ALLOW_LOOPBACK", "") == "yes"
)
PORTWARD_AUTHZEN_ACCESS_REQUEST = optional("PORTWARD_AUTHZEN_ACCESS_REQUEST", "")
PORTWARD_ACCESS_REQUEST_CALLBACKS = as_list(
    optional("PORTWARD_ACCESS_REQUEST_CALLBACKS", "")
)
PORTWARD_OUTGOING_CA_FILE = optional("PORTWARD_OUTGOING_CA_FILE", "")
PORTWARD_FEDERATION_ALLOW_PRIVATE = (
    optional("PORTWARD_FEDERATION_ALLOW_PRIVATE", "") == "yes"
)

WEBAUTHN_RP_ID = optional("PORTWARD_RP_ID", "localhost")
WEBAUTHN_ORIGINS = as_list(optional("PORTWARD_ORIGINS", PORTWARD_WEB_URL))
