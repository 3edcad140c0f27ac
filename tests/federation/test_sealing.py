"""What is sealed is read with its use and owner only, and after a rotation."""

from __future__ import annotations

import uuid

import pytest
from pytest_django import Settings

from apps.federation.errors import ProviderInvalidError
from apps.federation.services import sealing

OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def sealed() -> bytes:
    return sealing.seal("s3cret", use=sealing.SECRET, owner=OWNER)


def test_what_is_sealed_is_read_again(sealed: bytes) -> None:
    assert sealing.unseal(sealed, use=sealing.SECRET, owner=OWNER) == "s3cret"
    assert b"s3cret" not in sealed


@pytest.mark.parametrize(
    ("use", "owner"),
    [(sealing.ATTEMPT, OWNER), (sealing.SECRET, OTHER)],
    ids=["other-use", "other-owner"],
)
def test_another_use_or_owner_reads_nothing(
    sealed: bytes, use: str, owner: uuid.UUID
) -> None:
    with pytest.raises(ProviderInvalidError):
        sealing.unseal(sealed, use=use, owner=owner)


def test_one_changed_bit_is_refused(sealed: bytes) -> None:
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(ProviderInvalidError):
        sealing.unseal(changed, use=sealing.SECRET, owner=OWNER)


def test_a_rotated_secret_key_still_opens_what_was_sealed(
    sealed: bytes, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert sealing.unseal(sealed, use=sealing.SECRET, owner=OWNER) == "s3cret"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ProviderInvalidError):
        sealing.unseal(sealed, use=sealing.SECRET, owner=OWNER)
