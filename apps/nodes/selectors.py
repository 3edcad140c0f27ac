"""Questions about the nodes of the tenant whose scope is open."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.nodes.choices import NodeState
from apps.nodes.models import Node, NodeGroup


def nodes() -> QuerySet[Node]:
    """Return all nodes with their groups, by name."""
    return Node.objects.prefetch_related("groups").order_by("name")


def active_nodes() -> QuerySet[Node]:
    """Return the nodes that may talk to the edge."""
    return nodes().filter(state=NodeState.ACTIVE)


def groups() -> QuerySet[NodeGroup]:
    """Return all groups, by short name."""
    return NodeGroup.objects.order_by("slug")


def node_key(node_id: uuid.UUID) -> bytes | None:
    """Return the public key of an active node, or None."""
    key = (
        Node.objects.filter(pk=node_id, state=NodeState.ACTIVE)
        .values_list("public_key", flat=True)
        .first()
    )
    return None if key is None else bytes(key)
