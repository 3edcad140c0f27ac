"""What views of all apps share: JSON in, JSON out, and where to go next."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import (
    HttpRequest,
    HttpResponse,
    JsonResponse,
    RawPostDataException,
)
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apps.core.errors import InvalidError, PortwardError, ThrottledError, status_of

View = Callable[..., HttpResponse]


def answers_json(view: View) -> View:
    """Turn expected failures into a JSON answer with code, message and remedy."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PortwardError as error:
            answer = JsonResponse(error.as_dict(), status=status_of(error))
            if isinstance(error, ThrottledError):
                answer.headers["Retry-After"] = str(error.retry_after)
            return answer

    return inner


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises InvalidError."""
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RawPostDataException) as error:
        # A form's body is gone once its fields were read.
        raise InvalidError("The request is not JSON.") from error
    if not isinstance(body, dict):
        raise InvalidError("The request is not a JSON object.")
    return body


def credential_in(body: dict[str, Any]) -> dict[str, Any]:
    """Return the authenticator's answer in a body. Raises InvalidError."""
    credential = body.get("credential")
    if isinstance(credential, str):
        try:
            credential = json.loads(credential)
        except ValueError as error:
            raise InvalidError("The authenticator's answer is not JSON.") from error
    if not isinstance(credential, dict):
        raise InvalidError("The answer of the authenticator is missing.")
    return credential


def session_key_of(request: HttpRequest) -> str:
    """Return the key of the browser's session, which is made if there is none."""
    if not request.session.session_key:
        request.session.create()
    return str(request.session.session_key)


def next_address(request: HttpRequest) -> str:
    """Return where the page that was asked for leads next: an address of ours."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(
        REDIRECT_FIELD_NAME, ""
    )
    return own_address(request, wanted)


def own_address(request: HttpRequest, wanted: str) -> str:
    """Return an address of ours: a link must not carry people elsewhere."""
    if url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return reverse("admin:index")
