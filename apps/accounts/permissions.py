"""Who acts in a request, and the roles that acts ask for."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth import get_permission_codename
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from apps.accounts.choices import BEARER, Scope, TenantRole
from apps.accounts.errors import NotAMemberError, RoleRequiredError
from apps.accounts.models import IdempotentAnswer, User
from apps.accounts.selectors import roles_in_scope
from apps.accounts.services import (
    PersonHolder,
    TokenHolder,
    actor_for,
    claim_key,
    keep_answer,
    release_key,
)
from apps.audit.events import Actor
from apps.core.errors import OutOfScopeError
from apps.tenants.services import current_tenant_id, tenant_scope

M = TypeVar("M", bound=Model)
IDEMPOTENCY_HEADER = "Idempotency-Key"
_KEPT_HEADERS = ("ETag", "Location")
_REFUSED = 400

# Where the session keeps the tenant that the person works in.
TENANT_SESSION_KEY = "tenant_id"

View = Callable[..., HttpResponse]


def user_of(request: HttpRequest) -> User:
    """Return the person of a live session that proved enough for the console.

    The sign-in middleware says so for each request. Raises NotAMemberError for anybody
    else.
    """
    user = request.user
    if isinstance(user, User) and user.is_active and is_signed_in(request):
        # The request holds a lazy stand-in; the real row is what services expect. It is
        # read once for a request, with the roles that are kept in it.
        known = getattr(request, "_person", None)
        if not isinstance(known, User) or known.pk != user.pk:
            known = User.objects.get(pk=user.pk)
            request._person = known  # type: ignore[attr-defined]  # noqa: SLF001  # ours
        return known
    raise NotAMemberError("Sign in first.")


def is_signed_in(request: HttpRequest) -> bool:
    """Say whether the sign-in middleware found a live session that proved enough."""
    return getattr(request, "is_signed_in", False) is True


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as the actor of what the request does."""
    credential = str(getattr(request, "credential", ""))
    return actor_for(user_of(request), credential=credential)


def own_page(view: View) -> View:
    """Let members in; whoever has several tenants chooses one first."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if current_tenant_id() is None:
            return redirect("accounts:choose_tenant")
        return view(request, *args, **kwargs)

    return never_cache(verified(inner))


def verified(view: View) -> View:
    """Let only people in who signed in and proved enough for the console."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            user_of(request)
        except NotAMemberError:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request, *args, **kwargs)

    return inner


def require(user: User, tenant_role: TenantRole | str) -> None:
    """Raise RoleRequiredError unless a person has the role in the open scope."""
    if TenantRole(tenant_role) not in roles_in_scope(user):
        label = TenantRole(tenant_role).label
        raise RoleRequiredError(f"Only a {label.lower()} of this tenant may do this.")


class InsufficientScope(PermissionDenied):
    """The token does not carry what the method asks for (RFC 6750, section 3.1)."""

    default_code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The token needs the scope {scope}.")
        self.auth_header = f'{BEARER}, error="insufficient_scope", scope="{scope}"'


class MemberMayView(BasePermission):
    """Ask the token for the scope that a view names for the method.

    What a person's token carries is never more than their roles carry at the moment.
    """

    @override
    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the token may; a method that names no scope is closed."""
        holder = request.auth
        # Who is frozen in the tenant keeps their token, and it carries nothing.
        if not isinstance(holder, TokenHolder) or not holder.scopes:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        scopes: Mapping[str, Scope] = getattr(view, "scopes", {})
        if method.lower() not in view.http_method_names or not hasattr(
            view, method.lower()
        ):
            # There is nothing to be let in to: the view answers 405.
            return True
        needed = scopes.get(method)
        if needed is None:
            return False
        if needed in holder.scopes:
            return True
        if _asks_objects(view) and needed in getattr(holder, "object_scopes", ()):
            return True
        raise InsufficientScope(needed)


class AnsweredBefore(Exception):  # noqa: N818  # says what happened; nothing failed
    """The request was carried out before; its answer is given again."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        self.answer = answer
        super().__init__(answer.key)


class TenantScopedView(APIView):
    """A REST view inside the tenant that the token belongs to.

    `scopes` names what each method asks of the token; one that it leaves out is closed.
    A request with an Idempotency-Key is carried out once: the same request is answered
    the same way for a day. `answers_secrets` marks views whose answers are not kept.
    """

    permission_classes = (MemberMayView,)
    scopes: Mapping[str, Scope] = {}
    answers_secrets = False

    @override
    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Keep the scope open until the answer's data has been read."""
        self._answer: IdempotentAnswer | None = None
        with contextlib.ExitStack() as scope:
            self._scope = scope
            return super().dispatch(request, *args, **kwargs)

    @override
    def perform_authentication(self, request: Request) -> None:
        """Open the scope as soon as it is known whose token was sent."""
        super().perform_authentication(request)
        if isinstance(request.auth, TokenHolder):
            self._scope.enter_context(tenant_scope(request.auth.tenant_id))

    @override
    def check_permissions(self, request: Request) -> None:
        """Look for an answer before an operation token is used up for the request."""
        super().check_permissions(request)
        key = request.headers.get(IDEMPOTENCY_HEADER)
        is_safe = request.method in {"GET", "HEAD", "OPTIONS"}
        if key is None or is_safe or self.answers_secrets:
            return
        holder = request.auth
        if not isinstance(holder, TokenHolder):
            return
        row = claim_key(
            holder=str(holder.token_id or holder.client_id),
            key=key,
            fingerprint=_fingerprint(request),
            now=timezone.now(),
        )
        if row.status:
            raise AnsweredBefore(row)
        self._answer = row

    @override
    def handle_exception(self, exc: Exception) -> Response:
        """Give an answer again where there is one."""
        if not isinstance(exc, AnsweredBefore):
            return super().handle_exception(exc)
        row = exc.answer
        body = json.loads(row.body) if row.body else None
        headers = {**row.headers, "Idempotent-Replayed": "true"}
        return Response(body, status=row.status, headers=headers)

    @override
    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Keep the answer of what succeeded; what was refused may be sent again."""
        if self._answer is not None:
            row, self._answer = self._answer, None
            if isinstance(response, Response) and response.status_code < _REFUSED:
                headers = {
                    name: response[name] for name in _KEPT_HEADERS if name in response
                }
                keep_answer(
                    row,
                    status=response.status_code,
                    body=JSONRenderer().render(response.data).decode(),
                    headers=headers,
                )
            else:
                release_key(row)
        return super().finalize_response(request, response, *args, **kwargs)


class ObjectScopedView(TenantScopedView, GenericAPIView[M]):
    """A view that lets people touch the single objects that are theirs.

    Lists show what may be seen; what may not be seen is not there. Who holds a right on
    some objects comes in with a token that carries the scope for these only.
    """

    @override
    def filter_queryset(  # type: ignore[override]  # rows, never values
        self, queryset: QuerySet[M]
    ) -> QuerySet[M]:
        """Leave out what the person may not see."""
        rows = super().filter_queryset(queryset)
        self.require_some("view", rows.model)
        user = self._limited("view", rows.model)
        return rows if user is None else user.narrowed(_named("view", rows.model), rows)

    def require_some(self, action: str, model: type[M]) -> None:
        """Refuse who may not do this to any object. Raises PermissionDenied."""
        user = self._limited(action, model)
        if user is not None and not user.has_some(_named(action, model)):
            raise PermissionDenied

    def require(self, action: str, row: M) -> None:
        """Refuse who may not do this to an object. Raises PermissionDenied."""
        user = self._limited(action, type(row))
        if user is not None and not user.has_perm(_named(action, type(row)), row):
            raise PermissionDenied

    def require_after(self, action: str, row: M) -> None:
        """Refuse what was saved beyond the person's scope. Raises OutOfScopeError."""
        user = self._limited(action, type(row))
        if user is not None:
            fresh = type(row)._default_manager.get(pk=row.pk)  # noqa: SLF001  # Django's documented model API
            if not user.has_perm(_named(action, type(row)), fresh):
                raise OutOfScopeError

    def _limited(self, action: str, model: type[M]) -> User | None:
        """Return the person if they may not do this to all objects."""
        holder = self.request.auth
        if not isinstance(holder, PersonHolder):
            return None
        is_free = holder.user.has_perm(_named(action, model))
        return None if is_free else holder.user


def _asks_objects(view: APIView) -> bool:
    return isinstance(view, ObjectScopedView)


def _named(action: str, model: type[Model]) -> str:
    meta = model._meta  # noqa: SLF001  # Django's documented model API
    return f"{meta.app_label}.{get_permission_codename(action, meta)}"


def _fingerprint(request: Request) -> str:
    """Return what makes two requests the same: method, address and body."""
    head = f"{request.method} {request.get_full_path()}\n".encode()
    body = request._request.body  # noqa: SLF001  # DRF offers no other way
    return hashlib.sha256(head + body).hexdigest()
