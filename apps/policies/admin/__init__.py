"""Policies in the console."""

from apps.policies.admin.policies import PolicyAdmin
from apps.policies.admin.versions import PolicyVersionAdmin

__all__ = ["PolicyAdmin", "PolicyVersionAdmin"]
