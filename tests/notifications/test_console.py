"""Channels in the console, the log, preferences, and what REST shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.limits.services import begin_call, end_call
from apps.notifications import selectors, services
from apps.notifications.choices import ChannelKind
from apps.notifications.models import Channel, Delivery, Notification
from apps.notifications.services import ChannelSpec
from apps.outbox import services as outbox
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import token_of
from tests.notifications.test_inbox import tell

CHANNELS = "/admin/notifications/channel/"
PREFERENCES = "/account/notifications/preferences/"


@pytest.fixture
def client(alice: User, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(alice)


@pytest.fixture
def channel(tenant: Tenant, alice: User) -> Channel:
    with tenant_scope(tenant.pk):
        row, _ = services.create_channel(
            actor=actor_for(alice),
            kind=ChannelKind.WEBHOOK,
            spec=ChannelSpec("Hook", "https://hooks.example/x"),
        )
    return row


def test_the_secret_of_a_new_webhook_is_shown_once(
    client: Client, tenant: Tenant
) -> None:
    page = client.post(
        f"{CHANNELS}add/",
        {"name": "Hook", "kind": "webhook", "url": "https://hooks.example/x"},
    )
    assert "whsec_" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    with tenant_scope(tenant.pk):
        row = Channel.objects.get()
    again = client.get(f"{CHANNELS}{row.pk}/change/")
    assert "whsec_" not in again.content.decode()


def test_what_is_wrong_stands_beside_the_field(client: Client) -> None:
    page = client.post(
        f"{CHANNELS}add/",
        {"name": "Hook", "kind": "webhook", "url": "http://hooks.example/x"},
    )
    (error,) = page.context["form"].errors["url"]
    assert error.startswith("The address is not an https one. Use an https address")


def test_changing_the_name_keeps_the_address(
    client: Client, tenant: Tenant, channel: Channel
) -> None:
    client.post(f"{CHANNELS}{channel.pk}/change/", {"name": "New", "url": ""})
    with tenant_scope(tenant.pk):
        row = Channel.objects.get()
    assert (row.name, row.shown_url) == ("New", "https://hooks.example/x")


def test_an_auditor_looks_and_changes_nothing(
    channel: Channel, make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    auditor = signed_in_client(make_user("audrey", ["auditor"]))
    assert auditor.get(f"{CHANNELS}{channel.pk}/change/").status_code == 200
    for act in ("test", "rotate", "state", "remove"):
        assert auditor.post(f"{CHANNELS}{channel.pk}/{act}/").status_code == 403


def test_rotating_shows_the_new_secret_once(client: Client, channel: Channel) -> None:
    page = client.post(f"{CHANNELS}{channel.pk}/rotate/")
    assert "whsec_" in page.content.decode()


def test_a_test_shows_in_the_log_of_the_channel(
    client: Client, channel: Channel
) -> None:
    client.post(f"{CHANNELS}{channel.pk}/test/")
    text = client.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    assert "This is a test of Portward" in text
    assert "Waiting" in text


def test_pausing_and_deleting(client: Client, tenant: Tenant, channel: Channel) -> None:
    client.post(f"{CHANNELS}{channel.pk}/state/")
    with tenant_scope(tenant.pk):
        assert Channel.objects.get().paused_at is not None
    client.post(f"{CHANNELS}{channel.pk}/remove/")
    with tenant_scope(tenant.pk):
        assert Channel.objects.count() == 0


def test_the_log_says_what_became_of_each_delivery(
    client: Client, tenant: Tenant, alice: User
) -> None:
    with tenant_scope(tenant.pk):
        tell(alice)
    outbox.drain()
    text = client.get("/admin/notifications/delivery/").content.decode()
    assert "Dana asks for database-operator" in text
    assert "Delivered" in text
    with tenant_scope(tenant.pk):
        row = Delivery.objects.get()
    page = client.get(f"/admin/notifications/delivery/{row.pk}/change/")
    assert page.status_code == 200


def test_the_operations_page_shows_what_is_left_alone(
    client: Client, tenant: Tenant, channel: Channel
) -> None:
    for _ in range(3):
        call = begin_call(
            key=channel.dependency, label=channel.name, tenant_id=tenant.pk
        )
        end_call(call, error="hooks.example: no answer in time.")
    text = client.get("/admin/dependencies/").content.decode()
    assert "Left alone" in text
    assert "no answer in time" in text


def test_a_member_of_no_console_does_not_see_it(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    member = signed_in_client(make_user("meg", ["member"]))
    assert member.get("/admin/dependencies/").status_code == 403
    assert member.get(PREFERENCES).status_code == 200


def test_preferences_are_kept(client: Client, tenant: Tenant, alice: User) -> None:
    page = client.get(PREFERENCES)
    fields = dict.fromkeys(page.context["form"].fields, "digest")
    client.post(PREFERENCES, fields | {"review-opened": "off"})
    with tenant_scope(tenant.pk):
        chosen = selectors.chosen_by(alice)
    assert chosen["review.opened"] == "off"
    assert chosen["approval.requested"] == "digest"
    assert "assignment.out_of_band" not in chosen


class TestRest:
    """What a token reads."""

    @pytest.fixture
    def asked(self, tenant: Tenant, alice: User, bob: User) -> None:
        with tenant_scope(tenant.pk):
            tell(alice, title="For Alice")
            tell(bob, title="For Bob")

    @staticmethod
    def ask(tenant: Tenant, user: User, path: str, method: str = "get") -> Any:
        token = token_of(tenant, user)
        headers = {"Authorization": f"Bearer {token}"}
        return getattr(Client(), method)(f"/api/v1/{path}", headers=headers)

    @pytest.mark.usefixtures("asked")
    def test_everybody_reads_their_own(self, tenant: Tenant, bob: User) -> None:
        rows = self.ask(tenant, bob, "notifications").json()["results"]
        assert [row["title"] for row in rows] == ["For Bob"]

    @pytest.mark.usefixtures("asked")
    def test_only_ones_own_is_marked(
        self, tenant: Tenant, alice: User, bob: User
    ) -> None:
        with tenant_scope(tenant.pk):
            row = Notification.objects.get(user=alice)
        path = f"notifications/{row.pk}/read"
        assert self.ask(tenant, bob, path, "post").status_code == 404
        assert self.ask(tenant, alice, path, "post").status_code == 204

    def test_a_channel_is_read_without_secret_or_address_of_a_chat(
        self, tenant: Tenant, alice: User
    ) -> None:
        with tenant_scope(tenant.pk):
            services.create_channel(
                actor=actor_for(alice),
                kind=ChannelKind.SLACK,
                spec=ChannelSpec("Chat", "https://hooks.example/services/T0/word"),
            )
        answer = self.ask(tenant, alice, "channels")
        assert answer.json()["results"][0]["address"] == "https://hooks.example/…"
        assert "word" not in answer.content.decode()

    @pytest.mark.parametrize("path", ["channels", "deliveries"])
    def test_a_member_reads_neither_channels_nor_the_log(
        self, tenant: Tenant, make_user: MakeUser, path: str
    ) -> None:
        member = make_user("meg", ["member"])
        assert self.ask(tenant, member, path).status_code == 403
        assert self.ask(tenant, member, "notifications").status_code == 200
