"""The JSON side of the vote ceremony: options out, an assertion in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, JsonResponse

from apps.accounts.permissions import actor_of, user_of
from apps.approvals import selectors, services
from apps.approvals.admin.pages import page_of
from apps.approvals.choices import Verdict
from apps.approvals.errors import RequestInvalidError
from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    PortwardError,
)

STATUS: tuple[tuple[type[PortwardError], int], ...] = (
    (InvalidError, 400),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
)

Act = Callable[[HttpRequest, uuid.UUID, dict[str, Any]], dict[str, Any]]


def answer(request: HttpRequest, request_id: uuid.UUID, act: Act) -> JsonResponse:
    """Run one step of the ceremony; explain a refusal as JSON."""
    try:
        selectors.request_by_id(request_id)
        return JsonResponse(act(request, request_id, _body(request)))
    except PortwardError as error:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        return JsonResponse(error.as_dict(), status=status)


def begin(
    request: HttpRequest, request_id: uuid.UUID, body: dict[str, Any]
) -> dict[str, Any]:
    """Start the ceremony and return the options for the browser."""
    if request.session.session_key is None:
        request.session.create()
    return services.begin_vote(
        voter=user_of(request),
        request_id=request_id,
        verdict=_verdict(body),
        reason=str(body.get("reason", "")),
        session_key=str(request.session.session_key),
    ).as_dict()


def record(
    request: HttpRequest, request_id: uuid.UUID, body: dict[str, Any]
) -> dict[str, Any]:
    """Record the vote and return where to go next."""
    vote = services.record_vote(
        actor=actor_of(request),
        voter=user_of(request),
        request_id=request_id,
        verdict=_verdict(body),
        reason=str(body.get("reason", "")),
        ceremony_id=_ceremony(body),
        credential=_credential(body),
    )
    messages.success(request, f"Your vote is recorded: {vote.get_verdict_display()}.")
    return {"next": page_of(request_id)}


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise RequestInvalidError("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise RequestInvalidError("The body is not a JSON object.")
    return body


def _verdict(body: dict[str, Any]) -> Verdict:
    try:
        return Verdict(str(body.get("verdict")))
    except ValueError as error:
        raise RequestInvalidError(
            "A verdict is “approve” or “deny”.", field="verdict"
        ) from error


def _ceremony(body: dict[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(str(body.get("ceremony")))
    except ValueError as error:
        raise RequestInvalidError(
            "The ceremony is not known.", field="ceremony", remedy="Start again."
        ) from error


def _credential(body: dict[str, Any]) -> dict[str, Any]:
    credential = body.get("credential")
    if not isinstance(credential, dict):
        raise RequestInvalidError("The credential is missing.", field="credential")
    return credential
