"""Per-request rules: the tenant of the session."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse

from apps.accounts import services
from apps.accounts.models import Membership, User
from apps.accounts.permissions import TENANT_SESSION_KEY, is_signed_in
from apps.accounts.selectors import memberships
from apps.tenants.services import tenant_scope

SERVER_ERROR = 500


class TenantMiddleware:
    """Open the scope of the tenant that the session has chosen.

    The transaction wraps the whole request: admin pages run their queries while they
    are rendered, after the view has returned. An error undoes all of it. What a
    refused passkey must leave behind is written after that.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer inside the tenant's transaction."""
        try:
            return self._answer(request)
        finally:
            services.settle_refusals()

    def process_exception(self, request: HttpRequest, _error: Exception) -> None:
        """Remember the failure, which becomes a response before we see it again."""
        request.META["portward.failed"] = True

    def _answer(self, request: HttpRequest) -> HttpResponse:
        request.tenant = None  # type: ignore[attr-defined]  # read by templates and views
        membership = self._membership(request)
        if membership is None:
            if _has_to_choose(request):
                query = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
                return redirect(f"{reverse('accounts:choose_tenant')}?{query}")
            return self._get_response(request)
        request.tenant = membership.tenant  # type: ignore[attr-defined]
        with tenant_scope(membership.tenant_id):
            response = self._get_response(request)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            if (
                request.META.get("portward.failed")
                or response.status_code >= SERVER_ERROR
            ):
                transaction.set_rollback(True)
        return response

    @staticmethod
    def _membership(request: HttpRequest) -> Membership | None:
        """Return the membership to work in: the session's choice, or the only one."""
        if not isinstance(request.user, User) or not request.user.is_active:
            return None
        found = {str(row.tenant_id): row for row in memberships(request.user)}
        request.memberships = list(found.values())  # type: ignore[attr-defined]
        chosen = request.session.get(TENANT_SESSION_KEY, "")
        if chosen not in found:
            # Which of several tenants to work in is for the person to say.
            chosen = next(iter(found)) if len(found) == 1 else ""
            if request.session.get(TENANT_SESSION_KEY, "") != chosen:
                request.session[TENANT_SESSION_KEY] = chosen
        return found.get(chosen)


def _has_to_choose(request: HttpRequest) -> bool:
    """Say whether a page of the console was asked for before a tenant was chosen."""
    return (
        request.method == "GET"
        and request.path.startswith(reverse("admin:index"))
        and request.path not in {reverse("admin:login"), reverse("admin:logout")}
        and is_signed_in(request)
        and len(getattr(request, "memberships", ())) > 1
    )
