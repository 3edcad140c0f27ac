"""Nodes over REST."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.nodes import selectors
from apps.nodes.models import Node, NodeGroup


class NodeSerializer(serializers.ModelSerializer[Node]):
    """A node."""

    groups = serializers.SlugRelatedField[NodeGroup](
        slug_field="slug", many=True, read_only=True
    )

    class Meta:
        model = Node
        fields = ["id", "name", "state", "groups", "enrolled_at", "revoked_at"]


class _Nodes(TenantScopedView, GenericAPIView[Node]):
    serializer_class = NodeSerializer
    scopes = {"GET": Scope.NODES_READ}

    @override
    def get_queryset(self) -> QuerySet[Node]:
        """Return the nodes of the tenant."""
        return selectors.nodes()


class NodeList(_Nodes, ListAPIView[Node]):
    """List nodes."""


class NodeDetail(_Nodes, RetrieveAPIView[Node]):
    """Read one node."""
