"""Count every request in its buckets, and read no more of it than its route needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from apps.core.errors import PortwardError, ThrottledError, TooLargeError
from apps.limits import rules, services
from apps.limits.errors import (
    BodyTooLargeError,
    LimiterUnavailableError,
    TooManyRequestsError,
)
from apps.limits.middleware.answers import refuse
from apps.limits.middleware.bodies import CappedBody, cap_body
from apps.limits.middleware.client import HEALTH_PATH
from apps.limits.permissions import address_of
from apps.limits.rules import Bucket, Verdict
from apps.limits.rules.table import ADDRESS, CLIENT, HEALTH, STATIC
from apps.limits.selectors import bucket

_OURS = (ThrottledError, TooLargeError, LimiterUnavailableError)
# What must be answered without the database is counted per process.
_local = services.LocalBuckets()


class LimitMiddleware:
    """Refuse what exceeds its bucket; say on every answer what is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or refuse with 413, 429 or 503."""
        counted: list[tuple[Bucket, Verdict]] = []
        guard = rules.guard_of(_route(request))
        try:
            _count(request, guard, counted)
            body = cap_body(request, rules.body_limit(guard))
        except PortwardError as error:
            answer = _refuse(request, error)
        else:
            answer = self._answer(request, body)
        for name, value in rules.limit_headers(counted).items():
            answer.headers.setdefault(name, value)
        return answer

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        """Answer for views that raise what only we can render."""
        return refuse(request, error) if isinstance(error, _OURS) else None

    def _answer(self, request: HttpRequest, body: CappedBody) -> HttpResponse:
        answer = self._get_response(request)
        if body.is_exceeded:
            return _refuse(request, BodyTooLargeError())
        return answer


def _refuse(request: HttpRequest, error: PortwardError) -> HttpResponse:
    services.note_refusal(code=error.code, address=address_of(request))
    return refuse(request, error)


def _count(
    request: HttpRequest, guard: str, counted: list[tuple[Bucket, Verdict]]
) -> None:
    """Take a token from each bucket, the narrowest first.

    A client that exceeds its own bucket must not empty the one that it shares with
    everybody behind the same address.
    """
    client = rules.client_key(address_of(request))
    if name := _local_bucket(request):
        verdict = _local.take(bucket(name), client)
        _note(bucket(name), verdict, counted)
        return
    wanted = [(guard, client)] if guard else []
    if token := request.headers.get("Authorization", ""):
        wanted.insert(0, (CLIENT, hashlib.sha256(token.encode()).hexdigest()))
    for name, key in [*wanted, (ADDRESS, client)]:
        _note(bucket(name), services.take(bucket(name), key), counted)


def _note(
    chosen: Bucket, verdict: Verdict, counted: list[tuple[Bucket, Verdict]]
) -> None:
    counted.append((chosen, verdict))
    if not verdict.is_allowed:
        raise TooManyRequestsError(retry_after=verdict.retry_after)


def _local_bucket(request: HttpRequest) -> str:
    if request.path == HEALTH_PATH:
        return HEALTH
    return STATIC if request.path.startswith(settings.STATIC_URL) else ""


def _route(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return ""
