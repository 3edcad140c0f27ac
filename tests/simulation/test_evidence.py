"""Evidence is computed once for an input, from what is live, and says what it says."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.policies import services as policy_services
from apps.policies.models import PolicyDraft
from apps.simulation import selectors, services
from apps.simulation.choices import EvidenceState
from apps.simulation.errors import NothingChangesError
from apps.simulation.models import Evidence
from apps.simulation.rules import document_digest
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import ALICE, SYSTEM, build_access

pytestmark = pytest.mark.django_db

CONTENT = {
    "name": "Developers restart nodes",
    "effect": "permit",
    "tier": "operator",
    "owner": "Platform",
    "principals": [{"type": "Role", "id": "developer"}],
    "actions": ["restart"],
    "resources": [{"type": "Node"}],
}


@pytest.fixture
def draft(tenant: Tenant) -> PolicyDraft:
    with tenant_scope(tenant.pk):
        build_access()
        return policy_services.save_draft(
            actor=SYSTEM, policy_id=None, content=CONTENT, expected_lock=None
        )


def ask(tenant: Tenant, draft: PolicyDraft) -> Evidence:
    with tenant_scope(tenant.pk):
        return services.request_evidence(
            actor=Actor.system("tests"),
            title="A draft",
            changes=[selectors.change_of_draft(draft)],
            contents=[(draft.policy.slug, draft.content)],
        )


def test_asking_twice_for_the_same_gives_the_same_evidence(
    tenant: Tenant, draft: PolicyDraft
) -> None:
    assert ask(tenant, draft) == ask(tenant, draft)


def test_evidence_about_nothing_is_refused(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk), pytest.raises(NothingChangesError):
        services.request_evidence(actor=SYSTEM, title="Nothing", changes=[])


def test_evidence_names_who_gains_what_and_has_a_digest(
    tenant: Tenant, draft: PolicyDraft
) -> None:
    row = ask(tenant, draft)

    outbox.drain(patience=30)

    with tenant_scope(tenant.pk):
        row = selectors.evidence_by_id(row.pk)
    assert (row.state, row.progress) == (EvidenceState.DONE, 100)
    assert row.document is not None
    assert row.digest == document_digest(row.document)
    (gainer,) = row.document["impact"]["principals"]
    assert (gainer["type"], gainer["id"]) == (ALICE.type, ALICE.id)
    assert gainer["gained"] > 0
    assert row.document["impact"]["lost"] == {"principals": 0, "cells": 0}


def test_evidence_is_fresh_for_an_hour_or_while_nothing_else_is_live(
    tenant: Tenant, draft: PolicyDraft
) -> None:
    row = ask(tenant, draft)
    with tenant_scope(tenant.pk):
        assert not selectors.is_fresh(row, timezone.now())
    outbox.drain(patience=30)
    later = timezone.now() + dt.timedelta(hours=2)
    with tenant_scope(tenant.pk):
        row = selectors.evidence_by_id(row.pk)
        assert selectors.is_fresh(row, timezone.now())
        assert selectors.is_fresh(row, later)
        row.base_digest = "sha256:" + "0" * 64
        assert not selectors.is_fresh(row, later)


def test_what_is_live_is_part_of_the_input(tenant: Tenant, draft: PolicyDraft) -> None:
    first = ask(tenant, draft)
    with tenant_scope(tenant.pk):
        from tests.factories.access import make_unused_scopes  # noqa: PLC0415

        make_unused_scopes()

    assert ask(tenant, draft) != first


def test_computing_twice_changes_nothing(tenant: Tenant, draft: PolicyDraft) -> None:
    row = ask(tenant, draft)
    services.compute(tenant_id=tenant.pk, evidence_id=row.pk)
    with tenant_scope(tenant.pk):
        first = selectors.evidence_by_id(row.pk)
    services.compute(tenant_id=tenant.pk, evidence_id=row.pk)
    with tenant_scope(tenant.pk):
        assert selectors.evidence_by_id(row.pk).computed_at == first.computed_at


def test_what_failed_begins_again_when_it_is_asked_for(
    tenant: Tenant, draft: PolicyDraft
) -> None:
    row = ask(tenant, draft)
    with tenant_scope(tenant.pk):
        services.note_failure(evidence_id=row.pk, error="The key store is away.")
    assert ask(tenant, draft).state == EvidenceState.PENDING
