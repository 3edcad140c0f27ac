"""A request is tied to a session, which the database may end at any moment."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Membership, Passkey, User
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.signin import services
from apps.signin.choices import EndReason
from apps.signin.models import PendingOperation, SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.signin.conftest import Visitor, invite

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")


def overview(visitor: Visitor, **headers: str) -> Any:
    return visitor.client.get("/admin/", headers=headers)


def test_a_live_session_works(alice: Visitor) -> None:
    assert overview(alice).status_code == 200


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"last_seen_at": -dt.timedelta(minutes=31)}, EndReason.IDLE),
        ({"started_at": -dt.timedelta(hours=8)}, EndReason.TOO_OLD),
        ({"expires_at": -dt.timedelta(seconds=1)}, EndReason.TOO_OLD),
    ],
    ids=["idle", "absolute", "limited"],
)
def test_time_ends_a_session_at_its_next_request(
    alice: Visitor, columns: dict[str, dt.timedelta], reason: EndReason
) -> None:
    now = timezone.now()
    alice.set(**{name: now + span for name, span in columns.items()})
    answer = overview(alice)
    assert answer["Location"].startswith("/admin/login/")
    assert alice.sign_in.end_reason == reason
    page = alice.client.get(answer["Location"])
    assert reason.sentence in page.content.decode()


def test_a_killed_session_is_turned_away_at_its_next_request(alice: Visitor) -> None:
    services.end_session(
        actor=SYSTEM, sign_in_id=alice.sign_in.pk, reason=EndReason.KILLED
    )
    assert overview(alice).status_code == 302
    assert overview(alice).status_code == 302


def test_ending_all_other_sessions_keeps_this_one(
    alice: Visitor, visitor_for: Callable[[User], Visitor]
) -> None:
    second = visitor_for(alice.user)
    second.client.post(reverse("signin:end_others"))
    assert overview(second).status_code == 200
    assert overview(alice).status_code == 302


def test_nobody_ends_a_strangers_session_from_their_account(
    alice: Visitor, bob: Visitor
) -> None:
    bob.client.post(reverse("signin:end_session", args=[alice.sign_in.pk]))
    assert overview(alice).status_code == 200


def test_a_session_without_a_row_is_none(alice: Visitor) -> None:
    SignIn.objects.all().delete()
    assert overview(alice).status_code == 302


def test_a_blocked_passkey_ends_the_session_that_it_opened(alice: Visitor) -> None:
    Passkey.objects.filter(user=alice.user).update(confirmed=False)
    assert overview(alice).status_code == 302
    assert alice.sign_in.end_reason == EndReason.CREDENTIAL_GONE


def test_signing_out_ends_the_session_in_the_database(alice: Visitor) -> None:
    cookies = {name: m.value for name, m in alice.client.cookies.items()}
    alice.client.post(reverse("admin:logout"))
    assert alice.sign_in.end_reason == EndReason.SIGNED_OUT
    thief = Client()
    for name, value in cookies.items():
        thief.cookies[name] = value
    assert thief.get("/admin/").status_code == 302


def test_activity_keeps_a_session_alive_and_background_requests_do_not(
    alice: Visitor,
) -> None:
    alice.go_idle(minutes=20)
    before = alice.sign_in.last_seen_at
    overview(alice, **{"X-Portward-Background": "1"})
    assert alice.sign_in.last_seen_at == before
    overview(alice)
    assert alice.sign_in.last_seen_at > before


def test_the_state_tells_what_the_session_is_worth(alice: Visitor) -> None:
    state = alice.client.get(reverse("signin:state")).json()
    assert (state["is_alive"], state["acr"]) == (True, "phr")
    assert state["elevated_until"] > state["now"]
    assert Client().get(reverse("signin:state")).status_code == 401


@pytest.mark.parametrize("change", ["browser", "cookie"])
def test_another_device_costs_a_proof_by_passkey(alice: Visitor, change: str) -> None:
    headers = {"User-Agent": "Mozilla/5.0 Firefox/150.0"} if change == "browser" else {}
    if change == "cookie":
        alice.client.cookies[settings.PORTWARD_DEVICE_COOKIE] = "another"
    answer = overview(alice, **headers)
    assert answer["Location"].startswith("/auth/operations/")
    # The browser stays the other one, and still nothing works without the proof.
    assert overview(alice).status_code == 302
    answer = alice.client.post(
        f"{answer['Location']}verify/", alice.sign(answer["Location"]), headers=headers
    )
    assert answer["Location"] == "/admin/"
    assert overview(alice, **headers).status_code == 200


def test_a_change_of_device_is_written_down(alice: Visitor, tenant: Tenant) -> None:
    overview(alice, **{"User-Agent": "Mozilla/5.0 Firefox/150.0"})
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.filter(action="signin.device_changed").count() == 1


def test_a_form_that_found_its_session_over_waits_for_the_next_one(
    alice: Visitor, tenant: Tenant
) -> None:
    alice.go_idle()
    answer = invite(alice)
    target = re.sub(r".*next=", "", answer["Location"]).replace("%2F", "/")
    assert target.startswith("/auth/operations/")
    again = Client()
    from tests.factories import accounts  # noqa: PLC0415  # beside its only use

    accounts.sign_in(again, alice.user, Passkey.objects.get(user=alice.user))
    page = again.get(target)
    assert b"Go on where you were?" in page.content
    assert b"carol" in page.content
    with tenant_scope(tenant.pk):
        assert not Membership.objects.filter(user__username="carol").exists()


def test_a_form_of_a_stranger_is_not_kept(alice: Visitor) -> None:
    answer = Client().post(reverse("admin:accounts_membership_add"), {"username": "x"})
    assert answer.status_code == 302
    assert not PendingOperation.objects.exists()
    del alice


def test_a_risky_sign_in_is_not_let_into_the_tenant(alice: Visitor) -> None:
    alice.set(risk=80, risk_reasons=[{"code": "x", "points": 80, "sentence": "Odd."}])
    answer = overview(alice)
    assert answer.status_code == 403
    assert b"Odd." in answer.content


def test_a_risky_sign_in_is_written_down_once(alice: Visitor, tenant: Tenant) -> None:
    alice.set(risk=80, risk_reasons=[{"code": "x", "points": 80, "sentence": "Odd."}])
    for _ in range(3):
        overview(alice)
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="signin.risk_blocked")
    assert entry.context["reasons"] == ["x"]


def test_an_unusual_sign_in_is_answered_by_a_passkey(alice: Visitor) -> None:
    alice.set(risk=40)
    assert overview(alice).status_code == 200
    alice.age(minutes=1)
    assert overview(alice)["Location"].startswith("/auth/operations/")


def test_two_factors_without_passkey_enter_and_change_nothing(
    alice: Visitor,
) -> None:
    now = int(timezone.now().timestamp())
    alice.set(
        factors=[
            {"method": "pwd", "at": now, "acr": 2, "credential": ""},
            {"method": "totp", "at": now, "acr": 2, "credential": ""},
        ]
    )
    assert overview(alice).status_code == 200
    assert invite(alice)["Location"].startswith("/auth/operations/")


def test_one_factor_sees_nothing(alice: Visitor) -> None:
    alice.set(factors=[{"method": "fed", "at": 1, "acr": 1, "credential": ""}])
    assert overview(alice)["Location"].startswith("/auth/operations/")


def test_cookies_are_closed_to_scripts_and_to_other_sites(alice: Visitor) -> None:
    alice.client.logout()
    options = alice.client.post(reverse("signin:login_options")).json()
    answer = alice.client.post(
        reverse("signin:login_verify"),
        {
            "ceremony": options["ceremony"],
            "credential": alice.authenticator.get(options["publicKey"]),
        },
        content_type="application/json",
    )
    for name in ("sessionid", settings.PORTWARD_DEVICE_COOKIE):
        cookie = answer.cookies[name]
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name


def test_a_person_sees_their_sessions_and_devices(
    alice: Visitor, make_user: MakeUser
) -> None:
    del make_user
    page = alice.client.get(reverse("signin:sessions")).content.decode()
    assert "This session" in page
    assert "This device" in page
    alice.client.post(reverse("signin:trust_device", args=[alice.sign_in.device_id]))
    assert "Trusted" in alice.client.get(reverse("signin:sessions")).content.decode()


def test_a_stale_cookie_does_not_get_in_the_way_of_signing_in_again(
    alice: Visitor,
) -> None:
    alice.go_idle()
    options = alice.client.post(
        reverse("signin:login_options"), headers={"Accept": "application/json"}
    )
    assert options.status_code == 200


def test_whoever_was_turned_out_gets_no_form_back(alice: Visitor) -> None:
    services.end_session(
        actor=SYSTEM, sign_in_id=alice.sign_in.pk, reason=EndReason.KILLED
    )
    invite(alice)
    assert not PendingOperation.objects.exists()


def test_who_cannot_confirm_can_sign_out(alice: Visitor) -> None:
    alice.set(must_prove_since=timezone.now())
    page = alice.client.get(overview(alice)["Location"])
    assert reverse("admin:logout") in page.content.decode()
    alice.client.post(reverse("admin:logout"))
    assert alice.sign_in.end_reason == EndReason.SIGNED_OUT
