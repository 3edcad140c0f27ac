"""Print a fresh enrollment link: for the first administrator, and after a lock-out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from typing_extensions import override

from apps.accounts import selectors, services
from apps.accounts.errors import UserNotFoundError
from apps.audit.events import Actor


class Command(BaseCommand):
    """Make a link that lets a person register a passkey."""

    help = "Print a single-use enrollment link for a person, valid for 30 minutes."

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = selectors.user_by_username(options["username"])
        except UserNotFoundError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from error
        token = services.issue_enrollment_link(actor=Actor.command("enroll"), user=user)
        self.stdout.write(services.enrollment_url(token))
