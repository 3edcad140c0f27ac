"""What other enforcement points get of a release, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.core.api import etag_of, with_etag
from apps.core.errors import NotFoundError
from apps.dashboard import selectors
from apps.dashboard.rules import Target

_LONGEST_NUMBER = 9


class UnsupportedSerializer(serializers.Serializer[Any]):
    """What a target does not do as Portward does, why, and what happens instead."""

    policy = serializers.CharField()
    statement = serializers.CharField()
    reason = serializers.CharField()
    instead = serializers.CharField()


class ExportFileSerializer(serializers.Serializer[Any]):
    """One file of an export."""

    name = serializers.CharField()
    content = serializers.CharField()


class ExportSerializer(serializers.Serializer[Any]):
    """The export of a release for one target."""

    target = serializers.ChoiceField(choices=[target.value for target in Target])
    tenant = serializers.CharField()
    revision = serializers.IntegerField()
    state_digest = serializers.CharField()
    statements = serializers.IntegerField(help_text="How many concern the target.")
    covered = serializers.IntegerField(help_text="How many are expressed as they are.")
    elsewhere = serializers.ListField(
        child=serializers.CharField(),
        help_text="The statements that concern nothing which the target enforces.",
    )
    unsupported = UnsupportedSerializer(many=True)
    files = ExportFileSerializer(many=True)


class ExportDetail(TenantScopedView):
    """The policies of a release in the words of Istio, Kubernetes or OPA."""

    scopes = {"GET": Scope.RELEASES_READ}

    @extend_schema(
        operation_id="export_retrieve",
        parameters=[
            OpenApiParameter("release", int, description="Its number; the newest."),
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={
            200: ExportSerializer,
            304: OpenApiResponse(description="Nothing else than what you hold."),
        },
    )
    def get(self, request: Request, target: str) -> Response:
        """Return the export of a release, or 304 if the client holds it."""
        if target not in set(Target):
            raise NotFoundError
        release = selectors.exportable(_number(request.query_params.get("release")))
        if release is None:
            raise NotFoundError(
                "This tenant has no release yet.", remedy="Approve the first policy."
            )
        found = selectors.export_of(release, Target(target))
        data = {
            "target": found.target.value,
            "tenant": found.origin.tenant,
            "revision": found.origin.revision,
            "state_digest": found.origin.digest,
            "statements": found.statements,
            "covered": found.covered,
            "elsewhere": list(found.elsewhere),
            "unsupported": [one.to_dict() for one in found.unsupported],
            "files": [{"name": name, "content": text} for name, text in found.files],
        }
        if request.headers.get("If-None-Match", "") == etag_of(data):
            return Response(status=304, headers={"ETag": etag_of(data)})
        return with_etag(data)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise exceptions.ValidationError({"release": ["The number of a release."]})
    return int(text)
