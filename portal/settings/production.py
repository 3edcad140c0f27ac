"""Real servers. Boots only with every secret and address given."""

from __future__ import annotations

from pathlib import Path

from portal.settings.base import *  # noqa: F403  # the base is meant to be inherited whole
from portal.settings.env import (
    as_count,
    as_list,
    as_pairs,
    database,
    optional,
    required,
)

PORTWARD_ENVIRONMENT = "production"
PORTWARD_DATA_DIR = Path(required("PORTWARD_DATA_DIR", "folder for run-time files"))
SECRET_KEY = required("PORTWARD_SECRET_KEY", "a random string of 50 characters")
DEBUG = False
PORTWARD_WEB_URL = required("PORTWARD_WEB_URL", "the https address of the portal")
PORTWARD_EDGE_URL = required("PORTWARD_EDGE_URL", "the https address of the edge")
ALLOWED_HOSTS = as_list(
    required("PORTWARD_ALLOWED_HOSTS", "host names of the portal, comma separated")
)
CSRF_TRUSTED_ORIGINS = [PORTWARD_WEB_URL]
PORTWARD_TRUSTED_PROXIES = as_count(
    "PORTWARD_TRUSTED_PROXIES",
    required(
        "PORTWARD_TRUSTED_PROXIES", "how many proxies stand before us, 0 for none"
    ),
)
PORTWARD_RATE_LIMITS = as_pairs(optional("PORTWARD_RATE_LIMITS", ""))
PORTWARD_CLIENT_CERT_HEADER = optional("PORTWARD_CLIENT_CERT_HEADER", "")
DATABASES = {
    "default": database(
        required("DATABASE_URL", "postgresql:// address of the run-time role")
    )
}
CELERY_BROKER_URL = required("CELERY_BROKER_URL", "amqps:// or rediss:// address")
PORTWARD_KEY_DIR = Path(
    required("PORTWARD_KEY_DIR", "folder of the signing keys, mode 0700")
)
PORTWARD_ALLOW_DEMO_AUTHENTICATORS = False
PORTWARD_GEOIP_DATABASE = optional("PORTWARD_GEOIP_DATABASE", "")
PORTWARD_OUTGOING_ALLOW = as_list(optional("PORTWARD_OUTGOING_ALLOW", ""))
PORTWARD_AUTHZEN_ACCESS_REQUEST = optional("PORTWARD_AUTHZEN_ACCESS_REQUEST", "")
PORTWARD_ACCESS_REQUEST_CALLBACKS = as_list(
    optional("PORTWARD_ACCESS_REQUEST_CALLBACKS", "")
)
PORTWARD_OUTGOING_CA_FILE = optional("PORTWARD_OUTGOING_CA_FILE", "")
PORTWARD_FEDERATION_ALLOW_PRIVATE = (
    optional("PORTWARD_FEDERATION_ALLOW_PRIVATE", "") == "yes"
)

WEBAUTHN_RP_ID = required("PORTWARD_RP_ID", "host name that passkeys are bound to")
WEBAUTHN_ORIGINS = as_list(
    required("PORTWARD_ORIGINS", "https origins of the portal, comma separated")
)

SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
PORTWARD_DEVICE_COOKIE = "__Host-device"
PORTWARD_ELEVATED_COOKIE = "__Host-elevated"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if optional("PORTWARD_BEHIND_TLS_PROXY", "") == "yes":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = optional("PORTWARD_EMAIL_HOST", "localhost")
EMAIL_PORT = int(optional("PORTWARD_EMAIL_PORT", "587"))
EMAIL_HOST_USER = optional("PORTWARD_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = optional("PORTWARD_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = optional("PORTWARD_EMAIL_TLS", "yes") == "yes"
DEFAULT_FROM_EMAIL = optional("PORTWARD_EMAIL_FROM", "portward@localhost")
