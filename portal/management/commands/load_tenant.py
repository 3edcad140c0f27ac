"""Load a tenant from a YAML file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from apps.audit.events import Actor
from portal.tenant_file import TenantFileError, load_tenant


class Command(BaseCommand):
    """Load windows, roles, principals, policies and more through the services."""

    help = "Load a tenant from a YAML file; loading it again changes what differs."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="such as demo/acme.yaml")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @override
    def handle(self, *_args: object, **options: Any) -> None:
        path: Path = options["file"]
        try:
            loaded = load_tenant(actor=Actor.command("load_tenant"), path=path)
        except TenantFileError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"errors": error.reasons}, indent=2))
            raise CommandError(
                f"{path.name} was not loaded.\n{error.as_text()}"
            ) from error
        counts = loaded.counts
        if options["json"]:
            answer = {"tenant": loaded.tenant.slug, "counts": counts}
            self.stdout.write(json.dumps(answer, indent=2))
            return
        self.stdout.write(f"Tenant {loaded.tenant.slug}:")
        for section, count in counts.items():
            self.stdout.write(f"  {section.replace('_', ' '):16} {count:4}")
