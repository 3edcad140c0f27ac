"""Assignments over REST, for reading: they come about by a workflow."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.roles import rules, selectors
from apps.roles.api.bases import EntitySerializer
from apps.roles.models import Assignment


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """Who holds which role, where, for how long, and how that came about."""

    principal = EntitySerializer(read_only=True)
    role = serializers.CharField(source="role.slug", read_only=True)
    scope = EntitySerializer(read_only=True, allow_null=True)
    delegator = EntitySerializer(read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Assignment
        fields = [
            *("id", "principal", "role", "scope", "start", "end", "state", "source"),
            *("reason", "delegator", "workflow", "workflow_id", "is_out_of_band"),
            *("created_at", "revoked_at", "revoked_reason"),
        ]

    def get_state(self, row: Assignment) -> str:
        """Return now, later, expired or revoked."""
        now = timezone.now()
        state = rules.assignment_state(row.start, row.end, row.revoked_at, now)
        return str(state.value)


class _Assignments(TenantScopedView, GenericAPIView[Assignment]):
    serializer_class = AssignmentSerializer
    scopes = {"GET": Scope.ROLES_READ}

    @override
    def get_queryset(self) -> QuerySet[Assignment]:
        return selectors.all_assignments()


class AssignmentList(_Assignments, ListAPIView[Assignment]):
    """List all assignments, also those that are over."""


class AssignmentDetail(_Assignments, RetrieveAPIView[Assignment]):
    """Read one assignment."""
