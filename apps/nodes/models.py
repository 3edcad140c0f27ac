"""Machines that run the agent, the groups they are in, and their way in."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.nodes.choices import NodeState
from apps.tenants.models import TenantModel


class NodeGroup(TenantModel):
    """A named set of nodes."""

    slug = models.SlugField(max_length=63)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="node_group_slug")
        ]

    @override
    def __str__(self) -> str:
        return self.name


class Node(TenantModel):
    """A machine or sidecar. Its private key was made there and stays there."""

    name = models.CharField(max_length=63)
    public_key = models.BinaryField()
    state = models.CharField(max_length=10, choices=NodeState, default=NodeState.ACTIVE)
    groups = models.ManyToManyField(
        NodeGroup, through="NodeGroupMembership", related_name="nodes"
    )
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=models.Q(state="active"),
                name="node_one_active_per_name",
            ),
            models.CheckConstraint(
                condition=models.Q(state="active", revoked_at__isnull=True)
                | models.Q(state="revoked", revoked_at__isnull=False),
                name="node_revoked_has_time",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class NodeGroupMembership(TenantModel):
    """A node is in a group."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE)
    group = models.ForeignKey(NodeGroup, on_delete=models.CASCADE)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["node", "group"], name="node_group_membership_once"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.node} in {self.group}"


class JoinToken(TenantModel):
    """Lets one named node enroll, once, within minutes. Only its hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    node_name = models.CharField(max_length=63)
    groups = models.JSONField(default=list)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    @override
    def __str__(self) -> str:
        return f"for {self.node_name}"
