"""Messages are looked at by members; dead letters are retried by who may change."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEntry
from apps.outbox import services
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.accounts import MakeUser, SignedInClient

LIST = "admin:outbox_outboxmessage_changelist"


@pytest.fixture
def dead_letter(tenant: Tenant) -> OutboxMessage:
    with tenant_scope(tenant.pk):
        message = services.enqueue(topic="tests.died", payload={})
        OutboxMessage.objects.update(state=MessageState.DEAD)
        return message


def retry(client: Client, message: OutboxMessage, **more: str) -> HttpResponse:
    form = {"action": "retry", "_selected_action": str(message.pk), **more}
    return client.post(reverse(LIST), form)  # type: ignore[return-value]  # the test client's answer


def state(tenant: Tenant, message: OutboxMessage) -> str:
    with tenant_scope(tenant.pk):
        return OutboxMessage.objects.get(pk=message.pk).state


def test_an_admin_confirms_and_the_dead_letter_is_back_in_line(
    tenant: Tenant,
    dead_letter: OutboxMessage,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    client = signed_in_client(make_user("ada", ["security_admin"]))
    assert "Retry 1 dead letter" in retry(client, dead_letter).content.decode()
    assert state(tenant, dead_letter) == MessageState.DEAD
    retry(client, dead_letter, confirmed="yes")
    assert state(tenant, dead_letter) == MessageState.PENDING
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.filter(action="outbox.retried").count() == 1


def test_whoever_may_only_look_cannot_retry(
    tenant: Tenant,
    dead_letter: OutboxMessage,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    client = signed_in_client(make_user("tom", ["auditor"]))
    assert "tests.died" in client.get(reverse(LIST)).content.decode()
    retry(client, dead_letter, confirmed="yes")
    assert state(tenant, dead_letter) == MessageState.DEAD


def test_another_tenant_neither_sees_nor_retries(
    tenant: Tenant,
    other_tenant: Tenant,
    dead_letter: OutboxMessage,
    signed_in_client: SignedInClient,
) -> None:
    stranger = accounts.make_user("eve", ["security_admin"], tenant=other_tenant)
    client = signed_in_client(stranger)
    assert "tests.died" not in client.get(reverse(LIST)).content.decode()
    retry(client, dead_letter, confirmed="yes")
    assert state(tenant, dead_letter) == MessageState.DEAD
