"""Bring roles in from a file: all of them or none."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.models import Role
from apps.roles.rules import RoleChange, RoleFile
from apps.roles.services.catalogue import define_permission, define_resource_type
from apps.roles.services.roles import save_role


@transaction.atomic
def import_roles(
    *, actor: Actor, file: RoleFile, is_dry_run: bool
) -> tuple[RoleChange, ...]:
    """Write the roles of a file, and what of the catalogue they need and is missing.

    A tier that the catalogue has is not changed by a file. A dry run does everything
    and takes it back, so that it refuses what the import would refuse. Raises what
    save_role and define_permission raise.
    """
    found = rules.changes(file, selectors.role_specs())
    with transaction.atomic():
        _write(actor, file)
        if is_dry_run:
            transaction.set_rollback(True)
    return found


def _write(actor: Actor, file: RoleFile) -> None:
    types = set(selectors.resource_types().values_list("name", flat=True))
    known = selectors.catalogue_tiers()
    for permission, tier in file.catalogue.items():
        if permission in known:
            continue
        if permission.resource_type not in types:
            define_resource_type(actor=actor, name=permission.resource_type)
            types.add(permission.resource_type)
        define_permission(
            actor=actor,
            action=permission.action,
            resource_type=permission.resource_type,
            tier=tier,
        )
    rows = dict(Role.objects.values_list("slug", "pk"))
    for spec in file.roles:
        save_role(actor=actor, spec=spec, role_id=rows.get(spec.slug))
