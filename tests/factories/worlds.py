"""Releases with any records and any time of signing, without keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from apps.bundles import selectors
from apps.bundles.choices import ReleaseState
from apps.bundles.models import Release
from apps.simulation.selectors import live_records
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.calendar import window_condition
from engine.cedar import condition_text, statement_text
from engine.places import location_condition
from protocol.bundle import build_manifest, build_snapshot
from protocol.records import (
    Head,
    LocationRecord,
    PolicyRecord,
    Record,
    Statement,
    WindowRecord,
)
from tests.factories.access import build_access

SIGNED = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)


def sign_release(
    tenant: Tenant, records: Iterable[Record], *, at: dt.datetime = SIGNED
) -> Release:
    """Return a release as if it had been signed at a moment."""
    found = list(records)
    with tenant_scope(tenant.pk):
        previous = selectors.newest_release()
        revision = previous.revision + 1 if previous else 1
        manifest = build_manifest(
            tenant=str(tenant.pk),
            revision=revision,
            previous=None,
            created=at.isoformat(),
            created_epoch=int(at.timestamp()),
            records=found,
        )
        blob = build_snapshot(manifest, found)
        return Release.objects.create(
            tenant=tenant,
            revision=revision,
            state_digest=manifest.state_digest,
            manifest=manifest.to_dict(),
            certificates=[],
            snapshot=blob,
            size=len(blob),
            state=ReleaseState.SIGNED,
            created_at=at,
            signed_at=at,
        )


def permit(
    ident: str,
    role: str,
    action: str,
    kind: str,
    *conditions: str,
) -> PolicyRecord:
    """Return a policy for a role on all resources of a type."""
    heads = (Head("in", "Role", role), Head("==", id=action), Head("is", kind))
    text = statement_text(f"{ident}#0", "permit", heads, conditions)
    return PolicyRecord(
        ident,
        ident.replace("-", " ").capitalize(),
        3,
        "permit",
        "operator",
        (Statement(f"{ident}#0", text, *heads),),
        "change",
    )


def acme(tenant: Tenant) -> list[Record]:
    """Build the small access model, and return it with policies as records.

    Developers restart nodes with MFA 2, deploy during office hours from the office, and
    read at any time; alice is one.
    """
    with tenant_scope(tenant.pk):
        build_access()
        live = live_records()
    (hours,) = [r for r in live if isinstance(r, WindowRecord)]
    (office,) = [r for r in live if isinstance(r, LocationRecord)]
    mfa = condition_text("mfa", ">=", 2)
    place = location_condition(office, unknown_matches=False)
    return [
        *live,
        permit("nodes-restarted", "developer", "restart", "Node", mfa),
        permit(
            *("deployments", "developer", "deploy", "Namespace"),
            window_condition(hours),
            place,
        ),
        permit("reading", "reader", "read", "Namespace"),
    ]
