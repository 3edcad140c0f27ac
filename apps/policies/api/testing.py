"""The tests of policies over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.policies import selectors
from apps.policies.errors import PolicyNotFoundError
from apps.policies.rules import TestReport


class TestsAskedSerializer(serializers.Serializer[dict[str, Any]]):
    """What to run: the tests of one draft, those in a content, or with neither all."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    policy = serializers.SlugField(required=False, help_text="A policy's short name.")
    content = serializers.JSONField(
        required=False, help_text="The content of a policy that is not saved."
    )


class RunTests(TenantScopedView):
    """Run tests of policies, and say what a build should make of it."""

    scopes = {"POST": Scope.POLICIES_READ}

    @extend_schema(
        operation_id="policy_tests_run",
        request=TestsAskedSerializer,
        responses=inline_serializer(
            "PolicyTests",
            {
                "ok": serializers.BooleanField(),
                "exit_code": serializers.IntegerField(),
                "passed": serializers.IntegerField(),
                "failed": serializers.IntegerField(),
                "policies": serializers.ListField(child=serializers.DictField()),
            },
        ),
    )
    def post(self, request: Request) -> Response:
        """Run them against drafts; nothing is changed.

        `exit_code` is 0 if every test passes and all that is forbidden is covered, else
        1. What cannot be read or compiled is refused with 400.
        """
        asked = TestsAskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        if {"policy", "content"} <= set(values):
            raise exceptions.ValidationError(
                {"content": ["Name a policy or send a content, not both."]}
            )
        reports = _reports(values)
        failed = sum(report.failed for _, report in reports)
        is_good = not any(report.problems for _, report in reports)
        return Response(
            {
                "ok": is_good,
                "exit_code": 0 if is_good else 1,
                "passed": sum(report.passed for _, report in reports),
                "failed": failed,
                "policies": [
                    {"policy": slug, **report.to_dict()} for slug, report in reports
                ],
            }
        )


def _reports(asked: dict[str, Any]) -> list[tuple[str, TestReport]]:
    if "content" in asked:
        return [("", selectors.run_tests(asked["content"]))]
    drafts = selectors.drafts()
    if "policy" in asked:
        drafts = drafts.filter(policy__slug=asked["policy"])
        if not drafts:
            raise PolicyNotFoundError
    catalogue = selectors.catalogue()
    return [
        (draft.policy.slug, selectors.run_tests(draft, catalogue=catalogue))
        for draft in drafts
    ]
