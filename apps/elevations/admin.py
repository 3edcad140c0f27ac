"""What may be asked for, and every elevation, in the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.accounts.choices import TenantRole
from apps.accounts.permissions import actor_of, user_of
from apps.accounts.selectors import roles_in_scope
from apps.core.admin import ServiceAdmin
from apps.elevations import rules, services
from apps.elevations.choices import TONES, ElevationState
from apps.elevations.forms import EligibilityForm, EndForm
from apps.elevations.models import Elevation, Eligibility


@admin.register(Eligibility)
class EligibilityAdmin(ServiceAdmin[Eligibility]):
    """Roles that people may ask to hold for minutes."""

    list_display = ["purpose", "role", "where", "who", "longest", "offered"]
    list_select_related = ["role", "scope", "principal", "group", "holders"]
    list_filter = ["is_active", "role"]
    search_fields = ["purpose", "role__name", "role__slug"]
    page_form = EligibilityForm
    lead = (
        "What people find under “What do you need to do?”. Approvers still decide on "
        "each request; what was granted before a change here stays as it was."
    )

    @admin.display(description="Where")
    def where(self, row: Eligibility) -> str:
        """Show where the role counts."""
        return str(row.scope or "everywhere")

    @admin.display(description="For")
    def who(self, row: Eligibility) -> str:
        """Show who may ask."""
        return row.offered_to

    @admin.display(description="At most", ordering="max_minutes")
    def longest(self, row: Eligibility) -> str:
        """Show how long it is held at most."""
        return f"{row.terms.longest} min"

    @admin.display(description="State", ordering="is_active")
    def offered(self, row: Eligibility) -> SafeString:
        """Show whether it can be asked for now."""
        pill = ("offered", "ok") if row.is_active else ("withdrawn", "muted")
        return render_to_string("portal/pills.html", {"pills": [pill]})

    @override
    def initial(self, row: Eligibility) -> dict[str, Any]:
        return {
            "purpose": row.purpose,
            "role": row.role_id,
            "scope": row.scope_id,
            "principal": row.principal_id,
            "group": row.group_id,
            "holders": row.holders_id,
            "max_minutes": row.max_minutes,
            "ticket_pattern": row.ticket_pattern,
            "is_active": row.is_active,
        }

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Eligibility | None
    ) -> Eligibility:
        assert isinstance(form, EligibilityForm)  # noqa: S101  # declared above
        return services.save_eligibility(
            actor=actor_of(request),
            spec=form.spec(),
            eligibility_id=row.pk if row else None,
        )


@admin.register(Elevation)
class ElevationAdmin(ServiceAdmin[Elevation]):
    """Every elevation. Security admins and those who approved one end it here."""

    list_display = ["purpose", "requester_name", "role", "state_pill", "asked", "until"]
    list_select_related = ["eligibility", "role"]
    list_filter = ["state", "tier", "requested_at"]
    search_fields = ["requester_name", "eligibility__purpose", "ticket", "reason"]
    page_form = EndForm
    page_template = "admin/elevations/elevation.html"

    @admin.display(description="Purpose", ordering="eligibility__purpose")
    def purpose(self, row: Elevation) -> str:
        """Show what it is for."""
        return row.eligibility.purpose

    @admin.display(description="State", ordering="state")
    def state_pill(self, row: Elevation) -> SafeString:
        """Show the state that is true now."""
        state = rules.state_at(row.clocks, timezone.now())
        pills = [(state.label, TONES[state])]
        return render_to_string("portal/pills.html", {"pills": pills})

    @admin.display(description="Asked", ordering="requested_at")
    def asked(self, row: Elevation) -> str:
        """Show when it was asked for."""
        return f"{row.requested_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="Until", ordering="ends_at")
    def until(self, row: Elevation) -> str:
        """Show when access ended or will."""
        end = row.ended_at if row.state == ElevationState.ENDED else row.ends_at
        return f"{end:%Y-%m-%d %H:%M:%S} UTC" if end else "-"

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Elevation | None = None
    ) -> bool:
        """Say whether the person may end this one."""
        if obj is None:
            return super().has_change_permission(request, obj)
        user = user_of(request)
        return rules.may_end(
            person=user.pk,
            holder=obj.requester_id,
            approvers=obj.approvers,
            is_security_admin=TenantRole.SECURITY_ADMIN in roles_in_scope(user),
        )

    @override
    def initial(self, row: Elevation) -> dict[str, Any]:
        return {}

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Elevation | None
    ) -> Elevation:
        assert row is not None  # noqa: S101  # nothing is added here
        return services.end(
            actor=actor_of(request),
            elevation_id=row.pk,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )

    @override
    def details(self, request: HttpRequest, row: Elevation) -> dict[str, Any]:
        state = rules.state_at(row.clocks, timezone.now())
        return {
            "state_pill": self.state_pill(row),
            "may_end": state is ElevationState.ACTIVE
            and self.has_change_permission(request, row),
        }
