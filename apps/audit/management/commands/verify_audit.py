"""Walk the audit trail of every tenant and say whether it holds."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from apps.audit.errors import ChainBrokenError
from apps.audit.selectors import verify_chain
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope


class Command(BaseCommand):
    """Verify the hash chain of each tenant."""

    help = "Verify the hash chain of every tenant's audit trail."

    @override
    def handle(self, *_args: object, **_options: object) -> None:
        broken = 0
        for tenant in tenants():
            try:
                with tenant_scope(tenant.pk):
                    count = verify_chain()
                self.stdout.write(f"{tenant.slug}: {count} entries hold")
            except ChainBrokenError as error:
                broken += 1
                self.stderr.write(f"{tenant.slug}: {error.message}")
        if broken:
            raise CommandError(f"{broken} broken trails")
