"""The documents that people sign, and their digests.

A digest is SHA-256 over a label, a zero byte and the RFC 8785 form of the document. The
label keeps a signature over one kind of document from passing for another kind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from apps.approvals.choices import RequestKind, Verdict
from apps.approvals.rules.flows import Flow


def request_document(  # noqa: PLR0913  # one argument for each field that is signed
    *,
    tenant: str,
    request: str,
    kind: RequestKind,
    title: str,
    reason: str,
    flow: Flow,
    opened_by: Mapping[str, str],
    items: Sequence[Mapping[str, Any]] = (),
    subject: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a request proposes, as it is signed. Fields are only ever added."""
    document: dict[str, Any] = {
        "v": 1,
        "type": "request",
        "tenant": tenant,
        "request": request,
        "kind": str(kind),
        "title": title,
        "reason": reason,
        "flow": flow.to_dict(),
        "opened_by": dict(opened_by),
        "items": [dict(item) for item in items],
    }
    return document if subject is None else document | {"subject": dict(subject)}


def vote_document(  # noqa: PLR0913  # one argument for each field that is signed
    *,
    tenant: str,
    request: str,
    request_digest: str,
    stage: int,
    verdict: Verdict,
    reason: str,
    voter: Mapping[str, str],
    stands_for: Sequence[Mapping[str, str]] = (),
    evidence: str = "",
) -> dict[str, Any]:
    """Return what one person says about a request, as the passkey signs it."""
    document: dict[str, Any] = {
        "v": 1,
        "type": "vote",
        "tenant": tenant,
        "request": request,
        "digest": request_digest,
        "stage": stage,
        "verdict": str(verdict),
        "reason": reason,
        "voter": dict(voter),
    }
    if lenders := [dict(person) for person in stands_for]:
        document["for"] = lenders
    # What the voter had in front of them: the digest of the evidence.
    if evidence:
        document["evidence"] = evidence
    return document


def instant_text(moment: dt.datetime) -> str:
    """Return a moment as documents hold it: UTC, to the second (RFC 3339)."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
