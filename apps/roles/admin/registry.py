"""Principals and resources."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.roles import selectors, services
from apps.roles.forms import GroupForm, PrincipalForm, ResourceForm
from apps.roles.models import Principal, PrincipalGroup, Resource
from apps.roles.rules import EntrySpec, GroupSpec
from protocol.records import EntityRef

_SHOWN = 5


@admin.register(Principal)
class PrincipalAdmin(ServiceAdmin[Principal]):
    """Users and services that policies are about."""

    list_display = ["name", "key", "type", "attribute_text"]
    list_display_links = ["name", "key"]
    list_filter = ["type"]
    search_fields = ["key", "name"]
    page_form = PrincipalForm
    lead = "Who asks nodes for decisions. People of the console are kept apart."

    @admin.display(description="Attributes")
    def attribute_text(self, principal: Principal) -> str:
        """Show the attributes."""
        return _attributes(principal)

    @override
    def initial(self, row: Principal) -> dict[str, Any]:
        names = ("type", "key", "name", "attributes")
        return {name: getattr(row, name) for name in names} | {
            "user": str(row.user_id) if row.user_id else "",
            "manager": reference(row.manager) if row.manager else "",
        }

    @override
    @transaction.atomic
    def save(
        self, request: HttpRequest, form: Form, row: Principal | None
    ) -> Principal:
        actor, values = actor_of(request), form.cleaned_data
        saved = services.save_principal(
            actor=actor, spec=_spec(values), principal_id=row.pk if row else None
        )
        services.link_person(
            actor=actor,
            principal_id=saved.pk,
            user_id=uuid.UUID(values["user"]) if values["user"] else None,
        )
        return services.set_manager(
            actor=actor,
            principal_id=saved.pk,
            manager=entity(values["manager"]) if values["manager"] else None,
        )

    @override
    def details(self, request: HttpRequest, row: Principal) -> dict[str, Any]:
        held = selectors.assignments().filter(principal=row)
        return {
            "table_title": "Roles",
            "table_head": ["Role", "Where", "Until"],
            "table": [
                (
                    assignment.role.name,
                    str(assignment.scope or "everywhere"),
                    f"{assignment.end:%Y-%m-%d %H:%M}" if assignment.end else "revoked",
                )
                for assignment in held
            ],
        }


@admin.register(Resource)
class ResourceAdmin(ServiceAdmin[Resource]):
    """Resources and resource groups."""

    list_display = ["label", "key", "type", "group_names", "attribute_text"]
    list_display_links = ["label", "key"]
    list_filter = ["type"]
    search_fields = ["key", "name"]
    page_form = ResourceForm

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        return selectors.resources()

    @admin.display(description="Name", ordering="name")
    def label(self, resource: Resource) -> str:
        """Show the name, or the key where there is none."""
        return str(resource)

    @admin.display(description="Groups")
    def group_names(self, resource: Resource) -> str:
        """Show the groups."""
        return ", ".join(group.key for group in resource.groups.all()) or "-"

    @admin.display(description="Attributes")
    def attribute_text(self, resource: Resource) -> str:
        """Show the attributes."""
        return _attributes(resource)

    @override
    def initial(self, row: Resource) -> dict[str, Any]:
        names = ("type", "key", "name", "attributes")
        return {name: getattr(row, name) for name in names} | {
            "groups": [group.key for group in row.groups.all()],
            "owners": [reference(owner) for owner in selectors.owners(row.pk)],
        }

    @override
    @transaction.atomic
    def save(self, request: HttpRequest, form: Form, row: Resource | None) -> Resource:
        saved = services.save_resource(
            actor=actor_of(request),
            spec=_spec(form.cleaned_data),
            resource_id=row.pk if row else None,
        )
        return services.set_owners(
            actor=actor_of(request),
            resource_id=saved.pk,
            owners=[entity(text) for text in form.cleaned_data["owners"]],
        )


@admin.register(PrincipalGroup)
class PrincipalGroupAdmin(ServiceAdmin[PrincipalGroup]):
    """Groups of people and services."""

    list_display = ["name", "slug", "member_names"]
    list_display_links = ["name", "slug"]
    search_fields = ["name", "slug", "members__key", "members__name"]
    page_form = GroupForm
    lead = "Teams and those on call: approval flows can ask a group."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[PrincipalGroup]:
        return selectors.groups()

    @admin.display(description="Members")
    def member_names(self, group: PrincipalGroup) -> str:
        """Show the first members."""
        names = [str(member) for member in group.members.all()]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more or "-"

    @override
    def initial(self, row: PrincipalGroup) -> dict[str, Any]:
        members = [reference(member) for member in row.members.all()]
        return {"slug": row.slug, "name": row.name, "members": members}

    @override
    def save(
        self, request: HttpRequest, form: Form, row: PrincipalGroup | None
    ) -> PrincipalGroup:
        values = form.cleaned_data
        members = tuple(entity(text) for text in values["members"])
        return services.save_group(
            actor=actor_of(request),
            spec=GroupSpec(values["slug"], values["name"], members),
            group_id=row.pk if row else None,
        )


def reference(row: Principal | Resource) -> str:
    """Return what forms write for a principal or resource."""
    return f"{row.type}::{row.key}"


def entity(text: str) -> EntityRef:
    """Return what a form's choice stands for."""
    kind, _, key = text.partition("::")
    return EntityRef(kind, key)


def _spec(values: dict[str, Any]) -> EntrySpec:
    return EntrySpec(
        EntityRef(values["type"], values["key"]),
        name=values["name"],
        attributes=values["attributes"],
        groups=tuple(values.get("groups", ())),
    )


def _attributes(row: Principal | Resource) -> str:
    return ", ".join(f"{k} {v}" for k, v in sorted(row.attributes.items())) or "-"
