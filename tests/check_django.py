"""Run Django's own checks, and the one for missing migrations, against a database."""

from __future__ import annotations

import os
import sys

from tests import embedded_database

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    import django
    from django.core.management import call_command

    try:
        django.setup()
        call_command("check", fail_level="WARNING")
        call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    finally:
        embedded_database.stop()
    sys.stdout.write("Django checks passed.\n")
