"""Votes and the certificates made of them."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q, QuerySet

from apps.accounts.models import KeyRecord, Membership
from apps.approvals import rules
from apps.approvals.choices import RequestState
from apps.approvals.models import ApprovalRequest, Vote


def votes() -> QuerySet[Vote]:
    """Return all votes with their requests, oldest first."""
    return Vote.objects.select_related("request").order_by("cast_at", "pk")


def evidence_of(vote: Vote) -> rules.VoteEvidence:
    """Return a vote in the form that the verifier takes."""
    return rules.VoteEvidence(
        request_document=vote.request.document,
        request_digest=vote.request.digest,
        document=vote.document,
        verdict=vote.verdict,
        user_id=str(vote.user_id),
        rp_id=vote.rp_id,
        client_data=bytes(vote.client_data),
        authenticator_data=bytes(vote.authenticator_data),
        signature=bytes(vote.signature),
        public_key=bytes(vote.public_key),
    )


def approver_keys() -> QuerySet[KeyRecord]:
    """Return whose the passkeys of members and past voters were, and when."""
    members = Membership.objects.values("user_id")
    return KeyRecord.objects.filter(
        Q(user_id__in=members) | Q(user_id__in=Vote.objects.values("user_id"))
    )


def certificates(request_ids: Collection[uuid.UUID]) -> list[dict[str, Any]]:
    """Return the approval certificate of each approved request, by request id."""
    found = (
        ApprovalRequest.objects.filter(pk__in=request_ids, state=RequestState.APPROVED)
        .prefetch_related("votes")
        .order_by("pk")
    )
    return [_certificate(request) for request in found]


def _certificate(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "v": 1,
        "type": "approval",
        "digest": request.digest,
        "request": request.document,
        "votes": [_certified(vote) for vote in _by_time(request.votes.all())],
    }


def _certified(vote: Vote) -> dict[str, Any]:
    return {
        "document": vote.document,
        "cast_at": _exactly(vote.cast_at),
        "demo": vote.is_demo,
        "rp_id": vote.rp_id,
        "credential_id": _b64(vote.credential_id),
        "client_data": _b64(vote.client_data),
        "authenticator_data": _b64(vote.authenticator_data),
        "signature": _b64(vote.signature),
        "public_key": _b64(vote.public_key),
    }


def _exactly(moment: dt.datetime) -> str:
    """Return an instant in full: a key may be younger than a second."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _by_time(votes: Iterable[Vote]) -> list[Vote]:
    return sorted(votes, key=lambda vote: (vote.cast_at, vote.pk))


def _b64(value: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(bytes(value)).rstrip(b"=").decode()
