"""Who a request comes from, and what membership lets them do."""

from __future__ import annotations

import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from typing_extensions import override

from apps.accounts import rules
from apps.accounts.choices import BEARER
from apps.accounts.errors import ApiTokenRefusedError
from apps.accounts.models import User
from apps.accounts.selectors import roles_in_scope
from apps.accounts.services import TokenHolder, authenticate_api_token
from apps.limits.permissions import address_of
from apps.limits.services import note_refusal
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


class BearerRefused(APIException):
    """A token that does not count: 401 with the code of RFC 6750, section 3.1."""

    status_code = 401
    default_code = "token_refused"
    default_detail = "The token is unknown, expired or revoked."
    auth_header = (
        f'{BEARER}, error="invalid_token", '
        'error_description="The token is unknown, expired or revoked"'
    )


class BearerAuthentication(BaseAuthentication):
    """What the ways of sending a bearer token share (RFC 6750, section 2.1).

    A token in the address or the body would end up in logs, so neither is looked at.
    """

    @override
    def authenticate_header(self, request: Request) -> str:
        """Name the scheme in a 401 that no token was sent for."""
        return BEARER

    @staticmethod
    def bearer_token(request: Request) -> str:
        """Return the token in the header, or nothing. Raises BearerRefused."""
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return ""
        try:
            return token.strip().decode("ascii") or "-"
        except UnicodeDecodeError as error:
            raise BearerRefused from error


class ApiTokenAuthentication(BearerAuthentication):
    """Accept `Authorization: Bearer pwt_…`: a personal token."""

    @override
    def authenticate(self, request: Request) -> tuple[User, TokenHolder] | None:
        """Return the person and the token, or None when it is none of these."""
        token = self.bearer_token(request)
        if not token.startswith("pwt_"):
            return None
        try:
            holder = authenticate_api_token(token, address=address_of(request))
        except ApiTokenRefusedError as error:
            note_refusal(code=error.code, address=address_of(request))
            raise BearerRefused from error
        return holder.user, holder


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How the OpenAPI document describes tokens."""

    target_class = "apps.accounts.authentication.ApiTokenAuthentication"
    name = "personalToken"

    @override
    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pwt_…",
            "description": "A personal token, made on one's account page.",
        }

    @override
    def get_security_requirement(
        self,
        auto_schema: Any,
    ) -> dict[str, list[str]]:
        return {self.name: scopes_asked(auto_schema)}


def scopes_asked(auto_schema: Any) -> list[str]:  # noqa: ANN401  # its module imports ours
    """Return what a documented operation asks of a token."""
    scope = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method)
    return [str(scope)] if scope else []


def _is_tenant_model(app_label: str, model_name: str) -> bool:
    try:
        return issubclass(apps.get_model(app_label, model_name), TenantModel)
    except LookupError:
        return False
