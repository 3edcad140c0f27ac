"""Verify every stored vote from its own bytes, without passkeys or a network."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from apps.approvals import rules, selectors
from apps.approvals.errors import VoteEvidenceError
from apps.approvals.models import Vote
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope


class Command(BaseCommand):
    help = "Verify the passkey assertion of every stored vote, tenant by tenant."

    @override
    def handle(self, *args: object, **options: object) -> None:
        count, broken = 0, []
        for tenant in list(tenants()):
            with tenant_scope(tenant.pk):
                for vote in selectors.votes().iterator(chunk_size=500):
                    count += 1
                    problem = _problem(vote)
                    if problem:
                        broken.append(f"{tenant.slug}: vote {vote.pk}: {problem}")
        if broken:
            raise CommandError(
                "\n".join([*broken, f"{len(broken)} of {count} votes do not verify."])
            )
        self.stdout.write(self.style.SUCCESS(f"{count} votes verified."))


def _problem(vote: Vote) -> str:
    try:
        rules.verify_vote(selectors.evidence_of(vote))
    except VoteEvidenceError as error:
        return error.message
    return ""
