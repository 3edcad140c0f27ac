"""From a message to a signed release: once for each state, whatever happens between."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.bundles import adapters, handlers, rules, selectors, services, tasks
from apps.bundles.choices import ReleaseState
from apps.bundles.errors import (
    KeysMissingError,
    ReleaseContentionError,
    ReleaseSupersededError,
    SignatureRefusedError,
    TimestampOutdatedError,
)
from apps.bundles.models import Release, TimestampMetadata
from apps.keys.choices import KeyState, Purpose
from apps.keys.models import SigningKey
from apps.keys.tasks import ensure_tenant_keys
from apps.outbox.models import OutboxMessage
from apps.outbox.services import MessageEnvelope, drain
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.bundle import read_snapshot
from protocol.envelope import unpack_envelope
from protocol.fingerprint import state_digest
from tests.factories.bundles import (
    SYSTEM,
    change_state,
    newest,
    release_of,
    request_release,
)

pytestmark = pytest.mark.django_db(transaction=True)


def message(tenant: Tenant) -> MessageEnvelope:
    return MessageEnvelope(uuid.uuid4(), tenant.pk, "roles.changed", {}, uuid.uuid4())


def revisions(tenant: Tenant) -> list[tuple[int, str]]:
    with tenant_scope(tenant.pk):
        rows = Release.objects.order_by("revision")
        return [(row.revision, row.state) for row in rows]


def announced(tenant: Tenant) -> list[int]:
    with tenant_scope(tenant.pk):
        rows = OutboxMessage.objects.filter(topic="bundles.release_signed")
        return [row.payload["revision"] for row in rows.order_by("number")]


def test_a_change_becomes_a_signed_release(signing_tenant: Tenant) -> None:
    release = release_of(signing_tenant, "alice")
    snapshot = read_snapshot(bytes(release.snapshot))
    assert (release.revision, release.state) == (1, ReleaseState.SIGNED)
    assert "User::alice" in {record.id for record in snapshot.records}
    assert release.state_digest == state_digest(snapshot.records)
    assert announced(signing_tenant) == [1]


def test_the_release_names_the_one_before(signing_tenant: Tenant) -> None:
    first = release_of(signing_tenant, "alice")
    second = release_of(signing_tenant, "bob")
    assert second.previous_id == first.pk
    assert second.manifest["previous_revision"] == 1
    assert second.manifest["previous_digest"] == first.state_digest


@pytest.mark.parametrize("times", [1, 2])
def test_delivering_a_message_again_changes_nothing(
    signing_tenant: Tenant, times: int
) -> None:
    release_of(signing_tenant, "alice")
    for _ in range(times):
        handlers.publish(message(signing_tenant))
    assert revisions(signing_tenant) == [(1, "signed")]
    assert announced(signing_tenant) == [1]


def test_asking_for_a_release_of_the_same_state_makes_none(
    signing_tenant: Tenant,
) -> None:
    release_of(signing_tenant, "alice")
    request_release(signing_tenant)
    drain()
    assert revisions(signing_tenant) == [(1, "signed")]


def test_an_empty_tenant_is_released_too(signing_tenant: Tenant) -> None:
    request_release(signing_tenant)
    drain()
    assert newest(signing_tenant).manifest["counts"] == {"schema": 1}


def test_a_release_that_was_built_and_not_signed_is_signed_with_its_number(
    signing_tenant: Tenant,
) -> None:
    change_state(signing_tenant, "alice")
    built = handlers.build(signing_tenant.pk)
    assert revisions(signing_tenant) == [(1, "building")]
    handlers.publish(message(signing_tenant))
    assert newest(signing_tenant).pk == built
    assert revisions(signing_tenant) == [(1, "signed")]


def test_a_release_that_was_not_signed_before_the_state_moved_on_is_given_up(
    signing_tenant: Tenant,
) -> None:
    change_state(signing_tenant, "alice")
    stale = handlers.build(signing_tenant.pk)
    release_of(signing_tenant, "bob")
    assert stale is not None
    handlers.sign(signing_tenant.pk, stale)
    assert revisions(signing_tenant) == [(1, "failed"), (2, "signed")]
    assert announced(signing_tenant) == [2]
    # The number before is one that no node ever saw.
    assert newest(signing_tenant).previous is None


def together(count: int, act: Callable[[], object]) -> list[BaseException]:
    """Run an act on as many connections, all starting at the same instant."""
    barrier, failures = threading.Barrier(count), []

    def run() -> None:
        try:
            barrier.wait(timeout=10)
            act()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return failures


def build(tenant: Tenant, live: selectors.LiveState, draft: rules.Draft | None) -> None:
    with tenant_scope(tenant.pk):
        services.build_release(actor=SYSTEM, live=live, draft=draft, now=timezone.now())


def compiled(tenant: Tenant) -> tuple[selectors.LiveState, rules.Draft]:
    """Gather and compile what is due."""
    live = selectors.live_state(tenant.pk)
    draft = selectors.draft_of(tenant.pk, live, now=timezone.now())
    assert draft is not None
    return live, draft


def test_a_state_gathered_before_another_release_was_stored_is_gathered_again(
    signing_tenant: Tenant,
) -> None:
    live, draft = compiled(signing_tenant)
    release_of(signing_tenant, "alice")
    with pytest.raises(ReleaseContentionError):
        build(signing_tenant, live, draft)


def test_what_was_compiled_before_the_last_release_was_signed_is_compiled_again(
    signing_tenant: Tenant,
) -> None:
    change_state(signing_tenant, "alice")
    first = handlers.build(signing_tenant.pk)
    assert first is not None
    change_state(signing_tenant, "bob")
    live, draft = compiled(signing_tenant)
    handlers.sign(signing_tenant.pk, first)
    with pytest.raises(ReleaseContentionError):
        build(signing_tenant, live, draft)
    drain()
    assert revisions(signing_tenant) == [(1, "signed"), (2, "signed")]
    assert newest(signing_tenant).previous_id == first


def test_a_draft_of_another_state_is_not_stored(signing_tenant: Tenant) -> None:
    _, other = compiled(signing_tenant)
    change_state(signing_tenant, "alice")
    live, _ = compiled(signing_tenant)
    for draft in (other, None):
        with pytest.raises(ReleaseContentionError):
            build(signing_tenant, live, draft)
    assert revisions(signing_tenant) == []


def test_nothing_is_compiled_when_nothing_is_due(
    signing_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_of(signing_tenant, "alice")
    monkeypatch.setattr(rules, "compile_draft", pytest.fail)
    handlers.publish(message(signing_tenant))
    assert revisions(signing_tenant) == [(1, "signed")]


class SlowFirst:
    """Compiles as ever, but the first time only after it was told to go on."""

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()
        self._compile = rules.compile_draft
        self.in_transaction: list[bool] = []

    def __call__(self, *args: Any, **kwargs: Any) -> rules.Draft:
        self.in_transaction.append(connection.in_atomic_block)
        if not self.started.is_set():
            self.started.set()
            assert self.go_on.wait(timeout=30)
        return self._compile(*args, **kwargs)


@pytest.mark.parametrize("changed", [False, True])
def test_a_worker_that_compiles_for_long_holds_up_nobody(
    signing_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, *, changed: bool
) -> None:
    change_state(signing_tenant, "alice")
    slow = SlowFirst()
    monkeypatch.setattr(rules, "compile_draft", slow)

    def meanwhile() -> None:
        assert slow.started.wait(timeout=30)
        if changed:
            change_state(signing_tenant, "bob")
        handlers.publish(message(signing_tenant))
        slow.go_on.set()

    acts = iter([lambda: handlers.publish(message(signing_tenant)), meanwhile])
    assert together(2, lambda: next(acts)()) == []  # noqa: PLW0108  # one each
    assert slow.in_transaction == [False, False]
    # What the other one stored is the newest state, so the slow one had nothing to add.
    assert revisions(signing_tenant) == [(1, "signed")]
    found = read_snapshot(bytes(newest(signing_tenant).snapshot)).records
    assert ("User::bob" in {record.id for record in found}) is changed


def test_a_change_made_while_another_worker_compiles_is_released_as_well(
    signing_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_state(signing_tenant, "alice")
    slow = SlowFirst()
    monkeypatch.setattr(rules, "compile_draft", slow)

    def meanwhile() -> None:
        assert slow.started.wait(timeout=30)
        handlers.publish(message(signing_tenant))
        change_state(signing_tenant, "bob")
        slow.go_on.set()

    acts = iter([lambda: handlers.publish(message(signing_tenant)), meanwhile])
    assert together(2, lambda: next(acts)()) == []  # noqa: PLW0108  # one each
    assert revisions(signing_tenant) == [(1, "signed"), (2, "signed")]
    assert newest(signing_tenant).previous_id is not None
    found = read_snapshot(bytes(newest(signing_tenant).snapshot)).records
    assert {"User::alice", "User::bob"} <= {record.id for record in found}


def test_workers_that_build_at_the_same_time_make_one_release(
    signing_tenant: Tenant,
) -> None:
    change_state(signing_tenant, "alice")
    failures = together(4, lambda: handlers.publish(message(signing_tenant)))
    assert failures == []
    assert revisions(signing_tenant) == [(1, "signed")]
    assert announced(signing_tenant) == [1]


def test_a_tenant_without_keys_gets_them_with_its_first_release(
    tenant: Tenant,
) -> None:
    assert release_of(tenant, "alice").state == ReleaseState.SIGNED


def test_a_release_is_not_signed_while_a_key_is_retired(signing_tenant: Tenant) -> None:
    change_state(signing_tenant, "alice")
    release_id = handlers.build(signing_tenant.pk)
    assert release_id is not None
    with tenant_scope(signing_tenant.pk):
        SigningKey.objects.filter(purpose=Purpose.OPA).update(state=KeyState.RETIRED)
    with pytest.raises(KeysMissingError):
        handlers.sign_once(signing_tenant.pk, release_id)
    assert revisions(signing_tenant) == [(1, "building")]


def test_signing_the_same_release_twice_gives_the_same_bytes(
    signing_tenant: Tenant,
) -> None:
    change_state(signing_tenant, "alice")
    release_id = handlers.build(signing_tenant.pk)
    assert release_id is not None
    with tenant_scope(signing_tenant.pk):
        work = selectors.signing_work(release_id)
    now = timezone.now()
    root = adapters.sign_root(work.keys, now=now)
    first = adapters.sign_release(work, root=root, now=now)
    second = adapters.sign_release(work, root=root, now=now)
    assert first.snapshot == second.snapshot


def test_the_envelope_holds_all_that_a_node_needs(signing_tenant: Tenant) -> None:
    release = release_of(signing_tenant, "alice")
    with tenant_scope(signing_tenant.pk):
        envelope = selectors.envelope()
    assert envelope is not None
    assert envelope.etag == f'"{release.state_digest}.1"'
    files = unpack_envelope(envelope.body)
    assert sorted(files) == [
        "1.root.json",
        "1.snapshot.json",
        "1.targets.json",
        "bundle.tar.gz",
        "timestamp.json",
    ]
    assert files["bundle.tar.gz"] == bytes(release.snapshot)


def test_there_is_no_envelope_before_the_first_release(signing_tenant: Tenant) -> None:
    with tenant_scope(signing_tenant.pk):
        assert selectors.envelope() is None


def timestamp_version(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        stamp = selectors.timestamp()
        return stamp.version if stamp else 0


def test_refreshing_gives_a_newer_timestamp_of_the_same_release(
    signing_tenant: Tenant,
) -> None:
    release = release_of(signing_tenant, "alice")
    tasks.refresh_timestamps()
    assert timestamp_version(signing_tenant) == 2
    with tenant_scope(signing_tenant.pk):
        stamp = TimestampMetadata.objects.get()
    assert stamp.release_id == release.pk
    assert (stamp.expires_at - stamp.signed_at).total_seconds() == 600


def test_refreshing_a_tenant_without_a_release_does_nothing(
    signing_tenant: Tenant,
) -> None:
    tasks.refresh_timestamps()
    assert timestamp_version(signing_tenant) == 0


def test_refreshing_at_the_same_time_uses_each_number_once(
    signing_tenant: Tenant,
) -> None:
    release_of(signing_tenant, "alice")
    failures = together(3, lambda: tasks.refresh_timestamp(signing_tenant.pk))
    assert all(isinstance(error, TimestampOutdatedError) for error in failures)
    assert timestamp_version(signing_tenant) == 1 + 3 - len(failures)


def test_a_timestamp_signed_for_an_older_release_is_not_stored(
    signing_tenant: Tenant,
) -> None:
    release_of(signing_tenant, "alice")
    with tenant_scope(signing_tenant.pk):
        work = selectors.timestamp_work()
    assert work is not None
    release_of(signing_tenant, "bob")
    stamp = adapters.sign_timestamp(
        snapshot_metadata=work.snapshot_metadata,
        revision=work.revision,
        version=3,
        keys=work.keys,
        now=timezone.now(),
    )
    with tenant_scope(signing_tenant.pk), pytest.raises(TimestampOutdatedError):
        services.store_timestamp(release_id=work.release_id, timestamp=stamp)


def test_a_release_that_was_given_up_takes_no_signature(signing_tenant: Tenant) -> None:
    change_state(signing_tenant, "alice")
    stale = handlers.build(signing_tenant.pk)
    assert stale is not None
    release_of(signing_tenant, "bob")
    with pytest.raises(ReleaseSupersededError):
        handlers.sign_once(signing_tenant.pk, stale)


def test_the_database_refuses_to_change_a_signed_release(
    signing_tenant: Tenant,
) -> None:
    release = release_of(signing_tenant, "alice")
    with tenant_scope(signing_tenant.pk):
        rows = Release.objects.filter(pk=release.pk)
        with pytest.raises(IntegrityError, match="signed"), transaction.atomic():
            rows.update(failure="x")
        with pytest.raises(IntegrityError, match="kept"), transaction.atomic():
            connection.cursor().execute("DELETE FROM bundles_release")


def test_the_database_refuses_an_older_timestamp(signing_tenant: Tenant) -> None:
    release_of(signing_tenant, "alice")
    with (
        tenant_scope(signing_tenant.pk),
        pytest.raises(IntegrityError, match="newer"),
        transaction.atomic(),
    ):
        TimestampMetadata.objects.update(version=1)


def test_building_and_signing_leave_their_traces(signing_tenant: Tenant) -> None:
    release_of(signing_tenant, "alice")
    with tenant_scope(signing_tenant.pk):
        actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {
        "bundles.release_built",
        "bundles.root_created",
        "bundles.release_signed",
    } <= actions


def test_tenants_number_their_releases_apart(
    signing_tenant: Tenant, other_tenant: Tenant
) -> None:
    release_of(signing_tenant, "alice")
    assert revisions(other_tenant) == []


def test_a_tenant_that_fails_does_not_keep_others_from_fresh_timestamps(
    signing_tenant: Tenant,
    other_tenant: Tenant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ensure_tenant_keys(actor=SYSTEM, tenant_id=other_tenant.pk)
    for tenant in (signing_tenant, other_tenant):
        release_of(tenant, "alice")
    with tenant_scope(signing_tenant.pk):
        SigningKey.objects.filter(purpose=Purpose.TIMESTAMP).update(
            state=KeyState.RETIRED
        )
    tasks.refresh_timestamps()
    assert timestamp_version(signing_tenant) == 1
    assert timestamp_version(other_tenant) == 2
    assert f"tenant {signing_tenant.pk} was not refreshed" in caplog.text


def test_what_a_key_signed_that_the_root_does_not_name_is_not_stored(
    signing_tenant: Tenant, other_tenant: Tenant
) -> None:
    release_of(signing_tenant, "alice")
    ensure_tenant_keys(actor=SYSTEM, tenant_id=other_tenant.pk)
    with tenant_scope(other_tenant.pk):
        foreign = SigningKey.objects.get(purpose=Purpose.SNAPSHOT)
    with tenant_scope(signing_tenant.pk):
        key = SigningKey.objects.get(purpose=Purpose.SNAPSHOT)
        # As if somebody had swapped the key in the database.
        SigningKey.objects.filter(pk=key.pk).update(state=KeyState.RETIRED)
        key.pk, key.state = uuid.uuid4(), KeyState.ACTIVE
        key.reference, key.public_key = foreign.reference, foreign.public_key
    with tenant_scope(other_tenant.pk):
        foreign.delete()
    with tenant_scope(signing_tenant.pk):
        key.save(force_insert=True)
    change_state(signing_tenant, "bob")
    with pytest.raises(SignatureRefusedError, match="unsigned"):
        handlers.publish(message(signing_tenant))
    assert revisions(signing_tenant) == [(1, "signed"), (2, "building")]
