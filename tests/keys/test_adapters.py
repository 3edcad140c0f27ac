"""A store refuses keys that are open to others, unreadable, or not the recorded."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connections

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.keys import adapters, selectors
from apps.keys.checks import check_key_store
from apps.keys.choices import TENANT_KEYS, Algorithm, KeyState, Purpose
from apps.keys.errors import KeyMismatchError, KeyUnsafeError
from apps.keys.models import SigningKey
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("tests")


@pytest.fixture
def store(tmp_path: Path) -> adapters.FileKeyStore:
    return adapters.FileKeyStore(tmp_path / "keys")


def test_a_folder_that_others_may_enter_is_refused(
    store: adapters.FileKeyStore, tmp_path: Path
) -> None:
    store.generate("t/k", Algorithm.ED25519)
    assert store.sign("t/k", b"data")
    (tmp_path / "keys" / "t").chmod(0o750)
    with pytest.raises(KeyUnsafeError):
        store.sign("t/k", b"data")


def test_a_key_of_another_algorithm_is_refused(store: adapters.FileKeyStore) -> None:
    store.generate("t/k", Algorithm.ED25519)
    with pytest.raises(KeyMismatchError):
        store.generate("t/k", Algorithm.ES256)


def test_a_damaged_file_is_refused(
    store: adapters.FileKeyStore, tmp_path: Path
) -> None:
    store.generate("t/k", Algorithm.ED25519)
    (tmp_path / "keys" / "t" / "k.pem").write_bytes(b"damaged")
    with pytest.raises(KeyMismatchError, match="cannot be read"):
        store.sign("t/k", b"data")


def test_a_key_other_than_the_recorded_one_does_not_sign(tenant: Tenant) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        (root,) = selectors.active_keys(Purpose.ROOT)
        (other,) = selectors.active_keys(Purpose.SNAPSHOT)
    assert adapters.tuf_signer(root).public_key.keyid
    root.reference = other.reference
    with pytest.raises(KeyMismatchError, match="not the one recorded"):
        adapters.tuf_signer(root)


def test_a_successor_does_not_revive_a_retired_key(tenant: Tenant) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        (retired,) = selectors.active_keys(Purpose.ROOT)
        SigningKey.objects.filter(pk=retired.pk).update(state=KeyState.RETIRED)
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        (successor,) = selectors.active_keys(Purpose.ROOT)
    assert bytes(successor.public_key) != bytes(retired.public_key)


@pytest.mark.django_db(transaction=True)
def test_keys_made_twice_at_once_are_one_set(tenant: Tenant) -> None:
    barrier = threading.Barrier(2)
    errors: list[Exception] = []

    def make() -> None:
        try:
            barrier.wait(20)
            ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
        except Exception as error:  # noqa: BLE001  # asserted below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    with tenant_scope(tenant.pk):
        assert SigningKey.objects.count() == len(TENANT_KEYS)
        assert AuditEntry.objects.count() == len(TENANT_KEYS)
        for key in SigningKey.objects.all():
            store = adapters.get_key_store()
            assert store.public_bytes(key.reference) == bytes(key.public_key)


def test_keys_in_files_are_warned_of_before_going_live() -> None:
    assert [warning.id for warning in check_key_store(None)] == ["keys.W001"]
