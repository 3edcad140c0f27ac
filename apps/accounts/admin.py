"""People of a tenant in the admin: invite, change roles, give a new link, remove."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts import services
from apps.accounts.choices import TenantRole
from apps.accounts.forms import InviteForm, RolesForm
from apps.accounts.models import Membership, Passkey
from apps.accounts.permissions import actor_of
from apps.core.errors import PortwardError

LIST = "admin:accounts_membership_changelist"


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    """The people of a tenant. Changes go through services, not through the model."""

    list_display = ["person", "username", "role_pills", "passkey_pills", "since"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__display_name"]
    ordering = ["user__username"]
    actions = None

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Read the passkeys of all listed people at once."""
        return super().get_queryset(request).prefetch_related("user__passkey_set")

    @admin.display(description="Name", ordering="user__display_name")
    def person(self, membership: Membership) -> str:
        """Show the person's name."""
        return membership.user.display_name

    @admin.display(description="User name", ordering="user__username")
    def username(self, membership: Membership) -> str:
        """Show the user name."""
        return membership.user.username

    @admin.display(description="Roles")
    def role_pills(self, membership: Membership) -> SafeString:
        """Show the roles."""
        return _pills(
            [(str(TenantRole(role).label), "accent") for role in membership.roles]
        )

    @admin.display(description="Passkeys")
    def passkey_pills(self, membership: Membership) -> SafeString:
        """Show how the person can sign in."""
        return _pills(_passkey_states(membership))

    @admin.display(description="Member since", ordering="created_at")
    def since(self, membership: Membership) -> str:
        """Show since when the person belongs to the tenant."""
        return f"{membership.created_at:%Y-%m-%d}"

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the acts that are not part of a form."""
        wrap = self.admin_site.admin_view
        own = [
            path(
                "<uuid:pk>/link/",
                wrap(require_POST(self.link_view)),
                name="accounts_membership_link",
            ),
            path(
                "<uuid:pk>/revoke/",
                wrap(require_POST(self.revoke_view)),
                name="accounts_membership_revoke",
            ),
        ]
        return own + super().get_urls()

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Invite a person, and show the link that lets them register a passkey."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = InviteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                membership, token = services.invite(
                    actor=actor_of(request), **form.cleaned_data
                )
            except PortwardError as error:
                _show(form, error)
            else:
                if token:
                    return self._link_page(request, membership, token)
                messages.success(request, f"{membership.user} joined the tenant.")
                return redirect(LIST)
        return self._form_page(request, form, "Invite a person", None)

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show a person of the tenant, and change their roles."""
        membership = self.get_object(request, object_id)
        if membership is None:
            raise Http404
        if not self.has_view_permission(request, membership):
            raise PermissionDenied
        initial = {"roles": membership.roles}
        form = RolesForm(request.POST or None, initial=initial)
        if request.method == "POST":
            if not self.has_change_permission(request, membership):
                raise PermissionDenied
            if form.is_valid() and self._save_roles(request, membership, form):
                return redirect(LIST)
        return self._form_page(request, form, membership.user.display_name, membership)

    @override
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Send deletions through the service."""
        raise Http404

    def link_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Make a new enrollment link, and show it once."""
        membership = self._changeable(request, pk)
        try:
            token = services.issue_member_link(
                actor=actor_of(request), membership=membership
            )
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}")
            return redirect("admin:accounts_membership_change", membership.pk)
        return self._link_page(request, membership, token)

    def revoke_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Remove a person from the tenant."""
        membership = self._changeable(request, pk)
        try:
            services.revoke_membership(actor=actor_of(request), user=membership.user)
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}")
        else:
            messages.success(
                request, f"{membership.user.display_name} left the tenant."
            )
        return redirect(LIST)

    def _changeable(self, request: HttpRequest, pk: str) -> Membership:
        membership = self.get_object(request, str(pk))
        if membership is None:
            raise Http404
        if not self.has_change_permission(request, membership):
            raise PermissionDenied
        return membership

    def _save_roles(
        self, request: HttpRequest, membership: Membership, form: Form
    ) -> bool:
        try:
            services.grant_membership(
                actor=actor_of(request),
                user=membership.user,
                roles=form.cleaned_data["roles"],
            )
        except PortwardError as error:
            _show(form, error)
            return False
        messages.success(request, f"The roles of {membership.user} are changed.")
        return True

    def _form_page(
        self,
        request: HttpRequest,
        form: Form,
        title: str,
        membership: Membership | None,
    ) -> HttpResponse:
        may_change = (
            self.has_change_permission(request, membership)
            if membership
            else self.has_add_permission(request)
        )
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "form": form,
            "membership": membership,
            "passkeys": _passkeys(membership) if membership else [],
            "may_change": may_change,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/membership/form.html", context)

    def _link_page(
        self, request: HttpRequest, membership: Membership, token: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Enrollment link for {membership.user.display_name}",
            "link": services.enrollment_url(token),
            "membership": membership,
        }
        return TemplateResponse(request, "admin/accounts/membership/link.html", context)


def _show(form: Form, error: PortwardError) -> None:
    field = error.field if error.field in form.fields else None
    form.add_error(field, f"{error.message} {error.remedy}".strip())


def _passkeys(membership: Membership) -> list[Passkey]:
    return list(membership.user.passkey_set.all())


def _passkey_states(membership: Membership) -> list[tuple[str, str]]:
    keys = _passkeys(membership)
    usable = [key for key in keys if key.confirmed]
    states = (
        [(f"{len(usable)} usable", "ok")] if usable else [("cannot sign in", "muted")]
    )
    if membership.user.is_demo or any(key.is_demo for key in keys):
        states.append(("Demo", "warn"))
    if len(usable) < len(keys):
        states.append((f"{len(keys) - len(usable)} blocked", "bad"))
    return states


def _pills(pills: list[tuple[str, str]]) -> SafeString:
    return render_to_string("portal/pills.html", {"pills": pills})
