"""Why, who, and what over REST, as JSON or as a sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder
from apps.core.errors import InvalidError
from apps.dashboard import selectors
from apps.dashboard.forms import (
    ActionsForm,
    Circumstances,
    ExplainForm,
    Question,
    Simulated,
    WhatForm,
    WhoForm,
    question,
)
from apps.dashboard.rules import access_row, sheet, sheet_of_access, sheet_of_steps
from engine.authzen import AuthzenError
from engine.authzen_search import MOST_RESULTS, next_token, read_token
from engine.explain import Explanation, Finding, GrantStep, SeparationStep, Step
from protocol.canonical import digest

_DOMAIN = "portward-access-page-v1"
_PAGING = ("token", "limit")
DEFAULT_LIMIT = 200


class CsvRenderer(BaseRenderer):
    """The rows of an answer as CSV (RFC 4180), safe to open in a spreadsheet."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the sheet that a view prepared, or a refusal as it is."""
        if not isinstance(data, Sheet):
            return JSONRenderer().render(data).decode()
        return sheet(data.columns, data.rows)


class Sheet(dict[str, Any]):
    """An answer in JSON that has a form as a sheet besides."""

    def __init__(
        self,
        answer: Mapping[str, Any],
        columns: Iterable[str],
        rows: Iterable[Mapping[str, object]],
    ) -> None:
        super().__init__(answer)
        self.columns = list(columns)
        self.rows = list(rows)


class FindingSerializer(serializers.Serializer[Any]):
    """What was asked for, what was found, and whether it held."""

    kind = serializers.CharField()
    held = serializers.BooleanField(allow_null=True)
    wanted = serializers.CharField()
    found = serializers.CharField()
    changes_at = serializers.DateTimeField(allow_null=True)
    details = serializers.ListField(child=serializers.CharField())


class SeparationStepSerializer(serializers.Serializer[Any]):
    """A set of which the principal has too many roles, and by what."""

    separation = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    assignments = serializers.ListField(child=serializers.CharField())
    waived_until = serializers.DateTimeField(allow_null=True)
    finding = FindingSerializer()


class StepSerializer(serializers.Serializer[Any]):
    """A policy that a decision came to."""

    policy = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    effect = serializers.CharField()
    grants = serializers.ListField(child=serializers.DictField())
    findings = FindingSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    """A verdict and the way to it."""

    decision = serializers.BooleanField()
    reason = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    nearest = serializers.CharField(allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField())
    permits = StepSerializer(many=True)
    forbids = StepSerializer(many=True)
    near = StepSerializer(many=True)
    separations = SeparationStepSerializer(many=True)


class PermittedSerializer(serializers.Serializer[Any]):
    """Something that is permitted, and what that rests on."""

    principal_type = serializers.CharField()
    principal = serializers.CharField()
    action = serializers.CharField()
    resource_type = serializers.CharField()
    resource = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    assignments = serializers.ListField(child=serializers.CharField())
    until = serializers.DateTimeField(allow_null=True)
    policies = serializers.ListField(child=serializers.CharField())


class NextSerializer(serializers.Serializer[Any]):
    """Where the next page begins; an empty token is the end."""

    next_token = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class AnswersSerializer(serializers.Serializer[Any]):
    """A page of what was found. `is_whole` is false when the search had to stop."""

    results = PermittedSerializer(many=True)
    page = NextSerializer()
    is_whole = serializers.BooleanField()
    revision = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()


def _parameters(form: type[Circumstances], *paging: str) -> list[OpenApiParameter]:
    fields = [
        OpenApiParameter(name, str, required=field.required)
        for name, field in form.base_fields.items()
    ]
    return [*fields, *(OpenApiParameter(name, str) for name in paging)]


class Asking(TenantScopedView):
    """A question in the query; who sees only themselves may not ask about others."""

    scopes = {"GET": Scope.ACCESS_EXPLAIN}
    renderer_classes = (JSONRenderer, CsvRenderer)

    @override
    def check_permissions(self, request: Request) -> None:
        """Say whether the token's person, or the client, may look at everybody."""
        super().check_permissions(request)
        holder = request.auth
        if isinstance(holder, PersonHolder) and not holder.user.has_perm(
            "roles.view_assignment"
        ):
            raise PermissionDenied


class ExplainDecision(Asking):
    """Why somebody may do something, or may not."""

    @extend_schema(
        operation_id="access_explain",
        parameters=_parameters(ExplainForm),
        responses=ExplanationSerializer,
    )
    def get(self, request: Request) -> Response:
        """Explain one decision."""
        found = _question(ExplainForm(request.query_params))
        explanation = found.world.explainer.explain(found.request)
        return Response(
            Sheet(explained(explanation, found), *sheet_of_steps(explanation))
        )


class SubjectSearch(Asking):
    """Who may do something."""

    @extend_schema(
        operation_id="access_subjects",
        parameters=_parameters(WhoForm, *_PAGING),
        responses=AnswersSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find who may."""
        form = WhoForm(request.query_params)
        found = _question(form)
        answers = selectors.who(found.world, found.request, form.kinds)
        return _page(request, found, answers)


class ResourceSearch(Asking):
    """What somebody may do."""

    @extend_schema(
        operation_id="access_resources",
        parameters=_parameters(WhatForm, *_PAGING),
        responses=AnswersSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find everything that somebody may do."""
        form = WhatForm(request.query_params)
        found = _question(form)
        answers = selectors.what(found.world, found.request, form.kinds)
        return _page(request, found, answers)


class ActionSearch(Asking):
    """What somebody may do to one resource."""

    @extend_schema(
        operation_id="access_actions",
        parameters=_parameters(ActionsForm, *_PAGING),
        responses=AnswersSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find the actions."""
        found = _question(ActionsForm(request.query_params))
        answers = selectors.actions(found.world, found.request)
        return _page(request, found, answers)


def _question(form: Circumstances) -> Question:
    found = question(form)
    if found is None:
        raise exceptions.ValidationError(
            {name: list(map(str, words)) for name, words in form.errors.items()}
        )
    return found


def _page(request: Request, found: Question, answers: selectors.Answers) -> Response:
    """Return one page; its token belongs to the question and to the release."""
    limit, after = _place(request, found)
    start = 0 if after is None else int(after)
    rows = answers.rows[start : start + limit]
    end = start + len(rows)
    rest = str(end) if end < len(answers.rows) else None
    answer = {
        "results": [access_row(row) for row in rows],
        "page": {
            "next_token": next_token(_bound(request, found), rest, limit),
            "count": len(rows),
        },
        "is_whole": answers.is_whole,
        "revision": found.world.revision,
        "at": found.request.now,
    }
    return Response(Sheet(answer, *sheet_of_access(rows)))


def _place(request: Request, found: Question) -> tuple[int, str | None]:
    asked = request.query_params.get("limit", "")
    if asked and not (asked.isascii() and asked.isdecimal() and int(asked[:9]) > 0):
        raise InvalidError("The limit is a number above 0.", field="limit")
    try:
        token = read_token(request.query_params.get("token"), _bound(request, found))
    except AuthzenError as error:
        raise InvalidError(error.message, field="token") from error
    if token is not None and (not asked or int(asked[:9]) == token.limit):
        if not token.after.isdecimal():
            raise InvalidError("The token is not one of ours.", field="token")
        return token.limit, token.after
    if token is not None:
        raise InvalidError("The limit stays the same from page to page.", field="limit")
    return min(int(asked[:9]) if asked else DEFAULT_LIMIT, MOST_RESULTS), None


def _bound(request: Request, found: Question) -> str:
    """Return the digest of a question; without a moment it is that of the release."""
    said = {n: v for n, v in request.query_params.items() if n not in _PAGING}
    return digest(_DOMAIN, {"said": said, "revision": found.world.revision}).hex()


def explained(explanation: Explanation, found: Question | Simulated) -> dict[str, Any]:
    """Return an explanation in JSON."""
    nearest = explanation.nearest
    return {
        "decision": explanation.decision.allowed,
        "reason": explanation.decision.reason,
        "revision": found.world.revision,
        "at": found.request.now,
        "nearest": nearest.words if nearest else "",
        "roles": list(explanation.roles),
        "permits": [_step(step) for step in explanation.permits],
        "forbids": [_step(step) for step in explanation.forbids],
        "near": [_step(step) for step in explanation.near],
        "separations": [_separation(one) for one in explanation.separations],
    }


def _separation(one: SeparationStep) -> dict[str, Any]:
    return {
        "separation": one.separation,
        "roles": list(one.roles),
        "assignments": [grant.id for grant in one.grants],
        "waived_until": one.waived_until,
        "finding": _finding(one.finding),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "policy": step.policy.id,
        "version": step.policy.version,
        "name": step.policy.name,
        "effect": step.policy.effect,
        "grants": [_grant(grant) for grant in step.grants],
        "findings": [_finding(finding) for finding in step.findings],
    }


def _grant(grant: GrantStep) -> dict[str, Any]:
    record = grant.assignment
    return {
        "assignment": record.id,
        "principal": record.principal.to_dict(),
        "role": record.role,
        "source": record.source,
        "scope": record.scope.to_dict() if record.scope else None,
        "start": record.start,
        "end": record.end,
        "chain": list(grant.chain),
        "lent_by": [_grant(lender) for lender in grant.lender],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "held": finding.held,
        "wanted": finding.wanted,
        "found": finding.found,
        "changes_at": finding.changes_at,
        "details": list(finding.details),
    }
