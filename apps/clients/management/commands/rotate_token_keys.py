"""Rotate the keys that sign access tokens, ahead of their time."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from typing_extensions import override

from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.keys.tasks import rotate_token_keys
from apps.tenants.selectors import tenant_by_slug, tenants


class Command(BaseCommand):
    help = "Let the next token key of each tenant, or of one, sign from now on."

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="", help="short name of one tenant")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        slug = str(options["tenant"])
        actor = Actor.command("rotate_token_keys")
        failed = 0
        try:
            chosen = [tenant_by_slug(slug)] if slug else list(tenants())
        except PortwardError as error:
            raise CommandError(error.message) from error
        for tenant in chosen:
            try:
                rotate_token_keys(actor=actor, tenant_id=tenant.pk)
            except PortwardError as error:
                failed += 1
                self.stderr.write(f"{tenant.slug}: {error.message} {error.remedy}")
            else:
                self.stdout.write(f"{tenant.slug}: rotated")
        if failed:
            raise CommandError(f"{failed} of {len(chosen)} tenants were not rotated.")
