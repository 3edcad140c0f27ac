"""How notifications read, who is mailed, and how webhooks are signed."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.notifications.choices import Event, Mail
from apps.notifications.rules import messages
from apps.notifications.rules.messages import Content
from apps.notifications.rules.preferences import FORCED, default_of, mail_for
from apps.notifications.rules.signing import secret_text, signature_headers

URL = "https://portward.example/admin/approvals/approvalrequest/7/change/"
TOLD = Content(
    id="7",
    event="approval.requested",
    tenant="acme",
    tenant_name="Acme",
    title="Dana asks for database-operator",
    body="The primary is down.",
    url=URL,
    at=dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC),
    data={
        "who": "Dana",
        "what": "database-operator on db-1",
        "risk": 40,
        "ttl": 90,
        "deadline": "2026-11-21T14:30:00+01:00",
        "internal": {"not": "shown"},
    },
)
ACTIONABLE = [
    *("Dana", "database-operator on db-1", "40 of 100", "1 h 30 min"),
    "2026-11-21 13:30 UTC",
]


def test_mail_says_all_that_an_approver_needs_and_leads_to_the_page() -> None:
    subject, text = messages.mail_text(TOLD)
    assert subject == "[Acme] Dana asks for database-operator"
    for fact in [*ACTIONABLE, URL]:
        assert fact in text
    assert "not" not in json.dumps(messages.facts(TOLD.data))


def test_slack_says_all_that_an_approver_needs_and_has_no_button() -> None:
    text = json.dumps(messages.slack_message(TOLD))
    for fact in [*ACTIONABLE, URL]:
        assert fact in text
    assert "button" not in text
    assert "actions" not in text


def test_teams_says_all_that_an_approver_needs_and_has_no_action() -> None:
    message = messages.teams_message(TOLD)
    text = json.dumps(message).replace("\\\\", "")
    for fact in [*ACTIONABLE, URL]:
        assert fact in text
    assert "Action." not in text


def test_a_webhook_gets_a_cloud_event() -> None:
    event = messages.cloud_event(TOLD, source="https://portward.example/tenants/acme")
    assert event["specversion"] == "1.0"
    assert event["id"] == "7"
    assert event["type"] == "dev.portward.approval.requested"
    assert event["source"] == "https://portward.example/tenants/acme"
    assert event["time"] == "2026-11-21T12:00:00+00:00"
    assert event["datacontenttype"] == "application/json"
    assert event["data"]["url"] == URL
    assert event["data"]["risk"] == 40
    assert "internal" not in event["data"]


def test_what_people_wrote_makes_no_link_in_slack() -> None:
    evil = dataclasses.replace(
        TOLD, title="<https://evil.example|Approve>", body="<!channel> & <@U1>"
    )
    message = messages.slack_message(evil)
    assert message["text"] == "&lt;https://evil.example|Approve&gt;"
    for block in message["blocks"][:-1]:
        assert block["text"]["type"] == "plain_text"


@given(st.text(max_size=80))
def test_what_people_wrote_makes_no_link_in_teams(title: str) -> None:
    message = messages.teams_message(dataclasses.replace(TOLD, title=title))
    shown = message["attachments"][0]["content"]["body"][0]["text"]
    assert "](" not in shown
    assert shown.replace("\\", "") == title.replace("\\", "")


@given(st.text(max_size=400))
def test_no_text_begins_another_header_of_a_mail(title: str) -> None:
    subject, _ = messages.mail_text(dataclasses.replace(TOLD, title=title))
    assert len(subject.splitlines()) == 1
    assert len(subject) <= 200


def test_a_digest_names_each_and_links_to_each() -> None:
    other = dataclasses.replace(TOLD, title="A review waits", url=f"{URL}?other")
    subject, text = messages.digest_text(
        [TOLD, other], tenant_name="Acme", url="https://portward.example/all/"
    )
    assert subject == "[Acme] 2 notifications"
    for part in (TOLD.title, TOLD.url, other.title, other.url, "/all/"):
        assert part in text


def test_a_signature_is_the_one_of_standard_webhooks() -> None:
    secret, body = b"s" * 32, b'{"a":1}'
    headers = signature_headers(
        message_id="msg_1", timestamp=1_700_000_000, body=body, secrets=[secret]
    )
    wanted = hmac.new(secret, b"msg_1.1700000000." + body, hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{base64.b64encode(wanted).decode()}",
    }


def test_the_published_example_is_signed_alike() -> None:
    # The example of the reference implementations of Standard Webhooks.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        secrets=[secret],
    )
    assert (
        headers["webhook-signature"]
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_two_secrets_sign_while_one_is_changed() -> None:
    headers = signature_headers(
        message_id="1", timestamp=1, body=b"", secrets=[b"new", b"old"]
    )
    assert len(headers["webhook-signature"].split()) == 2


def test_a_secret_is_entered_with_its_prefix() -> None:
    assert secret_text(b"\0" * 32) == f"whsec_{base64.b64encode(bytes(32)).decode()}"


@pytest.mark.parametrize("event", sorted(FORCED))
@pytest.mark.parametrize("mail", list(Mail))
def test_some_events_are_mailed_at_once_whatever_was_chosen(
    event: Event, mail: Mail
) -> None:
    assert mail_for(event, {event: mail}, is_urgent=False) is Mail.AT_ONCE


@pytest.mark.parametrize("mail", list(Mail))
def test_what_was_chosen_counts(mail: Mail) -> None:
    event = Event.REVIEW_OPENED
    assert mail_for(event, {event: mail}, is_urgent=False) is mail


def test_what_is_urgent_waits_for_no_digest_but_off_is_off() -> None:
    event = Event.REVIEW_OPENED
    assert mail_for(event, {event: Mail.DIGEST}, is_urgent=True) is Mail.AT_ONCE
    assert mail_for(event, {event: Mail.OFF}, is_urgent=True) is Mail.OFF


def test_every_event_has_a_default() -> None:
    assert {default_of(event) for event in Event} == {Mail.AT_ONCE, Mail.DIGEST}
