"""Requests for access over REST, in the words of the profile."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, TokenHolder
from apps.arap import selectors, services
from apps.arap.errors import urn_of
from apps.arap.models import AccessRequest
from apps.arap.rules.requests import parse_request
from apps.arap.rules.tasks import TaskFacts, task_answer
from apps.arap.services import Submission
from apps.core.errors import PortwardError
from apps.elevations.choices import ElevationState

_RETRY_SECONDS = "2"
_SEVERAL_FACTORS = frozenset({"mfa", "phr", "phrh"})


class ArapView(TenantScopedView):
    """Answer errors by the types of the profile; absent while the draft is off."""

    schema = None

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Be no address at all while the installation does not speak the draft."""
        if not selectors.is_on():
            raise Http404
        super().initial(request, *args, **kwargs)

    @override
    def handle_exception(self, exc: Exception) -> Response:
        """Give a problem the type that the profile has for it."""
        answer = super().handle_exception(exc)
        if isinstance(exc, PortwardError) and (urn := urn_of(exc)):
            answer.data["type"] = urn
        return answer


class Requests(ArapView):
    """Ask for what a denial says may be asked for."""

    scopes = {"POST": Scope.ELEVATIONS_WRITE}

    def post(self, request: Request) -> Response:
        """Open a request; people decide on it."""
        sent_by = _submission(request)
        row = services.submit(
            actor=sent_by.actor, sent_by=sent_by, spec=parse_request(request.data)
        )
        return _answer(row, status=202)


class Task(ArapView):
    """See what became of a request."""

    scopes = {"GET": Scope.ELEVATIONS_READ}

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return the task, and what was granted once somebody holds it."""
        sent_by = _submission(request)
        row = selectors.request_of(pk, sent_by.holder)
        row = services.follow(actor=sent_by.actor, request_id=row.pk)
        return _answer(row)


class Cancel(ArapView):
    """Withdraw a request."""

    scopes = {"POST": Scope.ELEVATIONS_WRITE}

    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw it, unless somebody holds what was asked for."""
        sent_by = _submission(request)
        row = services.cancel(actor=sent_by.actor, task_id=pk, holder=sent_by.holder)
        return _answer(row)


def _submission(request: Request) -> Submission:
    holder = request.auth
    assert isinstance(holder, TokenHolder)  # noqa: S101  # the permission has asked
    if isinstance(holder, PersonHolder):
        return Submission(
            holder.actor,
            f"user:{holder.user.pk}",
            holder.user,
            has_mfa=holder.acr in _SEVERAL_FACTORS,
        )
    return Submission(holder.actor, f"client:{holder.client_id}")


def _answer(row: AccessRequest, status: int = 200) -> Response:
    facts: TaskFacts = selectors.facts_of(row, timezone.now())
    answer = Response(task_answer(facts), status=status)
    answer["Location"] = facts.status_endpoint
    answer["Cache-Control"] = "no-store"
    if facts.state in {ElevationState.PENDING, ElevationState.APPROVED}:
        answer["Retry-After"] = _RETRY_SECONDS
    return answer
