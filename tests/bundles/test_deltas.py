"""A release carries deltas from the last ones before it, signed as it is."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from apps.bundles import handlers, rules, selectors
from apps.bundles.models import Release, ReleaseDelta
from apps.outbox.choices import Lane
from apps.outbox.models import OutboxMessage
from apps.outbox.services import drain
from apps.roles.choices import Tier
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleSpec
from apps.roles.services import (
    assign_role,
    revoke_assignment,
    save_principal,
    save_role,
)
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.bundle import read_snapshot
from protocol.delta import Content, apply_delta, read_delta
from protocol.envelope import unpack_envelope
from protocol.errors import BundleTamperedError
from protocol.records import EntityRef
from tests.factories.bundles import SYSTEM, change_state, newest, release_of

ALICE = EntityRef("User", "alice")


def releases(tenant: Tenant, count: int) -> list[Content]:
    """Release so often, and return what each snapshot holds."""
    return [whole(release_of(tenant, f"user-{number:02}")) for number in range(count)]


def whole(release: Release) -> Content:
    return Content.of(read_snapshot(bytes(release.snapshot)))


def deltas(tenant: Tenant) -> dict[int, bytes]:
    with tenant_scope(tenant.pk):
        found = selectors.deltas_of(newest(tenant))
    return {delta.base.revision: delta.blob for delta in found}


def granted(tenant: Tenant) -> uuid.UUID:
    """Give Alice a role, in a tenant with enough records for a delta to pay."""
    with tenant_scope(tenant.pk):
        save_role(actor=SYSTEM, spec=RoleSpec("operators", "Operators", Tier.OPERATOR))
        for name in ("alice", "bob", "carol"):
            save_principal(actor=SYSTEM, spec=EntrySpec(EntityRef("User", name)))
        row = assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, "operators"))
    drain()
    return row.pk


def test_the_first_release_has_no_deltas(signing_tenant: Tenant) -> None:
    releases(signing_tenant, 1)
    assert deltas(signing_tenant) == {}


def test_every_delta_leads_to_the_newest_release(signing_tenant: Tenant) -> None:
    held = releases(signing_tenant, 6)
    wanted = held[-1]
    found = deltas(signing_tenant)
    # From the first two the delta would say more than the snapshot.
    assert sorted(found) == [3, 4, 5]
    for revision, blob in found.items():
        there = apply_delta(read_delta(blob), held[revision - 1])
        assert there.manifest == wanted.manifest
        assert there.state.tree.digest() == wanted.state.tree.digest()


def test_a_fresh_process_builds_the_same_deltas(
    signing_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "_MOST_CONTENTS", 0)
    held = releases(signing_tenant, 5)
    for revision, blob in deltas(signing_tenant).items():
        there = apply_delta(read_delta(blob), held[revision - 1])
        assert there.manifest == held[-1].manifest


def test_no_more_than_the_last_ones_are_kept(signing_tenant: Tenant) -> None:
    with tenant_scope(signing_tenant.pk):
        for number in range(30):
            name = EntityRef("User", f"many-{number}")
            save_principal(actor=SYSTEM, spec=EntrySpec(name))
    releases(signing_tenant, rules.DELTAS_KEPT + 2)
    newest_revision = newest(signing_tenant).revision
    expected = range(newest_revision - rules.DELTAS_KEPT, newest_revision)
    assert sorted(deltas(signing_tenant)) == list(expected)
    with tenant_scope(signing_tenant.pk):
        assert ReleaseDelta.objects.count() == rules.DELTAS_KEPT


def test_a_release_that_was_never_signed_is_no_base(signing_tenant: Tenant) -> None:
    held = releases(signing_tenant, 4)
    change_state(signing_tenant, "never-signed")
    handlers.build(signing_tenant.pk)
    newer = whole(release_of(signing_tenant, "later"))
    assert newer.manifest.revision == 6
    found = deltas(signing_tenant)
    assert 5 not in found
    there = apply_delta(read_delta(found[4]), held[3])
    assert there.manifest == newer.manifest


def test_deltas_are_signed_with_the_release(signing_tenant: Tenant) -> None:
    releases(signing_tenant, 4)
    with tenant_scope(signing_tenant.pk):
        assert selectors.verify_newest() is not None
        # The trigger keeps the row as it is; whoever gets past it is found out.
        row = ReleaseDelta.objects.latest("base__revision")
        row.delete()
        ReleaseDelta.objects.create(
            tenant_id=row.tenant_id,
            release=row.release,
            base=row.base,
            content=bytes(row.content) + b" ",
        )
        with pytest.raises(BundleTamperedError):
            selectors.verify_newest()


def test_a_delta_does_not_change(signing_tenant: Tenant) -> None:
    releases(signing_tenant, 4)
    with tenant_scope(signing_tenant.pk):
        row = ReleaseDelta.objects.latest("base__revision")
        row.content = b"{}"
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


def test_the_answer_with_a_delta_carries_neither_bundle_nor_first_root(
    signing_tenant: Tenant,
) -> None:
    held = releases(signing_tenant, 4)[2]
    with tenant_scope(signing_tenant.pk):
        envelope = selectors.envelope()
    assert envelope is not None
    base = held.base
    body = envelope.deltas.get(rules.etag(base.state_digest, base.revision))
    assert body is not None
    assert sorted(unpack_envelope(body)) == [
        *("4.snapshot.json", "4.targets.json", "delta-3.json", "timestamp.json"),
    ]
    assert envelope.deltas.get(rules.etag(base.state_digest, 2)) is None
    assert len(body) < len(envelope.body)


def test_a_release_names_the_act_it_is_due_to(signing_tenant: Tenant) -> None:
    assignment = granted(signing_tenant)
    with tenant_scope(signing_tenant.pk):
        revoke_assignment(actor=SYSTEM, assignment_id=assignment)
        message = OutboxMessage.objects.get(state="pending")
    drain()
    assert newest(signing_tenant).cause == {
        "topic": "roles.changed",
        "lane": "urgent",
        "message": str(message.pk),
        "act": "assignment.revoked",
        "target": f"Assignment:{assignment}",
    }


def test_a_revocation_is_urgent_to_the_edge(signing_tenant: Tenant) -> None:
    assignment = granted(signing_tenant)
    with tenant_scope(signing_tenant.pk):
        revoke_assignment(actor=SYSTEM, assignment_id=assignment)
    assert drain(urgent_only=True) == 2
    with tenant_scope(signing_tenant.pk):
        told = OutboxMessage.objects.filter(topic="bundles.release_signed")
        assert told.latest("number").lane == Lane.URGENT
    assert newest(signing_tenant).revision == 2


def test_the_cause_of_a_release_does_not_change(signing_tenant: Tenant) -> None:
    change_state(signing_tenant, "alice")
    release_id = handlers.build(signing_tenant.pk, cause={"act": "assignment.created"})
    with tenant_scope(signing_tenant.pk):
        release = selectors.release_by_id(release_id)  # type: ignore[arg-type]  # it was built
        release.cause = {"act": "nothing.much"}
        with pytest.raises(IntegrityError), transaction.atomic():
            release.save()


def test_a_claim_signed_before_there_were_deltas_still_verifies(
    signing_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_of = selectors.claim_of
    monkeypatch.setattr(
        selectors, "claim_of", lambda r: replace(claim_of(r), manifest_digest="")
    )
    releases(signing_tenant, 1)
    monkeypatch.undo()
    with tenant_scope(signing_tenant.pk):
        assert selectors.verify_newest() is not None
