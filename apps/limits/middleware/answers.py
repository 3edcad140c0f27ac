"""Refuse a request before any view sees it: problem details, or a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from apps.core.api import PROBLEM_TYPE, problem
from apps.core.errors import PortwardError, ThrottledError, status_of
from apps.limits.errors import LimiterUnavailableError

_MACHINE_PATHS = ("/api/", "/oauth/", "/access/v1/")
_JSON = "application/json"
# A database that does not answer may be back soon; a fleet of browsers should wait.
_PAUSE = 5


def refuse(request: HttpRequest, error: PortwardError) -> HttpResponse:
    """Return the answer to a refused request."""
    answer = _problem(error) if _is_machine(request) else _page(request, error)
    if isinstance(error, ThrottledError):
        answer.headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, LimiterUnavailableError):
        answer.headers["Retry-After"] = str(_PAUSE)
    return answer


def _problem(error: PortwardError) -> HttpResponse:
    status = status_of(error)
    body = problem(error.code, error.message, status, remedy=error.remedy).data
    # Scripts of our pages read `message`, as in every other answer to them.
    return JsonResponse(
        {**body, "message": error.message}, status=status, content_type=PROBLEM_TYPE
    )


def _page(request: HttpRequest, error: PortwardError) -> HttpResponse:
    is_throttled = isinstance(error, ThrottledError)
    name = "limits/too_many.html" if is_throttled else "limits/refused.html"
    context = {"title": error.message, "error": error, "status": status_of(error)}
    return render(request, name, context, status=status_of(error))


def _is_machine(request: HttpRequest) -> bool:
    return (
        request.path.startswith(_MACHINE_PATHS)
        or _JSON in request.headers.get("Accept", "")
        or request.content_type == _JSON
    )
