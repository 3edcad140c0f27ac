"""What the apps below hold, over REST: the token's tenant and its audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.audit.models import AuditEntry
from apps.audit.selectors import found_entries
from apps.core.api import Page, asked_for
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenants
from apps.tenants.services import require_tenant_id


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant."""

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "created_at"]


class TenantList(TenantScopedView, ListAPIView[Tenant]):
    """List the tenants that the token may read: its own."""

    serializer_class = TenantSerializer
    scopes = {"GET": Scope.TENANTS_READ}

    @override
    def get_queryset(self) -> QuerySet[Tenant]:
        return tenants().filter(pk=require_tenant_id())


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """An entry of the audit trail, with its place in the chain of hashes."""

    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    context = serializers.DictField()  # type: ignore[assignment]  # the class has a property of this name, which the metaclass leaves alone

    class Meta:
        model = AuditEntry
        fields = [
            *("sequence", "at", "action", "target_type", "target_id"),
            *("actor_kind", "actor_id", "actor_name", "actor_credential"),
            *("before", "after", "context", "previous_hash", "hash"),
        ]


class TrailQuery(serializers.Serializer[dict[str, Any]]):
    """What a list of entries may be narrowed by."""

    action = serializers.CharField(required=False, help_text="As `roles.changed`.")
    actor = serializers.CharField(required=False, help_text="Id or name of who acted.")
    since = serializers.DateTimeField(required=False, help_text="From here on.")
    until = serializers.DateTimeField(required=False, help_text="Before this.")


class TrailPage(Page):
    """Pages of the trail, newest first."""

    ordering = "-sequence"


class AuditEntryList(TenantScopedView, ListAPIView[AuditEntry]):
    """List entries of the audit trail, newest first."""

    serializer_class = AuditEntrySerializer
    pagination_class = TrailPage
    scopes = {"GET": Scope.AUDIT_READ}

    @extend_schema(parameters=[TrailQuery])
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @override
    def get_queryset(self) -> QuerySet[AuditEntry]:
        """Return the entries that were asked for."""
        return found_entries(**asked_for(self.request, TrailQuery))
