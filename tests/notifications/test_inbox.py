"""People are told things in the application, each their own."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.accounts.models import User
from apps.notifications import selectors
from apps.notifications.errors import NotificationInvalidError
from apps.notifications.models import Notification
from apps.notifications.rules.paths import is_own_path
from apps.notifications.services import mark_read, notify
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import SignedInClient, make_user

INBOX = "/account/notifications/"


def tell(*users: User, **changes: Any) -> None:
    """Tell people that a vote of theirs is wanted."""
    arguments: dict[str, Any] = {
        "event": "approval.requested",
        "recipients": [user.pk for user in users],
        "title": "Dana asks for database-operator",
        "body": "For 60 minutes, ticket INC-4711.",
        "path": "/admin/",
        "data": {"who": "Dana", "what": "database-operator", "risk": 40, "ttl": 60},
    }
    notify(**(arguments | changes))


@pytest.mark.usefixtures("in_tenant")
def test_each_recipient_gets_one_notification(alice: User, bob: User) -> None:
    tell(alice, bob, alice)
    assert selectors.unread_count(alice) == 1
    assert selectors.unread_count(bob) == 1


@pytest.mark.usefixtures("in_tenant")
def test_whoever_is_no_member_is_told_nothing(
    alice: User, other_tenant: Tenant
) -> None:
    mallory = make_user("mallory", ["auditor"], tenant=other_tenant)
    tell(alice, mallory)
    assert list(Notification.objects.values_list("user_id", flat=True)) == [alice.pk]


@pytest.mark.usefixtures("in_tenant")
def test_a_locked_account_is_told_nothing(alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    tell(alice, bob)
    assert Notification.objects.filter(user=bob).count() == 0


@pytest.mark.usefixtures("in_tenant")
def test_an_unknown_event_is_refused(alice: User) -> None:
    with pytest.raises(NotificationInvalidError):
        tell(alice, event="approval.granted_in_chat")


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "admin/", "/a b"],
)
def test_a_path_leads_nowhere_else(path: str) -> None:
    assert not is_own_path(path)


def test_a_page_of_ours_is_a_path() -> None:
    assert is_own_path("/admin/approvals/approvalrequest/1/change/?next=1")


@pytest.mark.usefixtures("in_tenant")
def test_others_notifications_cannot_be_marked(alice: User, bob: User) -> None:
    tell(alice)
    row = Notification.objects.get()
    assert not mark_read(user=bob, notification_id=row.pk)
    assert selectors.unread_count(alice) == 1
    assert mark_read(user=alice, notification_id=row.pk)
    assert selectors.unread_count(alice) == 0


def test_the_top_bar_counts_what_is_unread(
    alice: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(alice)
    with tenant_scope(tenant.pk):
        tell(alice)
    page = client.get("/admin/")
    assert "Notifications: 1 unread" in page.content.decode()
    client.post(f"{INBOX}read/")
    page = client.get("/admin/")
    assert "unread" not in page.content.decode()


def test_opening_marks_as_read_and_leads_on(
    alice: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(alice)
    with tenant_scope(tenant.pk):
        tell(alice, path="/admin/fleet/")
        row = Notification.objects.get()
    answer = client.post(f"{INBOX}{row.pk}/")
    assert answer.headers["Location"] == "/admin/fleet/"
    with tenant_scope(tenant.pk):
        assert selectors.unread_count(alice) == 0


def test_anothers_notification_is_not_found(
    alice: User, bob: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    with tenant_scope(tenant.pk):
        tell(alice)
        row = Notification.objects.get()
    client = signed_in_client(bob)
    assert client.post(f"{INBOX}{row.pk}/").status_code == 404
    assert client.post(f"{INBOX}{row.pk}/read/").status_code == 404
    assert client.post(f"{INBOX}{uuid.uuid4()}/read/").status_code == 404


def test_the_inbox_shows_what_was_said_and_no_markup_of_it(
    alice: User,
    tenant: Tenant,
    signed_in_client: SignedInClient,
) -> None:
    client = signed_in_client(alice)
    with tenant_scope(tenant.pk):
        tell(alice, title="<script>x</script>")
    text = client.get(INBOX).content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "INC-4711" in text


def test_only_unread_are_shown_when_asked_for(
    alice: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(alice)
    with tenant_scope(tenant.pk):
        tell(alice, title="The old one")
        mark_read(user=alice, notification_id=Notification.objects.get().pk)
        tell(alice, title="The new one")
    text = client.get(f"{INBOX}?show=unread").content.decode()
    assert "The new one" in text
    assert "The old one" not in text
