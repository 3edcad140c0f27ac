"""Keys of access tokens change without a token that stops working."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.clients import tasks
from apps.keys.choices import KeyState, Purpose
from apps.keys.models import SigningKey
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.clients.conftest import Api
from tests.factories.clients import Program, read


def published(tenant: Tenant) -> list[str]:
    answer: Any = Client().get(f"/oauth/{tenant.slug}/jwks")
    return [key["kid"] for key in answer.json()["keys"]]


def make_older(tenant: Tenant, age: dt.timedelta) -> None:
    with tenant_scope(tenant.pk):
        SigningKey.objects.filter(purpose=Purpose.TOKENS).update(
            created_at=timezone.now() - age
        )


def rotate(tenant: Tenant) -> str:
    out = io.StringIO()
    call_command("rotate_token_keys", tenant=tenant.slug, stdout=out, stderr=out)
    return out.getvalue()


def test_a_token_of_the_old_key_counts_until_it_ends(
    tenant: Tenant, program: Program, api: Api
) -> None:
    old = program.token()
    make_older(tenant, dt.timedelta(hours=2))
    before = published(tenant)
    assert rotate(tenant) == "acme: rotated\n"
    new = program.token()
    assert read(old, 0)["kid"] != read(new, 0)["kid"]
    # The key that signs now was published before it did.
    assert read(new, 0)["kid"] in before
    assert api(old).status_code == api(new).status_code == 200
    assert len(published(tenant)) == 3
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        assert read(old, 0)["kid"] not in published(tenant)


def test_a_key_that_nobody_knows_yet_does_not_sign(
    tenant: Tenant, program: Program
) -> None:
    before = read(program.token(), 0)["kid"]
    with pytest.raises(CommandError, match="1 of 1"):
        rotate(tenant)
    assert read(program.token(), 0)["kid"] == before


def test_an_unknown_tenant_is_named(tenant: Tenant) -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("rotate_token_keys", tenant="nobody")
    assert tenant.slug == "acme"


def test_the_task_rotates_what_has_signed_for_a_month(
    tenant: Tenant, program: Program
) -> None:
    first = read(program.token(), 0)["kid"]
    make_older(tenant, dt.timedelta(days=29))
    tasks.rotate_due_keys()
    assert read(program.token(), 0)["kid"] == first
    make_older(tenant, dt.timedelta(days=31))
    tasks.rotate_due_keys()
    second = read(program.token(), 0)["kid"]
    assert second != first
    tasks.rotate_due_keys()
    assert read(program.token(), 0)["kid"] == second


def test_a_rotation_is_audited(tenant: Tenant, program: Program) -> None:
    program.token()
    make_older(tenant, dt.timedelta(hours=2))
    rotate(tenant)
    with tenant_scope(tenant.pk):
        actions = set(AuditEntry.objects.values_list("action", flat=True))
        states = list(
            SigningKey.objects.filter(purpose=Purpose.TOKENS).values_list(
                "state", flat=True
            )
        )
    assert {"key.retired", "key.activated", "clients.token_issued"} <= actions
    assert sorted(states) == sorted(KeyState.values)


def test_the_task_forgets_what_expired(tenant: Tenant, program: Program) -> None:
    program.token()
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10)):
        tasks.forget_expired()
    with tenant_scope(tenant.pk):
        assert not program.client.usedassertion_set.exists()


def test_a_tenant_without_keys_publishes_an_empty_set(tenant: Tenant) -> None:
    assert published(tenant) == []
    assert Client().get("/oauth/nobody/jwks").status_code == 404
