"""Refuse a deployment that could be tricked; `manage.py check --deploy` runs these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name

from apps.limits import rules
from apps.limits.errors import RateLimitsInvalidError

_YEAR = 31_536_000
_SHORTEST_SECRET = 50
_FEWEST_CHARACTERS = 10
_MOST_PROXIES = 10
_FIRST = ("HeadersMiddleware", "ClientMiddleware", "LimitMiddleware")
_COOKIES = (
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "PORTWARD_DEVICE_COOKIE",
    "PORTWARD_ELEVATED_COOKIE",
)
_MARKS = (
    ("SESSION_COOKIE_SECURE", True),
    ("SESSION_COOKIE_HTTPONLY", True),
    ("SESSION_COOKIE_DOMAIN", None),
    ("SESSION_COOKIE_PATH", "/"),
    ("CSRF_COOKIE_SECURE", True),
    ("CSRF_COOKIE_DOMAIN", None),
    ("CSRF_COOKIE_PATH", "/"),
)


@dataclass(frozen=True)
class _Rule:
    """What must hold: its id, who finds what is wrong, and what to do about it."""

    id: str
    find: Callable[[], Iterator[str]]
    hint: str

    def messages(self) -> list[CheckMessage]:
        kind = Warning if ".W" in self.id else Error
        return [kind(text, hint=self.hint, id=self.id) for text in self.find()]


def _proxies() -> Iterator[str]:
    depth = settings.PORTWARD_TRUSTED_PROXIES
    if type(depth) is not int or not 0 <= depth <= _MOST_PROXIES:
        yield f"PORTWARD_TRUSTED_PROXIES is {depth!r}."


def _proxy_header() -> Iterator[str]:
    if settings.SECURE_PROXY_SSL_HEADER and not settings.PORTWARD_TRUSTED_PROXIES:
        yield "A header says that a request came by https, but no proxy is trusted."
    if settings.USE_X_FORWARDED_HOST or settings.USE_X_FORWARDED_PORT:
        yield "The host name is taken from a forwarded header."


def _limits() -> Iterator[str]:
    try:
        rules.buckets(settings.PORTWARD_RATE_LIMITS)
    except RateLimitsInvalidError as error:
        yield error.message


def _middleware() -> Iterator[str]:
    names = tuple(path.rpartition(".")[2] for path in settings.MIDDLEWARE)
    if names[: len(_FIRST)] != _FIRST:
        yield f"MIDDLEWARE does not begin with {', '.join(_FIRST)}."


def _cookie_names() -> Iterator[str]:
    for name in _COOKIES:
        if not str(getattr(settings, name, "")).startswith("__Host-"):
            yield f"{name} does not begin with __Host-."


def _cookie_marks() -> Iterator[str]:
    for name, value in _MARKS:
        if getattr(settings, name) != value:
            yield f"{name} is not {value!r}."


def _https() -> Iterator[str]:
    if not settings.SECURE_SSL_REDIRECT:
        yield "SECURE_SSL_REDIRECT is off."
    if settings.SECURE_HSTS_SECONDS < _YEAR:
        yield f"SECURE_HSTS_SECONDS is below {_YEAR}."


def _hosts() -> Iterator[str]:
    for host in settings.ALLOWED_HOSTS:
        if host == "*" or host.startswith("."):
            yield f"ALLOWED_HOSTS holds “{host}”, which stands for more than one name."
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS is empty."


def _origins() -> Iterator[str]:
    places = {
        "PORTWARD_WEB_URL": [settings.PORTWARD_WEB_URL],
        "PORTWARD_EDGE_URL": [settings.PORTWARD_EDGE_URL],
        "PORTWARD_ORIGINS": settings.WEBAUTHN_ORIGINS,
        "CSRF_TRUSTED_ORIGINS": settings.CSRF_TRUSTED_ORIGINS,
    }
    for name, addresses in places.items():
        for address in addresses:
            if urlsplit(address).scheme != "https" or "*" in address:
                yield f"{name} holds “{address}”, which is no single https origin."


def _relying_party() -> Iterator[str]:
    party = settings.WEBAUTHN_RP_ID
    for address in (settings.PORTWARD_WEB_URL, *settings.WEBAUTHN_ORIGINS):
        host = urlsplit(address).hostname or ""
        if host != party and not host.endswith(f".{party}"):
            yield f"Passkeys are bound to “{party}”, but “{host}” is not part of it."


def _secret() -> Iterator[str]:
    secret = str(settings.SECRET_KEY)
    if len(secret) < _SHORTEST_SECRET or len(set(secret)) < _FEWEST_CHARACTERS:
        yield "The secret key is too short or too regular."


_ALWAYS = (
    _Rule(
        "portward.E001",
        _proxies,
        "Set it to the number of proxies that append to X-Forwarded-For, 0 for none.",
    ),
    _Rule("portward.E002", _limits, "See docs/security/rate-limits.md."),
    _Rule(
        "portward.E003", _middleware, "They must meet a request before anything else."
    ),
)
_DEPLOYED = (
    _Rule(
        "portward.E004",
        _proxy_header,
        "Whoever reaches the portal past the proxy could write that header.",
    ),
    _Rule(
        "portward.E005",
        _cookie_names,
        "The prefix keeps other hosts of the domain from setting the cookie.",
    ),
    _Rule(
        "portward.E006", _cookie_marks, "Cookies must stay with this host, on https."
    ),
    _Rule("portward.W007", _https, "Browsers must never ask by http."),
    _Rule("portward.E008", _hosts, "Name every host in PORTWARD_ALLOWED_HOSTS."),
    _Rule("portward.E009", _origins, "Browsers must reach the portal by https only."),
    _Rule(
        "portward.E010",
        _relying_party,
        "PORTWARD_RP_ID must be the host of the portal or a domain above it.",
    ),
    _Rule("portward.E011", _secret, "Set PORTWARD_SECRET_KEY to 50 random characters."),
)


@register(Tags.security)
def check_limits(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Find limits and proxies that say nothing, wherever the portal runs."""
    return [message for rule in _ALWAYS for message in rule.messages()]


@register(Tags.security, deploy=True)
def check_deployment(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Find what must not be so where people work."""
    return [message for rule in _DEPLOYED for message in rule.messages()]
