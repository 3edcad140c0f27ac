"""Keys are made once, kept closed, and sign what they say they do."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.keys import selectors
from apps.keys.adapters import FileKeyStore, get_key_store
from apps.keys.choices import TENANT_KEYS, Algorithm, Purpose
from apps.keys.errors import KeyMissingError, KeyUnsafeError
from apps.keys.models import SigningKey
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("tests")


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore(tmp_path / "keys")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_signature_verifies_with_the_public_half(
    store: FileKeyStore, algorithm: Algorithm
) -> None:
    public = serialization.load_der_public_key(store.generate("t/k", algorithm))
    signature = store.sign("t/k", b"data")
    match public:
        case ed25519.Ed25519PublicKey() | mldsa.MLDSA65PublicKey():
            public.verify(signature, b"data")
        case ec.EllipticCurvePublicKey():
            r, s = signature[:32], signature[32:]
            der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
            public.verify(der, b"data", ec.ECDSA(hashes.SHA256()))
        case _:
            pytest.fail("an unknown kind of key")


def test_an_es256_signature_is_the_same_every_time(store: FileKeyStore) -> None:
    store.generate("k", Algorithm.ES256)
    assert store.sign("k", b"data") == store.sign("k", b"data")


def test_making_a_key_again_keeps_it(store: FileKeyStore) -> None:
    assert store.generate("k", Algorithm.ED25519) == store.generate(
        "k", Algorithm.ED25519
    )


def test_only_the_owner_may_read_a_key(store: FileKeyStore, tmp_path: Path) -> None:
    store.generate("t/k", Algorithm.ED25519)
    path = tmp_path / "keys" / "t" / "k.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o640)
    with pytest.raises(KeyUnsafeError):
        store.sign("t/k", b"data")


def test_a_key_that_is_gone_is_named(store: FileKeyStore) -> None:
    with pytest.raises(KeyMissingError, match="t/gone"):
        store.sign("t/gone", b"data")


def test_a_reference_cannot_leave_the_store(store: FileKeyStore) -> None:
    with pytest.raises(ValueError, match="inside"):
        store.sign("../secret", b"data")


def test_a_tenant_gets_every_key_once_and_that_is_audited(tenant: Tenant) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        found = {(key.purpose, key.algorithm) for key in SigningKey.objects.all()}
        assert found == {(p.value, a.value) for p, a in TENANT_KEYS}
        assert AuditEntry.objects.filter(action="key.created").count() == len(found)
        assert len(selectors.active_keys(Purpose.TARGETS)) == 2


def test_work_that_died_half_way_is_finished(tenant: Tenant) -> None:
    store = get_key_store()
    purpose, algorithm = TENANT_KEYS[0]
    reference = f"{tenant.pk}/{purpose.value}-{algorithm.value}-1"
    public = store.generate(reference, algorithm)
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        (root,) = selectors.active_keys(Purpose.ROOT)
    assert hashlib.sha256(bytes(root.public_key)).digest() == (
        hashlib.sha256(public).digest()
    )


def test_another_tenant_sees_no_keys(tenant: Tenant, other_tenant: Tenant) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(other_tenant.pk):
        assert SigningKey.objects.count() == 0
        assert selectors.active_keys(Purpose.ROOT) == []


def test_a_public_half_is_all_the_database_knows(tenant: Tenant) -> None:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    with tenant_scope(tenant.pk):
        for key in SigningKey.objects.all():
            serialization.load_der_public_key(bytes(key.public_key))
            with pytest.raises(ValueError, match=r".+"):
                serialization.load_der_private_key(bytes(key.public_key), None)
