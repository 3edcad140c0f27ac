"""Whose the passkeys are that votes are signed with."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override
from webauthn.helpers import bytes_to_base64url

from apps.accounts.choices import Scope
from apps.accounts.models import KeyRecord
from apps.accounts.permissions import TenantScopedView
from apps.approvals import selectors


class KeySerializer(serializers.ModelSerializer[KeyRecord]):
    """A passkey: whose it was, from when until when. Bytes are base64url."""

    user = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user_name")
    credential_id = serializers.SerializerMethodField()
    public_key = serializers.SerializerMethodField(help_text="COSE")

    class Meta:
        model = KeyRecord
        fields = ["user", "name", "credential_id", "public_key", "since", "until"]

    def get_credential_id(self, row: KeyRecord) -> str:
        """Return the name that the authenticator gave it."""
        return bytes_to_base64url(bytes(row.credential_id))

    def get_public_key(self, row: KeyRecord) -> str:
        """Return what signatures are verified with."""
        return bytes_to_base64url(bytes(row.public_key))


class KeyList(TenantScopedView, ListAPIView[KeyRecord]):
    """List the keys that votes are signed with."""

    serializer_class = KeySerializer
    scopes = {"GET": Scope.REQUESTS_READ}
    queryset = KeyRecord.objects.none()

    @override
    def get_queryset(self) -> QuerySet[KeyRecord]:
        return selectors.approver_keys()

    @extend_schema(operation_id="approver_keys_list")
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the passkeys of members and past voters, removed ones too."""
        return super().get(request, *args, **kwargs)
