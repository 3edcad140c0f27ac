"""Policies and their immutable versions over REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.core.api import asked_for
from apps.policies import selectors
from apps.policies.models import Policy, PolicyVersion


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """A policy: what it is called and where it stands."""

    class Meta:
        model = Policy
        fields = ["id", "slug", "name", "state", "created_at", "updated_at"]


class VersionSerializer(serializers.ModelSerializer[PolicyVersion]):
    """A version: what was approved, word by word."""

    policy = serializers.SlugRelatedField[Policy](slug_field="slug", read_only=True)

    class Meta:
        model = PolicyVersion
        fields = [
            *("id", "policy", "number", "content", "statements", "digest"),
            *("request_id", "author_name", "frozen_at"),
        ]


class VersionQuery(serializers.Serializer[dict[str, Any]]):
    """What a list of versions may be narrowed by."""

    policy = serializers.SlugField(required=False, help_text="A policy's short name.")


class _Policies(TenantScopedView, GenericAPIView[Policy]):
    serializer_class = PolicySerializer
    scopes = {"GET": Scope.POLICIES_READ}

    @override
    def get_queryset(self) -> QuerySet[Policy]:
        """Return the policies of the tenant."""
        return Policy.objects.order_by("id")


class PolicyList(_Policies, ListAPIView[Policy]):
    """List policies."""


class PolicyDetail(_Policies, RetrieveAPIView[Policy]):
    """Read one policy."""


class _Versions(TenantScopedView, GenericAPIView[PolicyVersion]):
    serializer_class = VersionSerializer
    scopes = {"GET": Scope.POLICIES_READ}

    @override
    def get_queryset(self) -> QuerySet[PolicyVersion]:
        """Return the versions of the tenant, optionally of one policy (`policy`)."""
        found = selectors.versions().select_related("policy")
        slug = asked_for(self.request, VersionQuery).get("policy", "")
        return found.filter(policy__slug=slug) if slug else found


class VersionList(_Versions, ListAPIView[PolicyVersion]):
    """List versions; `policy` is the short name of one policy."""

    @extend_schema(parameters=[VersionQuery])
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class VersionDetail(_Versions, RetrieveAPIView[PolicyVersion]):
    """Read one version."""
