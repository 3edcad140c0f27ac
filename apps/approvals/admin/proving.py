"""Have evidence computed again, from the pages that show it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from apps.accounts.permissions import actor_of
from apps.approvals import selectors, services
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.core.errors import PortwardError


def prove_request(request: HttpRequest, row: ApprovalRequest) -> None:
    """Begin, and tell the person what came of it."""
    try:
        found = services.prove_request(actor=actor_of(request), request_id=row.pk)
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        _tell(request, selectors.proof_of_request(found))


def prove_set(request: HttpRequest, row: ChangeSet) -> None:
    """Do the same for a set of changes."""
    try:
        found = services.prove_change_set(actor=actor_of(request), set_id=row.pk)
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    else:
        _tell(request, selectors.proof_of_set(found))


def _tell(request: HttpRequest, proof: selectors.Proof | None) -> None:
    if proof is None:
        messages.info(request, "There is nothing to compute: no policy changes.")
    elif proof.is_done:
        messages.info(request, "The evidence is about what is live now already.")
    else:
        messages.success(request, "The evidence is being computed.")
