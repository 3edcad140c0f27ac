"""The admin site: who may enter, and what frames every page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.db.models.base import ModelBase
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods
from typing_extensions import override

from apps.accounts.permissions import is_signed_in, user_of
from apps.accounts.rules import role_allows
from apps.accounts.selectors import is_closed, roles_in_scope
from apps.approvals.selectors.elevations import Standing, running
from apps.breakglass.selectors import Alarm, alarm_for
from apps.notifications.selectors import unread_count
from apps.signin.views import entry
from apps.tenants.services import current_tenant_id
from portal import overview, search
from portal.navigation import AREAS, own_rail, rail

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
# The overview leads on to the choice of a tenant; nobody is kept from leaving.
_WITHOUT_TENANT = {"index", "logout"}
_METHODS = require_http_methods(["GET", "HEAD", "POST"])
_PASSWORD_PAGES = {"password_change", "password_change_done"}


def is_waiting_sealed(request: HttpRequest) -> bool:
    """Say whether a sealed account came in that has not broken the glass."""
    tenant = getattr(request, "tenant", None)
    return tenant is not None and any(
        row.tenant_id == tenant.pk and is_closed(row)
        for row in getattr(request, "memberships", [])
    )


def is_outside(request: HttpRequest) -> bool:
    """Say whether a member of the open tenant has no business in the console."""
    roles = roles_in_scope(user_of(request)) if current_tenant_id() else ()
    return bool(roles) and not role_allows(roles, "view")


class WithoutLogEntries(ModelAdmin[Model]):
    """Keep Django's own log empty: it knows no tenants, and the audit log does."""

    @override
    def log_addition(  # type: ignore[override]  # there is no entry to return
        self, request: HttpRequest, obj: Model, message: Any
    ) -> None:
        """Write nothing."""

    @override
    def log_change(  # type: ignore[override]  # there is no entry to return
        self, request: HttpRequest, obj: Model, message: Any
    ) -> None:
        """Write nothing."""

    @override
    def log_deletions(  # type: ignore[override]  # there is no entry to return
        self, request: HttpRequest, queryset: Any
    ) -> None:
        """Write nothing."""

    @override
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show nothing: the history is the audit log."""
        raise Http404

    def _get_obj_does_not_exist_redirect(self, *_args: object) -> HttpResponse:
        """Answer 404 for what is not in the tenant, as all our own pages do."""
        raise Http404


class PortalAdminSite(AdminSite):
    """The console of the portal."""

    site_header = "Portward"
    site_title = "Portward"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False
    empty_value_display = "-"

    @override
    def register(
        self,
        model_or_iterable: ModelBase | Iterable[ModelBase],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Register our own models only, and without Django's log."""
        models = (
            [model_or_iterable]
            if isinstance(model_or_iterable, ModelBase)
            else list(model_or_iterable)
        )
        ours = [model for model in models if model.__module__.startswith("apps.")]
        base = admin_class or ModelAdmin
        framed = type(base.__name__, (WithoutLogEntries, base), {})
        framed.__module__ = base.__module__
        if ours:
            super().register(cast("list[type[Model]]", ours), framed, **options)

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        """Let people in who proved enough, and out whoever has a session."""
        is_leaving = request.path == reverse("admin:logout")
        return request.user.is_active and (is_leaving or is_signed_in(request))

    @method_decorator(_METHODS)
    @override
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the passkey page instead of the password form."""
        return entry.login(request)

    @override
    def logout(  # type: ignore[override]  # a redirect is an answer too
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """End the session."""
        return entry.logout(request)

    @override
    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Refuse pages to people who belong to no tenant, or have chosen none."""
        is_free = getattr(view, "__name__", "") in _WITHOUT_TENANT
        inner = view if is_free else _in_a_tenant(view)
        return super().admin_view(_METHODS(inner), cacheable)

    @override
    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave the password pages out, and add areas and search."""
        stock = [
            url
            for url in super().get_urls()
            if getattr(url, "name", None) not in _PASSWORD_PAGES
        ]
        return [
            path("area/<slug:slug>/", self.admin_view(self.area_view), name="area"),
            path("search/", self.admin_view(self.search_view), name="search"),
            *stock,
        ]

    @override
    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Give every page the rail and the person's tenants."""
        context = super().each_context(request)
        if context["has_permission"]:
            context["is_outside"] = is_outside(request)
            context["rail"] = (
                own_rail(request) if context["is_outside"] else rail(self, request)
            )
            context["tenant"] = getattr(request, "tenant", None)
            context["memberships"] = getattr(request, "memberships", [])
            context["alarm"] = self._alarm(request)
            context["unread_notifications"] = self._unread(request)
            context["running"] = self._running(request)
        return context

    @staticmethod
    def _unread(request: HttpRequest) -> int:
        """Return how many notifications the person has not read."""
        return unread_count(user_of(request)) if current_tenant_id() else 0

    @staticmethod
    def _running(request: HttpRequest) -> list[Standing]:
        """Return what the person holds for minutes, or may activate."""
        if current_tenant_id() is None:
            return []
        return running(user_of(request).pk, timezone.now())

    @staticmethod
    def _alarm(request: HttpRequest) -> Alarm | None:
        """Return what everybody in the tenant must see about break-glass accounts."""
        if current_tenant_id() is None:
            return None
        user = user_of(request)
        is_admin = "security_admin" in roles_in_scope(user)
        return alarm_for(user, is_security_admin=is_admin)

    @override
    def index(  # type: ignore[override]  # a redirect is an answer too
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse | HttpResponse:
        """Show the overview; whoever has several tenants chooses one first."""
        if getattr(request, "tenant", None) is None and getattr(
            request, "memberships", []
        ):
            return redirect("accounts:choose_tenant")
        if is_waiting_sealed(request):
            return redirect("breakglass:open")
        if is_outside(request):
            return redirect("access:home")
        steps = overview.steps(request)
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "subtitle": None,
            "steps": steps,
            "steps_done": sum(step.is_done for step in steps),
            "figures": overview.figures(),
            "blocks": overview.blocks(request),
            "duties": overview.duties(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/index.html", context)

    @override
    def app_index(  # type: ignore[override]  # areas replace the lists by app
        self,
        request: HttpRequest,
        app_label: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the area that holds the app."""
        for area in AREAS:
            if app_label in area.apps:
                return redirect("admin:area", slug=area.slug)
        raise Http404

    def area_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Show what an area holds."""
        context = self.each_context(request)
        entry = next((e for e in context["rail"] if e.area.slug == slug), None)
        if entry is None or slug == "overview":
            return redirect(reverse("admin:index"))
        context |= {"title": entry.area.label, "entry": entry}
        return TemplateResponse(request, "admin/area.html", context)

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Look in every list that the person may see."""
        query = request.GET.get("q", "").strip()
        context = {
            **self.each_context(request),
            "title": "Search",
            "query": query,
            "groups": search.find(self, request, query) if query else [],
        }
        return TemplateResponse(request, "admin/search.html", context)


def _in_a_tenant(view: View) -> View:
    @functools.wraps(view)
    def inner(
        request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        if getattr(request, "tenant", None) is None:
            raise PermissionDenied("Choose a tenant that you are a member of.")
        return view(request, *args, **kwargs)

    return cast("View", inner)
