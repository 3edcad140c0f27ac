"""Questions about the nodes of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
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


def revoked_since(moment: dt.datetime) -> list[uuid.UUID]:
    """Return the nodes that were revoked at or after a moment."""
    revoked = Node.objects.filter(state=NodeState.REVOKED, revoked_at__gte=moment)
    return list(revoked.values_list("pk", flat=True))
