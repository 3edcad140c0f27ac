"""Every deploy check, each beside a setting that differs by one thing."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import checks
from pytest_django import Settings

from apps.limits.checks import check_deployment, check_limits
from tests.portal.test_settings import PRODUCTION

ROOT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "PORTWARD_TRUSTED_PROXIES": 1,
    "PORTWARD_RATE_LIMITS": {"tokens": "5/20"},
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SESSION_COOKIE_NAME": "__Host-session",
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "PORTWARD_DEVICE_COOKIE": "__Host-device",
    "PORTWARD_ELEVATED_COOKIE": "__Host-elevated",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "ALLOWED_HOSTS": ["portal.example"],
    "PORTWARD_WEB_URL": "https://portal.example",
    "PORTWARD_EDGE_URL": "https://edge.example",
    "CSRF_TRUSTED_ORIGINS": ["https://portal.example"],
    "WEBAUTHN_ORIGINS": ["https://portal.example", "https://eu.portal.example"],
    "WEBAUTHN_RP_ID": "portal.example",
    "SECRET_KEY": string.printable[:60],
}
CHANGES = [
    ("PORTWARD_TRUSTED_PROXIES", -1, "E001"),
    ("PORTWARD_TRUSTED_PROXIES", "1", "E001"),
    ("PORTWARD_TRUSTED_PROXIES", True, "E001"),
    ("PORTWARD_RATE_LIMITS", {"tokens": "many"}, "E002"),
    ("PORTWARD_RATE_LIMITS", {"nothing": "5/20"}, "E002"),
    ("MIDDLEWARE", django_settings.MIDDLEWARE[1:], "E003"),
    ("PORTWARD_TRUSTED_PROXIES", 0, "E004"),
    ("USE_X_FORWARDED_HOST", True, "E004"),
    ("SESSION_COOKIE_NAME", "session", "E005"),
    ("CSRF_COOKIE_NAME", "__Secure-csrf", "E005"),
    ("PORTWARD_DEVICE_COOKIE", "device", "E005"),
    ("PORTWARD_ELEVATED_COOKIE", "elevated", "E005"),
    ("SESSION_COOKIE_SECURE", False, "E006"),
    ("SESSION_COOKIE_HTTPONLY", False, "E006"),
    ("SESSION_COOKIE_DOMAIN", "example", "E006"),
    ("CSRF_COOKIE_SECURE", False, "E006"),
    ("CSRF_COOKIE_PATH", "/admin/", "E006"),
    ("SECURE_SSL_REDIRECT", False, "W007"),
    ("SECURE_HSTS_SECONDS", 3600, "W007"),
    ("ALLOWED_HOSTS", ["portal.example", "*"], "E008"),
    ("ALLOWED_HOSTS", [".example"], "E008"),
    ("ALLOWED_HOSTS", [], "E008"),
    ("PORTWARD_WEB_URL", "http://portal.example", "E009"),
    ("PORTWARD_EDGE_URL", "http://edge.example", "E009"),
    ("CSRF_TRUSTED_ORIGINS", ["https://*.portal.example"], "E009"),
    ("WEBAUTHN_ORIGINS", ["http://portal.example"], "E009"),
    ("WEBAUTHN_RP_ID", "other.example", "E010"),
    ("WEBAUTHN_RP_ID", "l.example", "E010"),
    ("PORTWARD_WEB_URL", "https://portal.example.evil", "E010"),
    ("SECRET_KEY", "short", "E011"),
    ("SECRET_KEY", "x" * 60, "E011"),
]


@pytest.fixture
def good(settings: Settings) -> Settings:
    for name, value in GOOD.items():
        setattr(settings, name, value)
    return settings


def found() -> set[str | None]:
    return {message.id for message in [*check_limits(None), *check_deployment(None)]}


@pytest.mark.usefixtures("good")
def test_a_good_deployment_has_nothing_to_say() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("name", "value", "number"),
    CHANGES,
    ids=[f"{number}-{name}-{at}" for at, (name, _, number) in enumerate(CHANGES)],
)
def test_one_bad_setting_is_found(
    good: Settings, name: str, value: Any, number: str
) -> None:
    setattr(good, name, value)
    assert found() == {f"portward.{number}"}


def test_the_checks_of_deployments_run_for_deployments_only() -> None:
    registry = checks.registry.registry
    assert check_limits in registry.registered_checks
    assert check_deployment in registry.deployment_checks
    assert check_deployment not in registry.registered_checks


def test_production_settings_pass_every_check_of_django_and_ours() -> None:
    foreign = ("PORTWARD_", "DJANGO_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment = kept | PRODUCTION
    environment["PORTWARD_SECRET_KEY"] = string.printable[:60]
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings.production"
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    # Where keys lie is for whoever deploys to decide.
    assert set(re.findall(r"\(([a-z]+\.[EW]\d+)\)", done.stderr)) == {"keys.W001"}
