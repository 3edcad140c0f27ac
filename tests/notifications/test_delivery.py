"""What was told reaches mailboxes and channels, at least once."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.limits.models import CircuitBreaker
from apps.limits.services import begin_call, end_call
from apps.notifications import services
from apps.notifications.choices import ChannelKind, DeliveryState, Event, Mail
from apps.notifications.errors import (
    AddressRefusedError,
    ChannelInvalidError,
    ChannelStateError,
    NotificationInvalidError,
)
from apps.notifications.models import Channel, Delivery, Notification
from apps.notifications.services import ChannelSpec
from apps.notifications.tasks import write_all_digests
from apps.outbox import services as outbox
from apps.outbox.models import OutboxMessage
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.notifications.test_inbox import tell
from tests.simulators.receiver import Receiver


@pytest.fixture(autouse=True)
def workshop(settings: Settings) -> None:
    settings.PORTWARD_OUTGOING_ALLOW_LOOPBACK = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver().start()
    yield found
    found.stop()


def make_channel(
    admin: User, url: str, kind: ChannelKind = ChannelKind.WEBHOOK, **changes: Any
) -> tuple[Channel, str]:
    spec = ChannelSpec(**({"name": f"The {kind}", "url": url} | changes))
    return services.create_channel(actor=actor_for(admin), kind=kind, spec=spec)


def is_signed(request: Any, secret: str) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = request.headers
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    wanted = hmac.new(key, text + request.body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(wanted).decode()}" in headers["webhook-signature"]


def test_each_person_gets_a_mail_of_their_own(
    tenant: Tenant, alice: User, bob: User
) -> None:
    with tenant_scope(tenant.pk):
        tell(alice, bob)
    outbox.drain()
    assert sorted(message.to[0] for message in mail.outbox) == [alice.email, bob.email]
    message = mail.outbox[0]
    assert "http://localhost/admin/" in message.body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    with tenant_scope(tenant.pk):
        states = set(Delivery.objects.values_list("state", flat=True))
    assert states == {DeliveryState.SENT}


def test_whoever_chose_off_gets_no_mail_and_sees_it_in_the_application(
    tenant: Tenant, alice: User
) -> None:
    with tenant_scope(tenant.pk):
        services.set_preferences(
            actor=actor_for(alice),
            user=alice,
            chosen={Event.APPROVAL_REQUESTED: Mail.OFF},
        )
        tell(alice)
        assert Notification.objects.count() == 1
    outbox.drain()
    assert mail.outbox == []


@pytest.mark.usefixtures("in_tenant")
def test_a_security_event_cannot_be_switched_off(alice: User) -> None:
    with pytest.raises(NotificationInvalidError):
        services.set_preferences(
            actor=actor_for(alice),
            user=alice,
            chosen={Event.ASSIGNMENT_OUT_OF_BAND: Mail.OFF},
        )


def test_a_digest_tells_once_what_is_unread(
    tenant: Tenant, alice: User, bob: User
) -> None:
    with tenant_scope(tenant.pk):
        tell(alice, event="linter.finding", title="The first")
        tell(alice, event="linter.finding", title="The second")
        tell(bob, event="linter.finding")
        services.mark_all_read(user=bob)
    outbox.drain()
    assert mail.outbox == []
    assert write_all_digests() == 1
    assert write_all_digests() == 0
    outbox.drain()
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert "The first" in message.body
    assert "The second" in message.body


def test_a_webhook_is_signed_and_carries_a_cloud_event(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        _, secret = make_channel(alice, receiver.url)
        tell(alice)
    outbox.drain()
    (request,) = receiver.requests
    assert is_signed(request, secret)
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    event = json.loads(request.body)
    assert event["type"] == "dev.portward.approval.requested"
    assert event["id"] == request.headers["webhook-id"]
    assert event["data"]["who"] == "Dana"
    with tenant_scope(tenant.pk):
        row = Delivery.objects.get(channel__isnull=False)
    assert (row.state, row.status_code, row.attempts) == (DeliveryState.SENT, 204, 1)


@pytest.mark.parametrize("kind", [ChannelKind.SLACK, ChannelKind.TEAMS])
def test_a_chat_gets_a_message_of_its_kind_and_keeps_its_address_secret(
    tenant: Tenant, alice: User, receiver: Receiver, kind: ChannelKind
) -> None:
    with tenant_scope(tenant.pk):
        channel, secret = make_channel(alice, receiver.url, kind)
        tell(alice)
    outbox.drain()
    assert secret == ""
    assert "/hook" not in channel.shown_url
    message = json.loads(receiver.requests[0].body)
    assert ("blocks" in message) is (kind is ChannelKind.SLACK)
    assert "webhook-signature" not in receiver.requests[0].headers


def test_neither_address_nor_secret_is_readable_in_the_database(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        channel, secret = make_channel(alice, receiver.url)
        channel.refresh_from_db()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert key not in bytes(channel.sealed_secret)
    assert receiver.url.encode() not in bytes(channel.sealed_url)


def test_a_channel_gets_only_the_events_that_it_names(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        make_channel(alice, receiver.url, events=["review.opened"])
        tell(alice)
        tell(alice, event="review.opened")
    outbox.drain()
    (request,) = receiver.requests
    assert json.loads(request.body)["type"] == "dev.portward.review.opened"


def test_a_delivery_that_failed_is_tried_again_under_the_same_id(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    receiver.status = 503
    with tenant_scope(tenant.pk):
        make_channel(alice, receiver.url)
        tell(alice)
    outbox.drain()
    with tenant_scope(tenant.pk):
        row = Delivery.objects.get(channel__isnull=False)
        assert (row.state, row.status_code) == (DeliveryState.RETRYING, 503)
        OutboxMessage.objects.filter(state="pending").update(due_at=row.created_at)
    receiver.status = 200
    outbox.drain()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    with tenant_scope(tenant.pk):
        row.refresh_from_db()
    assert (row.state, row.status_code, row.attempts) == (DeliveryState.SENT, 200, 2)


def test_a_message_that_comes_twice_is_split_up_once(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        make_channel(alice, receiver.url)
        tell(alice)
        message = OutboxMessage.objects.get(topic="notifications.told")
        for _ in range(2):
            services.fan_out(
                batch=message.payload["batch"], content=message.payload["content"]
            )
        assert Delivery.objects.count() == 2
    outbox.drain()
    assert len(receiver.requests) == 1
    assert len(mail.outbox) == 1


def test_whoever_answers_gone_gets_nothing_more(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    receiver.status = 410
    with tenant_scope(tenant.pk):
        channel, _ = make_channel(alice, receiver.url)
        tell(alice)
    outbox.drain()
    with tenant_scope(tenant.pk):
        channel.refresh_from_db()
        assert channel.paused_at is not None
        tell(alice)
    outbox.drain()
    assert len(receiver.requests) == 1


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        channel, old = make_channel(alice, receiver.url)
        new = services.rotate_secret(actor=actor_for(alice), channel_id=channel.pk)
        tell(alice)
    outbox.drain()
    assert new != old
    assert is_signed(receiver.requests[0], old)
    assert is_signed(receiver.requests[0], new)
    with tenant_scope(tenant.pk):
        channel.refresh_from_db()
        assert channel.old_secret_until is not None
        channel.old_secret_until -= dt.timedelta(hours=25)
        channel.save()
        tell(alice)
    outbox.drain()
    assert not is_signed(receiver.requests[1], old)
    assert is_signed(receiver.requests[1], new)


@pytest.mark.usefixtures("in_tenant")
def test_a_chat_has_no_secret_to_rotate(alice: User) -> None:
    channel, _ = make_channel(alice, "https://hooks.example/x", ChannelKind.SLACK)
    with pytest.raises(ChannelStateError):
        services.rotate_secret(actor=actor_for(alice), channel_id=channel.pk)


def test_an_open_breaker_keeps_a_channel_from_being_called(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        channel, _ = make_channel(alice, receiver.url)
        tell(alice)
    for _ in range(3):
        call = begin_call(
            key=channel.dependency, label=channel.name, tenant_id=tenant.pk
        )
        end_call(call, error="TimeoutError")
    outbox.drain()
    assert receiver.requests == []
    with tenant_scope(tenant.pk):
        row = Delivery.objects.get(channel=channel)
    assert row.state == DeliveryState.RETRYING
    assert "left alone" in row.error


def test_an_answer_that_refuses_does_not_open_the_breaker(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    receiver.status = 404
    with tenant_scope(tenant.pk):
        channel, _ = make_channel(alice, receiver.url)
        for _ in range(4):
            tell(alice)
    outbox.drain()
    assert len(receiver.requests) >= 4
    assert CircuitBreaker.objects.get(key=channel.dependency).opened_at is None


def test_a_test_message_is_delivered_and_says_so(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        channel, _ = make_channel(alice, receiver.url, events=["review.opened"])
        services.send_test(actor=actor_for(alice), channel_id=channel.pk)
    outbox.drain()
    assert json.loads(receiver.requests[0].body)["type"] == "dev.portward.channel.test"


def test_a_removed_channel_leaves_its_log(
    tenant: Tenant, alice: User, receiver: Receiver
) -> None:
    with tenant_scope(tenant.pk):
        channel, _ = make_channel(alice, receiver.url)
        tell(alice)
    outbox.drain()
    with tenant_scope(tenant.pk):
        services.remove_channel(actor=actor_for(alice), channel_id=channel.pk)
        row = Delivery.objects.get(kind="webhook")
        assert row.channel is None
        assert row.target == "The webhook"
    assert not CircuitBreaker.objects.filter(key=channel.dependency).exists()


@pytest.mark.usefixtures("in_tenant")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "http://hooks.example/"}, AddressRefusedError),
        ({"url": "https://user:word@hooks.example/"}, AddressRefusedError),
        ({"url": ""}, ChannelInvalidError),
        ({"name": " "}, ChannelInvalidError),
        ({"events": ["nothing.known"]}, ChannelInvalidError),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    alice: User, changes: dict[str, Any], error: type[Exception]
) -> None:
    fields = {"url": "https://hooks.example/x"} | changes
    with pytest.raises(error):
        make_channel(alice, **fields)


@pytest.mark.usefixtures("in_tenant")
def test_two_channels_have_two_names(alice: User) -> None:
    make_channel(alice, "https://hooks.example/x")
    with pytest.raises(ChannelInvalidError, match="name"):
        make_channel(alice, "https://hooks.example/y")
