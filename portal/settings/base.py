"""Settings that hold everywhere. Nothing here is a secret or depends on a place."""

from __future__ import annotations

from typing import Any

import django_stubs_ext
from celery.schedules import crontab
from kombu import Exchange, Queue

from portal.settings.env import ROOT

django_stubs_ext.monkeypatch()

INSTALLED_APPS = [
    "portal.admin_config.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_otp",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.core",
    "apps.limits",
    "apps.tenants",
    "apps.audit",
    "apps.outbox",
    "apps.keys",
    "apps.accounts",
    "apps.signin",
    "apps.clients",
    "apps.federation",
    "apps.breakglass",
    "apps.scopes",
    "apps.roles",
    "apps.notifications",
    "apps.delegations",
    "apps.elevations",
    "apps.policies",
    "apps.nodes",
    "apps.simulation",
    "apps.approvals",
    "apps.bundles",
    "apps.arap",
    "apps.distribution",
    "apps.reviews",
    "apps.dashboard",
    "portal",
]

MIDDLEWARE = [
    "apps.limits.middleware.HeadersMiddleware",
    "apps.limits.middleware.ClientMiddleware",
    "apps.limits.middleware.LimitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "apps.signin.middleware.SignInMiddleware",
    "apps.accounts.middleware.TenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "apps.accounts.authentication.MembershipBackend",
    "apps.roles.authentication.ObjectBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username", "display_name", "email"]},
    },
    {
        "NAME": f"{_VALIDATION}.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": "apps.accounts.adapters.BreachedPasswordValidator"},
]
# Attestation format (packed, tpm, ...) to PEM files of roots that are trusted.
PORTWARD_ATTESTATION_ROOTS: dict[str, list[str]] = {}
# A file of SHA-1 hashes in order, one a line, as breach services hand them out.
PORTWARD_BREACHED_PASSWORDS = ""
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
# django-guardian would otherwise create a row for a user who is nobody.
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
# guardian's own tables know no tenant; both of its models are ours. See ADR 0019.
GUARDIAN_USER_OBJ_PERMS_MODEL = "roles.ObjectGrant"
GUARDIAN_GROUP_OBJ_PERMS_MODEL = "roles.ObjectGrant"
# Object permissions are answered by apps.roles; guardian's backend is not in the chain.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = "portward@localhost"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = ["portal.formats"]
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
# A MaxMind-format database file that tells where an address is; none by default.
PORTWARD_GEOIP_DATABASE = ""
PORTWARD_DEVICE_COOKIE = "portward-device"
PORTWARD_ELEVATED_COOKIE = "portward-elevated"
# What each address does, and so which proof it asks for; see apps.signin.
PORTWARD_OPERATIONS = "portal.operations.ROUTES"
CSRF_COOKIE_SAMESITE = "Strict"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Machines POST without a trailing slash and do not follow redirects.
APPEND_SLASH = True

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.ApiTokenAuthentication",
        "apps.clients.authentication.AccessTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.Page",
    "EXCEPTION_HANDLER": "apps.core.api.problem_response",
    # What form an answer has is asked for by Accept, and by nothing in the address.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Portward API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.core.api.document_problems",
        "apps.core.api.document_keys",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 300
# A worker without -Q takes from all of them; one for `revoke` alone holds nothing back.
CELERY_TASK_QUEUES = tuple(
    Queue(name, Exchange(name), routing_key=name) for name in ("revoke", "default")
)
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"outbox.relay_urgent": {"queue": "revoke"}}
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "approvals-tend": {"task": "approvals.tend", "schedule": 60.0},
    "approvals-watch-assignments": {
        "task": "approvals.watch_assignments",
        "schedule": 30.0,
    },
    "approvals-lint": {"task": "approvals.lint", "schedule": 24 * 3600.0},
    "signin-tidy": {"task": "signin.tidy", "schedule": 60.0},
    # The listener in the worker reacts at once; this catches what it missed.
    "outbox-relay": {"task": "outbox.relay", "schedule": 2.0},
    "outbox-relay-urgent": {
        "task": "outbox.relay_urgent",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "bundles-refresh-timestamps": {
        "task": "bundles.refresh_timestamps",
        "schedule": 30.0,
    },
    # Once a day it is looked at whether a key has signed for a month.
    "clients-rotate-token-keys": {
        "task": "clients.rotate_token_keys",
        "schedule": 24 * 3600.0,
    },
    "clients-forget-expired": {"task": "clients.forget_expired", "schedule": 600.0},
    "distribution-sample-consistency": {
        "task": "distribution.sample_consistency",
        "schedule": 10.0,
    },
    "distribution-forget-decisions": {
        "task": "distribution.forget_decisions",
        "schedule": 3600.0,
    },
    "reviews-tick": {"task": "reviews.tick", "schedule": 900.0},
    "notifications-daily": {
        "task": "notifications.daily",
        "schedule": crontab(minute=0),
    },
    # Access ends at its instant without this; it is written down and warned of here.
    "policies-tend": {"task": "policies.tend", "schedule": 60.0},
    "delegations-expire": {"task": "delegations.expire", "schedule": 60.0},
    "elevations-settle": {"task": "elevations.settle", "schedule": 10.0},
    "arap-follow": {"task": "arap.follow", "schedule": 5.0},
    "limits-sweep": {"task": "limits.sweep", "schedule": 60.0},
}

# Whether identity providers may lie inside a private network. No by default: a tenant's
# admin names their addresses, and the portal fetches from them.
PORTWARD_FEDERATION_ALLOW_PRIVATE = False

# Networks outside of the public internet that tenants' webhooks may reach, such as
# 10.20.0.0/16; and whether this machine itself may be reached, without TLS too.
PORTWARD_OUTGOING_ALLOW: list[str] = []
PORTWARD_OUTGOING_ALLOW_LOOPBACK = False
# A PEM file of one more authority that webhooks' certificates may come from.
PORTWARD_OUTGOING_CA_FILE = ""
# The draft of AuthZEN's access requests that is spoken, by its date; empty is off. And
# the addresses, word for word, at which programs may be told of the end of a request.
PORTWARD_AUTHZEN_ACCESS_REQUEST = ""
PORTWARD_ACCESS_REQUEST_CALLBACKS: list[str] = []
# The hour of the day, in UTC, at which digests are mailed.
PORTWARD_DIGEST_HOUR = 6

# How many proxies stand before us and append to X-Forwarded-For.
PORTWARD_TRUSTED_PROXIES = 0
# The header in which the proxy passes a client's certificate on, for example
# Client-Cert. It has to remove what others send under this name. Empty: no mTLS.
PORTWARD_CLIENT_CERT_HEADER = ""
# Changes to the table in apps.limits.rules: {"sign-in": "2/60"}, rate per second/burst.
PORTWARD_RATE_LIMITS: dict[str, str] = {}

WEBAUTHN_RP_NAME = "Portward"

# A file in MaxMind's format that says where addresses are. Empty: places are unknown.
PORTWARD_GEOIP_DATABASE = ""

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
