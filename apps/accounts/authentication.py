"""Who a request comes from, and what membership lets them do."""

from __future__ import annotations

import uuid

from django.apps import apps
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from typing_extensions import override

from apps.accounts import rules
from apps.accounts.models import User
from apps.accounts.selectors import roles_in_scope
from apps.tenants.models import TenantModel


class MembershipBackend(BaseBackend):
    """Grant admin permissions by membership of the tenant whose scope is open.

    Deny is the default: without a scope, a membership, a known role or a tenant model
    nothing is granted. Signing in is done by passkey, so nothing authenticates here.
    """

    @override
    def get_user(self, user_id: uuid.UUID) -> User | None:
        """Return the active person of a session."""
        return User.objects.filter(pk=user_id, is_active=True).first()

    @override
    def has_perm(
        self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None
    ) -> bool:
        """Say whether a role of the member carries the permission's action."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        app_label, _, codename = perm.partition(".")
        action, _, model_name = codename.partition("_")
        if not _is_tenant_model(app_label, model_name):
            return False
        return rules.role_allows(roles_in_scope(user_obj), action)

    def has_module_perms(self, user_obj: User | AnonymousUser, _app_label: str) -> bool:
        """Say whether the member may look around at all."""
        return (
            isinstance(user_obj, User)
            and user_obj.is_active
            and rules.role_allows(roles_in_scope(user_obj), "view")
        )


def _is_tenant_model(app_label: str, model_name: str) -> bool:
    try:
        return issubclass(apps.get_model(app_label, model_name), TenantModel)
    except LookupError:
        return False
