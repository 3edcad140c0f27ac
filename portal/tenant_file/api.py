"""A whole tenant as a file over REST: out, planned, and in again."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.audit.events import Actor
from apps.core.api import asked_for, with_etag
from apps.core.errors import ForbiddenError
from apps.policies.rules.lint import Finding, Severity
from apps.policies.selectors import lint_tenant
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation
from portal.tenant_file.planning import (
    apply_file,
    lint_file,
    measure_file,
    plan_file,
    run_file_tests,
)
from portal.tenant_file.writing import (
    Side,
    content_digest,
    tenant_content,
    tenant_yaml,
)

_LONGEST = 16 * 1024 * 1024


class SideQuery(serializers.Serializer[Any]):
    """Which text of the policies is wanted."""

    side = serializers.ChoiceField(
        choices=[side.value for side in Side],
        default=Side.LIVE.value,
        help_text="What nodes run, or what is being written.",
    )


class FileSerializer(serializers.Serializer[Any]):
    """A tenant as canonical YAML, and the digest by which two are compared."""

    digest = serializers.CharField()
    text = serializers.CharField()


class FileInput(serializers.Serializer[Any]):
    """A tenant's file."""

    text = serializers.CharField(max_length=_LONGEST, trim_whitespace=False)


class PlanInput(FileInput):
    """A tenant's file, and whether to say what it changes for whom."""

    prune = serializers.BooleanField(
        required=False, default=False, help_text="Remove what the file leaves out."
    )
    impact = serializers.BooleanField(required=False, default=False)


class ApplyInput(FileInput):
    """A file, what it was planned against, and what to propose its drafts as."""

    planned = serializers.CharField(help_text="`before` of the plan.")
    prune = serializers.BooleanField(
        required=False, default=False, help_text="As it was planned."
    )
    title = serializers.CharField(
        max_length=160,
        required=False,
        default="",
        allow_blank=True,
        help_text="Given, the drafts are proposed together under it.",
    )
    reason = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True
    )


class FieldSerializer(serializers.Serializer[Any]):
    """One field of an item, before and after."""

    name = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """What happens to one item."""

    section = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["new", "changed", "remove"])
    fields_changed = FieldSerializer(many=True)


class UnmanagedSerializer(serializers.Serializer[Any]):
    """Something that the tenant has and the file does not; it stays."""

    section = serializers.CharField()
    name = serializers.CharField()


class PlanSerializer(serializers.Serializer[Any]):
    """What applying a file does; digests are of drafts."""

    before = serializers.CharField()
    after = serializers.CharField()
    changes = ChangeSerializer(many=True)
    unmanaged = UnmanagedSerializer(many=True)
    requests = serializers.ListField(child=serializers.CharField())
    drafts = serializers.ListField(child=serializers.CharField())
    impact = serializers.DictField(
        required=False, help_text="Who gains or loses what, when it was asked for."
    )


class AppliedSerializer(PlanSerializer):
    """What was done, and the requests that wait for approval now."""

    request_ids = serializers.ListField(child=serializers.UUIDField())


class ReportSerializer(serializers.Serializer[Any]):
    """How the tests of one policy fared, and what they tried."""

    policy = serializers.CharField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = serializers.ListField(child=serializers.DictField())
    coverage = serializers.DictField()
    problems = serializers.ListField(child=serializers.DictField())


class FindingSerializer(serializers.Serializer[Any]):
    """One finding about one policy; `about` names what else it may be about."""

    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=[one.value for one in Severity])
    policy = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    link = serializers.CharField()
    about = serializers.CharField()


class FindingsSerializer(serializers.Serializer[Any]):
    """What lint found, the worst first."""

    errors = serializers.IntegerField()  # type: ignore[assignment]  # the class has a property of this name, which the metaclass leaves alone
    warnings = serializers.IntegerField()
    findings = FindingSerializer(many=True)


class TenantFile(TenantScopedView):
    """The configuration of the token's tenant."""

    scopes = {"GET": Scope.CONFIGURATION_READ}

    @extend_schema(
        operation_id="tenant_file_export",
        parameters=[SideQuery],
        responses={200: FileSerializer},
    )
    def get(self, request: Request) -> Response:
        """Return the tenant as canonical YAML."""
        content = tenant_content(Side(asked_for(request, SideQuery)["side"]))
        return with_etag(
            {"digest": content_digest(content), "text": tenant_yaml(content)}
        )


class TenantFilePlan(TenantScopedView):
    """What a file would do. Nothing is changed."""

    scopes = {"POST": Scope.CONFIGURATION_WRITE}

    @extend_schema(
        operation_id="tenant_file_plan",
        request=PlanInput,
        responses={200: PlanSerializer},
    )
    def post(self, request: Request) -> Response:
        """Plan a file."""
        sent = PlanInput(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted = dict(sent.validated_data)
        with_impact = wanted.pop("impact")
        actor = _person(request)
        answer = _shown(plan_file(actor=actor, **wanted).to_dict())
        if with_impact:
            now = timezone.now()
            answer["impact"] = measure_file(actor=actor, now=now, **wanted)
        return Response(answer)


class TenantFileTests(TenantScopedView):
    """The tests beside all policies, as a file would leave them. Nothing is changed."""

    scopes = {"POST": Scope.CONFIGURATION_WRITE}

    @extend_schema(
        operation_id="tenant_file_tests",
        request=FileInput,
        responses={200: ReportSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        """Run the tests."""
        sent = FileInput(data=request.data)
        sent.is_valid(raise_exception=True)
        text = sent.validated_data["text"]
        return Response(run_file_tests(actor=_person(request), text=text))


class Lint(TenantScopedView):
    """What is wrong with policies that compile: the tenant's, or a file's.

    Nothing is changed.
    """

    scopes = {"GET": Scope.POLICIES_READ, "POST": Scope.CONFIGURATION_WRITE}

    @extend_schema(operation_id="lint_tenant", responses={200: FindingsSerializer})
    def get(self, _request: Request) -> Response:
        """Look at the drafts of the tenant."""
        return Response(_findings(list(lint_tenant())))

    @extend_schema(
        operation_id="lint_file",
        request=FileInput,
        responses={200: FindingsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Look at the policies as a file would leave them."""
        sent = FileInput(data=request.data)
        sent.is_valid(raise_exception=True)
        text = sent.validated_data["text"]
        return Response(_findings(lint_file(actor=_person(request), text=text)))


class TenantFileApply(OperationBoundView):
    """Apply a file: what needs no approval at once, the rest as requests."""

    scopes = {"POST": Scope.CONFIGURATION_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}

    @extend_schema(
        operation_id="tenant_file_apply",
        request=ApplyInput,
        responses={200: AppliedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Apply a file as it was planned."""
        sent = ApplyInput(data=request.data)
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        applied = apply_file(actor=actor_for(holder_of(request).user), **values)
        answer = _shown(applied.plan.to_dict())
        return Response(answer | {"request_ids": applied.request_ids})


def _findings(found: list[Finding]) -> dict[str, Any]:
    return {
        "errors": sum(one.severity is Severity.ERROR for one in found),
        "warnings": sum(one.severity is Severity.WARNING for one in found),
        "findings": [one.to_dict() for one in found],
    }


def _person(request: Request) -> Actor:
    """Return who plans. Raises ForbiddenError for a client of its own."""
    if not isinstance(request.auth, PersonHolder):
        raise ForbiddenError(
            "Only a person plans a change.",
            remedy="Use a token that stands for a person.",
        )
    return actor_for(request.auth.user)


def _shown(plan: dict[str, Any]) -> dict[str, Any]:
    """Name the fields of a change as serializers can; they have `fields` themselves."""
    changes = [
        {("fields_changed" if name == "fields" else name): value for name, value in one}
        for one in (change.items() for change in plan["changes"])
    ]
    return plan | {"changes": changes}
