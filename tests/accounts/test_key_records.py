"""Whose a passkey was stays known, and is not rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from apps.accounts.models import KeyRecord, User
from apps.accounts.services import actor_for, fingerprint, remove_passkey
from tests.factories.accounts import MakeUser, make_authenticator, register_passkey

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user("alice", ["approver"])


def test_a_record_begins_with_a_passkey_and_ends_with_its_removal(
    user: User, tmp_path: Path
) -> None:
    first = register_passkey(user, make_authenticator(tmp_path))
    second = register_passkey(user, make_authenticator(tmp_path))
    remove_passkey(
        actor=actor_for(user),
        user=user,
        passkey_id=first.pk,
        proven_by=fingerprint(second),
    )
    gone, kept = KeyRecord.objects.filter(user_id=user.pk).order_by("since")
    assert bytes(gone.public_key) == bytes(first.public_key)
    assert gone.until is not None
    assert gone.since < gone.until
    assert kept.until is None


@pytest.mark.parametrize("change", [{"user_name": "ben"}, {"public_key": b"other"}])
def test_the_database_keeps_what_a_record_says(
    user: User, tmp_path: Path, change: dict[str, object]
) -> None:
    register_passkey(user, make_authenticator(tmp_path))
    with pytest.raises(DatabaseError), transaction.atomic():
        KeyRecord.objects.update(**change)


def test_the_database_deletes_no_record(user: User, tmp_path: Path) -> None:
    register_passkey(user, make_authenticator(tmp_path))
    with pytest.raises(DatabaseError), transaction.atomic():
        KeyRecord.objects.all().delete()
