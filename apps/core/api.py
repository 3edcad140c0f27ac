"""What all REST endpoints share: errors as problem details, and paging.

RFC 9457 (problem details for HTTP APIs).
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core.errors import PortwardError, ThrottledError, status_of

PROBLEM_TYPE = "application/problem+json"


class Page(CursorPagination):
    """Pages that stay stable while rows are added; `cursor` and `page_size`."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "id"


def problem(
    code: str, detail: str, status_code: int, **extra: str | list[Any] | dict[str, Any]
) -> Response:
    """Return a problem details answer; `code` is stable, `detail` is for people."""
    body = {
        "type": f"urn:portward:error:{code}",
        "title": detail,
        "status": status_code,
        "code": code,
        **{name: value for name, value in extra.items() if value},
    }
    return Response(body, status=status_code, content_type=PROBLEM_TYPE)


def problem_response(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Turn an exception into problem details (DRF's EXCEPTION_HANDLER)."""
    match error:
        case PortwardError():
            answer = _from_ours(error)
        case Http404():
            answer = problem("core.not_found", "There is no such thing here.", 404)
        case PermissionDenied():
            answer = problem("core.forbidden", "You may not do this.", 403)
        case exceptions.APIException():
            answer = _from_framework(error)
        case _:
            return None
    set_rollback()
    return answer


def _from_ours(error: PortwardError) -> Response:
    answer = problem(
        error.code,
        error.message,
        status_of(error),
        field=error.field,
        remedy=error.remedy,
    )
    if error.challenge:
        answer["WWW-Authenticate"] = error.challenge
    if isinstance(error, ThrottledError):
        answer["Retry-After"] = str(error.retry_after)
    return answer


def _from_framework(error: exceptions.APIException) -> Response:
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    detail = (
        error.detail if isinstance(error.detail, str) else "The input is not valid."
    )
    answer = problem(
        f"core.{code}",
        str(detail),
        error.status_code,
        errors=error.detail if isinstance(error.detail, list | dict) else [],
    )
    # RFC 9110, section 11.6.1: a 401 names the scheme that would be accepted.
    if scheme := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = scheme
    if wait := getattr(error, "wait", None):
        answer["Retry-After"] = str(int(wait))
    return answer
