"""The trail is read by members of its tenant, and changed by nobody."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit import services
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.accounts import MakeUser, SignedInClient

LIST = "admin:audit_auditentry_changelist"
PAGE = "admin:audit_auditentry_change"


@pytest.fixture
def entry(tenant: Tenant) -> AuditEntry:
    with tenant_scope(tenant.pk):
        return services.append(
            actor=Actor.command("tests"),
            action="thing.changed",
            target_type="thing",
            target_id="web-1",
            before={"limit": "was-7"},
            after={"limit": "is-8"},
        )


@pytest.fixture
def auditor(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("tom", ["auditor"]))


def test_the_list_is_searched_and_walked_by_date(
    entry: AuditEntry, auditor: Client
) -> None:
    assert "thing web-1" in auditor.get(reverse(LIST), {"q": "web-1"}).text
    assert "thing web-1" not in auditor.get(reverse(LIST), {"q": "web-2"}).text
    years = {"at__year": str(entry.at.year)}
    assert "thing web-1" in auditor.get(reverse(LIST), years).text
    assert "thing web-1" not in auditor.get(reverse(LIST), {"at__year": "2001"}).text


def test_the_page_shows_before_and_after_without_inline_code(
    entry: AuditEntry, auditor: Client
) -> None:
    text = auditor.get(reverse(PAGE, args=[entry.pk])).text
    assert "was-7" in text
    assert "is-8" in text
    assert " style=" not in text


def test_nobody_changes_an_entry(
    entry: AuditEntry, make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("ada", ["security_admin"]))
    url = reverse(PAGE, args=[entry.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"action": "thing.forged"}).status_code == 403


def test_another_tenant_does_not_find_the_entry(
    entry: AuditEntry, other_tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    stranger = accounts.make_user("eve", ["auditor"], tenant=other_tenant)
    client = signed_in_client(stranger)
    assert "thing web-1" not in client.get(reverse(LIST)).text
    # The admin answers a missing row with a redirect to its index.
    assert client.get(reverse(PAGE, args=[entry.pk])).status_code in {302, 404}
