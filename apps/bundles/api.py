"""Releases over REST, and the signed bundle for clients that are not our agent."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.bundles import rules, selectors
from apps.bundles.models import Release
from apps.core.errors import NotFoundError
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import current_tenant_id

# Not OPA's own media type: that would turn on long polling, which the edge serves.
BUNDLE_TYPE = "application/gzip"


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """A release: its number, digest and manifest."""

    class Meta:
        model = Release
        fields = [
            *("id", "revision", "state_digest", "state", "size"),
            *("manifest", "created_at", "signed_at"),
        ]


class _Releases(TenantScopedView, GenericAPIView[Release]):
    serializer_class = ReleaseSerializer
    scopes = {"GET": Scope.RELEASES_READ}

    @override
    def get_queryset(self) -> QuerySet[Release]:
        """Return the releases of the tenant."""
        return selectors.releases().defer("snapshot")


class ReleaseList(_Releases, ListAPIView[Release]):
    """List releases."""


class ReleaseDetail(_Releases, RetrieveAPIView[Release]):
    """Read one release."""


class Bundle(TenantScopedView):
    """The newest signed bundle, which stock OPA can read and verify."""

    scopes = {"GET": Scope.BUNDLE_READ}

    @extend_schema(
        operation_id="bundle_retrieve",
        parameters=[
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, BUNDLE_TYPE): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="Nothing newer than what you hold."),
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Return the bundle of the token's tenant, or 304 if the client holds it."""
        if tenant_by_slug(slug).pk != current_tenant_id():
            raise NotFoundError
        release = selectors.newest_signed()
        if release is None:
            raise NotFoundError(
                "This tenant has no release yet.", remedy="Approve the first policy."
            )
        etag = rules.etag(release.state_digest, release.revision)
        if request.headers.get("If-None-Match", "") == etag:
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(bytes(release.snapshot), content_type=BUNDLE_TYPE)
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        return response
