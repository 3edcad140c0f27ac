"""What all REST endpoints share: errors as problem details, and paging.

RFC 9457 (problem details for HTTP APIs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback
from typing_extensions import override

from apps.core.errors import (
    ChangedMeanwhileError,
    MatchRequiredError,
    PortwardError,
    ThrottledError,
    status_of,
)

PROBLEM_TYPE = "application/problem+json"
_LONGEST_NUMBER = 9


_PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "field": {"type": "string", "description": "What the refusal is about."},
        "remedy": {"type": "string", "description": "What to do."},
        "errors": {"description": "What is wrong with which field."},
    },
}
# What any operation may answer; the second group where it applies.
_ALWAYS = {
    "400": "What was sent cannot be accepted as it is.",
    "401": "No token that counts was sent.",
    "403": "The token, or its person, may not do this.",
    "405": "This address does not know the method.",
    "406": "The answer is JSON, which the request does not accept.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "The installation cannot answer now.",
}
_WITH_PARAMETERS = {"404": "There is no such thing in the token's tenant."}
_WITH_BODY = {
    "409": "The state does not allow this now.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
}


_KEY_PARAMETER: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Carry the request out once, however often it is sent within a day.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[\\x20-\\x7e]+$",
    },
}


class Page(CursorPagination):
    """Pages that stay stable while rows are added; `cursor` and `page_size`."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "id"

    @override
    def get_page_size(self, request: Request) -> int | None:
        """Return the size that was asked for; a wrong one is not guessed at."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if asked.isascii() and asked.isdecimal() and asked[:1] != "0":
            size = int(asked[:_LONGEST_NUMBER])
            if size <= self.max_page_size:
                return size
        sentence = f"From 1 to {self.max_page_size}."
        raise exceptions.ValidationError({self.page_size_query_param: [sentence]})

    @override
    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Say which sizes there are."""
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                limits = {"minimum": 1, "maximum": self.max_page_size}
                parameter["schema"] = {"type": "integer", **limits}
        return parameters


def etag_of(state: Any) -> str:  # noqa: ANN401  # anything that is shown as JSON
    """Return the strong entity tag of what is shown of a row, quotes included."""
    shown = JSONRenderer().render(state)
    return f'"{hashlib.sha256(shown).hexdigest()[:32]}"'


def with_etag(data: Any, status: int = 200) -> Response:  # noqa: ANN401  # JSON
    """Return an answer that carries the tag to name in `If-Match` later."""
    return Response(data, status=status, headers={"ETag": etag_of(data)})


def require_match(request: Request, state: Any) -> None:  # noqa: ANN401  # JSON
    """Refuse a change of a state that its sender did not see (RFC 9110, 13.1.1).

    Call it with the row locked. Raises MatchRequiredError and ChangedMeanwhileError.
    """
    named = request.headers.get("If-Match")
    if named is None:
        raise MatchRequiredError(field="If-Match")
    if etag_of(state) not in [tag.strip() for tag in named.split(",")]:
        raise ChangedMeanwhileError(field="If-Match")


class NoSuchEndpoint(APIView):
    """Answer for every address below the interface's that is none, in its own form."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before any method is looked for."""
        raise Http404


def asked_for(
    request: Request, serializer: type[serializers.Serializer[Any]]
) -> dict[str, Any]:
    """Return what the query of an address says. Raises ValidationError."""
    query = serializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def document_keys(result: dict[str, Any], **_hook: object) -> dict[str, Any]:
    """Write into the OpenAPI document that changes may carry an Idempotency-Key."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method == "get" or "/operation-tokens" in path:
                continue
            parameters = operation.setdefault("parameters", [])
            parameters.append(dict(_KEY_PARAMETER))
            operation["responses"].setdefault(
                "422",
                {
                    "description": "The Idempotency-Key came with another request.",
                    "content": {
                        PROBLEM_TYPE: {
                            "schema": {"$ref": "#/components/schemas/Problem"}
                        }
                    },
                },
            )
    return result


def document_problems(result: dict[str, Any], **_hook: object) -> dict[str, Any]:
    """Write into the OpenAPI document how each operation refuses (a spectacular hook).

    A caller finds the same problem details wherever a request is turned away.
    """
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = dict(_PROBLEM_SCHEMA)
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            refusals = _ALWAYS | (_WITH_PARAMETERS if "{" in path else {})
            if any(p["name"] == "cursor" for p in operation.get("parameters", ())):
                refusals |= _WITH_PARAMETERS
            if "requestBody" in operation:
                refusals |= _WITH_BODY
            for status, words in refusals.items():
                operation["responses"].setdefault(
                    status, {"description": words, "content": {PROBLEM_TYPE: reference}}
                )
    return result


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
        errors=[dict(reason) for reason in error.reasons],
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
