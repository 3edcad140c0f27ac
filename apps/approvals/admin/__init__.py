"""Pages of approval in the admin site."""

from apps.approvals.admin.change_sets import ChangeSetAdmin
from apps.approvals.admin.detours import ChangeDetour
from apps.approvals.admin.flows import ApprovalFlowAdmin
from apps.approvals.admin.requests import ApprovalRequestAdmin
from apps.core.admin import offer_detour

__all__ = ["ApprovalFlowAdmin", "ApprovalRequestAdmin", "ChangeSetAdmin"]

offer_detour(ChangeDetour())
