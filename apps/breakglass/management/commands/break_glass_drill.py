"""Try a break-glass account out, with a clock running."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from typing_extensions import override

from apps.accounts.selectors import user_by_username
from apps.audit.events import Actor
from apps.breakglass import rules, selectors, services
from apps.breakglass.models import BreakGlassAccount
from apps.core.errors import PortwardError
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("break_glass_drill")
_POLL_SECONDS = 0.2
_LONGEST = int(rules.DRILL_LASTS.total_seconds())


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
        if not 0 <= options["timeout"] <= _LONGEST:
            raise CommandError(f"A drill takes {_LONGEST} seconds at most.")
        account = self._announce(options["tenant"], options["account"])
        self._deadline = time.monotonic() + options["timeout"]
        self._step, self._seconds = "", dict[str, int]()
        try:
            self._walk(account)
        except (CommandError, KeyboardInterrupt):
            with tenant_scope(account.tenant_id):
                services.call_drill_off(
                    actor=ACTOR,
                    account_id=account.pk,
                    step=self._step,
                    seconds=self._seconds,
                )
            raise
        with tenant_scope(account.tenant_id):
            services.record_drill(
                actor=ACTOR, account_id=account.pk, seconds=self._seconds
            )
        self.stdout.write(f"Drill done in {sum(self._seconds.values())} s.")

    def _announce(self, slug: str, username: str) -> BreakGlassAccount:
        try:
            tenant = tenant_by_slug(slug)
            user = user_by_username(username)
            with tenant_scope(tenant.pk):
                account = selectors.account_of(user)
                if account is None:
                    raise CommandError(f"{user} is no break-glass account here.")
                return services.announce_drill(actor=ACTOR, account_id=account.pk)
        except PortwardError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from error

    def _walk(self, account: BreakGlassAccount) -> None:
        begun = account.drill_announced_at
        assert begun is not None  # noqa: S101  # it was announced just now

        def seen(part: str) -> Callable[[], object]:
            return lambda: getattr(selectors.drill_of(account, since=begun), part)

        steps = {
            "sign_in": "Fetch the key from the safe and sign in",
            "open": "Break the glass",
            "end": "End it in the banner",
            "review": "Another security admin closes the review",
        }
        for part, words in steps.items():
            self._step = part
            self._seconds[part] = self._wait(account, words, seen(part))

    def _wait(
        self, account: BreakGlassAccount, step: str, is_done: Callable[[], object]
    ) -> int:
        self.stdout.write(f"{step} …")
        began = time.monotonic()
        while True:
            with tenant_scope(account.tenant_id):
                if is_done():
                    break
            if time.monotonic() >= self._deadline:
                raise CommandError(f"The drill failed: nobody did “{step}” in time.")
            connection.close_if_unusable_or_obsolete()
            time.sleep(_POLL_SECONDS)
        took = round(time.monotonic() - began)
        self.stdout.write(f"  after {took} s")
        return took
