"""Try a break-glass account out, with a clock running."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from typing_extensions import override

from apps.accounts.errors import UserNotFoundError
from apps.accounts.selectors import user_by_username
from apps.audit.events import Actor
from apps.breakglass import selectors, services
from apps.breakglass.models import Activation, BreakGlassAccount
from apps.signin.models import SignIn
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope

_POLL_SECONDS = 0.2


class Command(BaseCommand):
    """Walk people through a drill, and measure each step."""

    help = "Drill a break-glass account: sign in, open, end, review; each step timed."

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="short name of the tenant")
        parser.add_argument("--account", required=True, help="user name of the account")
        parser.add_argument(
            "--timeout", type=int, default=900, help="seconds until the drill failed"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor.command("break_glass_drill")
        self._tenant = tenant_by_slug(options["tenant"])
        try:
            user = user_by_username(options["account"])
        except UserNotFoundError as error:
            raise CommandError(error.message) from error
        with tenant_scope(self._tenant.pk):
            account = selectors.account_of(user)
            if account is None:
                raise CommandError(f"{user} is no break-glass account here.")
            services.announce_drill(actor=actor, account_id=account.pk)
        self._began = time.monotonic()
        self._deadline = self._began + options["timeout"]
        seconds = self._steps(account)
        with tenant_scope(self._tenant.pk):
            services.record_drill(actor=actor, account_id=account.pk, seconds=seconds)
        self.stdout.write(f"Drill done in {sum(seconds.values())} s.")

    def _steps(self, account: BreakGlassAccount) -> dict[str, int]:
        known = set(SignIn.objects.filter(user=account.user).values_list("pk"))
        uses = Activation.objects.filter(account=account, is_drill=True)
        with tenant_scope(self._tenant.pk):
            before = set(uses.values_list("pk", flat=True))

        def newest() -> Activation | None:
            return uses.exclude(pk__in=before).first()

        def is_in() -> bool:
            found = SignIn.objects.filter(user=account.user).values_list("pk")
            return bool(set(found) - known)

        return {
            "sign_in": self._wait("Fetch the key from the safe and sign in", is_in),
            "open": self._wait("Break the glass", lambda: newest() is not None),
            "end": self._wait(
                "End it in the banner", lambda: (use := newest()) and use.ended_at
            ),
            "review": self._wait(
                "Another security admin closes the review",
                lambda: (use := newest()) and use.closed_at,
            ),
        }

    def _wait(self, step: str, is_done: Callable[[], object]) -> int:
        self.stdout.write(f"{step} …")
        began = time.monotonic()
        while True:
            with tenant_scope(self._tenant.pk):
                if is_done():
                    break
            if time.monotonic() >= self._deadline:
                raise CommandError(f"The drill failed: nobody did “{step}” in time.")
            connection.close_if_unusable_or_obsolete()
            time.sleep(_POLL_SECONDS)
        took = round(time.monotonic() - began)
        self.stdout.write(f"  after {took} s")
        return took
