"""An operation that needs a fresh proof waits for it, and then happens exactly once."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import webauthn
from django.urls import reverse
from django.utils import timezone
from webauthn.helpers import base64url_to_bytes

from apps.accounts.models import Ceremony, Membership, Passkey
from apps.audit.models import AuditEntry
from apps.signin.models import PendingOperation
from apps.signin.rules.operations import PROOF_FIELD
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.signin.conftest import Visitor, invite

pytestmark = pytest.mark.django_db


def members(tenant: Tenant) -> set[str]:
    with tenant_scope(tenant.pk):
        return set(Membership.objects.values_list("user__username", flat=True))


def form_of(page: Any) -> dict[str, list[str]]:
    """Return the fields that the page will send on."""
    text = page.content.decode()
    found: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', text, re.DOTALL
    ):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def held(alice: Visitor) -> str:
    """Return the page where an invitation waits, whose proof is too old."""
    alice.age(minutes=6)
    return str(invite(alice)["Location"])


def test_a_fresh_proof_lets_the_operation_pass(alice: Visitor, tenant: Tenant) -> None:
    invite(alice)
    assert "carol" in members(tenant)


def test_an_old_proof_leads_to_the_page_that_asks_and_changes_nothing(
    alice: Visitor, held: str, tenant: Tenant
) -> None:
    page = alice.client.get(held).content.decode()
    assert "Invite a person" in page
    assert "carol" in page
    assert members(tenant) == {"alice"}


def test_the_form_goes_on_as_it_was_sent_after_the_proof(
    alice: Visitor, held: str, tenant: Tenant
) -> None:
    page = alice.confirm(held)
    fields = form_of(page)
    assert fields["roles"] == ["approver", "auditor"]
    answer = alice.client.post(reverse("admin:accounts_membership_add"), fields)
    assert answer.status_code == 200
    assert "carol" in members(tenant)


def test_the_proof_also_makes_the_session_fresh_and_elevated(
    alice: Visitor, held: str, tenant: Tenant
) -> None:
    alice.confirm(held)
    invite(alice, username="dave")
    assert "dave" in members(tenant)


def test_a_proof_serves_once(alice: Visitor, held: str, tenant: Tenant) -> None:
    fields = form_of(alice.confirm(held))
    alice.client.post(reverse("admin:accounts_membership_add"), fields)
    answer = alice.client.post(reverse("admin:accounts_membership_add"), fields)
    assert answer.status_code == 409
    assert b"signin.operation_over" in answer.content
    assert members(tenant) == {"alice", "carol"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": ["mallory"]}, "signin.operation_changed"),
        ({"extra": ["1"]}, "signin.operation_changed"),
        ({PROOF_FIELD: ["not-an-id"]}, "signin.operation_not_found"),
    ],
    ids=["other-value", "more-fields", "no-proof"],
)
def test_only_what_was_confirmed_is_done(
    alice: Visitor, held: str, tenant: Tenant, change: dict[str, Any], code: str
) -> None:
    fields = form_of(alice.confirm(held)) | change
    answer = alice.client.post(reverse("admin:accounts_membership_add"), fields)
    assert answer.status_code == 409
    assert code in answer.content.decode()
    assert members(tenant) == {"alice"}
    with tenant_scope(tenant.pk):
        refused = AuditEntry.objects.get(action="signin.operation_refused")
    assert refused.context["code"] == code


def test_a_proof_for_one_address_serves_no_other(alice: Visitor, held: str) -> None:
    fields = form_of(alice.confirm(held))
    answer = alice.client.post(
        reverse("admin:accounts_membership_add") + "?other", fields
    )
    assert answer.status_code == 409


def test_an_expired_proof_is_refused(alice: Visitor, held: str, tenant: Tenant) -> None:
    fields = form_of(alice.confirm(held))
    PendingOperation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    answer = alice.client.post(reverse("admin:accounts_membership_add"), fields)
    assert b"signin.operation_over" in answer.content
    assert members(tenant) == {"alice"}


def test_a_form_without_proof_yet_does_not_pass(
    alice: Visitor, held: str, tenant: Tenant
) -> None:
    pending = PendingOperation.objects.get()
    answer = invite(alice, **{PROOF_FIELD: str(pending.pk)})
    assert b"signin.operation_over" in answer.content
    assert members(tenant) == {"alice"}
    del held


def test_nobody_confirms_or_uses_another_persons_operation(
    alice: Visitor, bob: Visitor, held: str
) -> None:
    assert bob.client.get(held).status_code == 404
    assert bob.client.post(f"{held}options/").status_code == 404
    fields = form_of(alice.confirm(held))
    answer = bob.client.post(reverse("admin:accounts_membership_add"), fields)
    assert b"signin.operation_not_found" in answer.content


def test_another_persons_key_confirms_nothing(
    alice: Visitor, bob: Visitor, held: str
) -> None:
    options = alice.client.post(f"{held}options/").json()
    bob.client.post(reverse("signin:login_options"))
    answer = alice.client.post(
        f"{held}verify/",
        {
            "ceremony": options["ceremony"],
            "credential": bob.authenticator.get(options["publicKey"]),
        },
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (
        403,
        "accounts.unknown_passkey",
    )
    assert PendingOperation.objects.get().proven_at is None


def test_a_signature_over_another_operation_confirms_nothing(
    alice: Visitor, held: str
) -> None:
    alice.client.post(reverse("admin:accounts_membership_add"), {"username": "x"})
    other = PendingOperation.objects.exclude(path__isnull=True).latest("created_at")
    signed = alice.sign(reverse("signin:confirm", args=[other.pk]))
    answer = alice.client.post(
        f"{held}verify/", signed, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (
        409,
        "accounts.ceremony_over",
    )
    first = PendingOperation.objects.order_by("created_at").first()
    assert first is not None
    assert first.proven_at is None


def test_a_used_ceremony_confirms_nothing_again(alice: Visitor, held: str) -> None:
    signed = alice.sign(held)
    Ceremony.objects.filter(pk=signed["ceremony"]).update(used_at=timezone.now())
    alice.client.post(f"{held}verify/", signed)
    assert PendingOperation.objects.get().proven_at is None


def test_the_kept_form_is_not_readable_in_the_database_and_is_gone_after_use(
    alice: Visitor, held: str
) -> None:
    stored = bytes(PendingOperation.objects.get().sealed_fields)
    assert stored
    assert b"carol" not in stored
    fields = form_of(alice.confirm(held))
    alice.client.post(reverse("admin:accounts_membership_add"), fields)
    assert bytes(PendingOperation.objects.get().sealed_fields) == b""


def test_the_evidence_proves_later_who_confirmed_what(
    alice: Visitor, held: str
) -> None:
    alice.confirm(held)
    row = PendingOperation.objects.get()
    assert row.evidence is not None
    parts = {name: base64url_to_bytes(text) for name, text in row.evidence.items()}
    # With nothing but the evidence and the digest, as an auditor would.
    verified = webauthn.verify_authentication_response(
        credential={
            "id": row.evidence["credential_id"],
            "rawId": row.evidence["credential_id"],
            "type": "public-key",
            "response": {
                "clientDataJSON": row.evidence["client_data"],
                "authenticatorData": row.evidence["authenticator_data"],
                "signature": row.evidence["signature"],
            },
        },
        expected_challenge=bytes(row.digest),
        expected_rp_id="localhost",
        expected_origin="http://localhost",
        credential_public_key=parts["public_key"],
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    key = Passkey.objects.get(user=alice.user)
    assert verified.credential_id == bytes(key.credential_id)


def test_a_script_is_told_where_to_confirm(alice: Visitor) -> None:
    alice.age(minutes=6)
    answer = alice.client.post(
        reverse("signin:registration_options"),
        "{}",
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 401
    body = answer.json()
    assert body["code"] == "signin.insufficient_user_authentication"
    assert (body["acr_values"], body["max_age"]) == ("phr", 300)
    signed = alice.sign(body["confirm"])
    done = alice.client.post(
        f"{body['confirm']}verify/", signed, headers={"Accept": "application/json"}
    )
    again = alice.client.post(
        reverse("signin:registration_options"),
        "{}",
        content_type="application/json",
        headers={
            "Accept": "application/json",
            "X-Portward-Operation": done.json()["operation"],
        },
    )
    assert again.status_code == 200


def test_an_unlisted_change_asks_for_a_proof_like_any_other(alice: Visitor) -> None:
    alice.age(minutes=6)
    answer = alice.client.post("/admin/keys/signingkey/")
    assert answer["Location"].startswith("/auth/operations/")


def test_reading_the_trail_asks_for_a_recent_proof_and_comes_back(
    alice: Visitor,
) -> None:
    trail = reverse("admin:audit_auditentry_changelist")
    assert alice.client.get(trail).status_code == 200
    alice.age(minutes=16)
    answer = alice.client.get(trail + "?q=x")
    assert answer["Location"].startswith("/auth/operations/")
    assert alice.confirm(answer["Location"])["Location"] == trail + "?q=x"


def test_elevation_is_tied_to_its_cookie(alice: Visitor) -> None:
    freeze = reverse("admin:accounts_freeze_add")
    from django.conf import settings  # noqa: PLC0415  # beside its only use

    body = {"username": "alice", "reason": "x", "hours": "1"}
    assert alice.client.post(freeze, body).status_code == 200
    del alice.client.cookies[settings.PORTWARD_ELEVATED_COOKIE]
    assert alice.client.post(freeze, body)["Location"].startswith("/auth/operations/")


def test_giving_elevation_up_ends_it(alice: Visitor) -> None:
    alice.client.post(reverse("signin:end_elevation"))
    state = alice.client.get(reverse("signin:state")).json()
    assert state["elevated_until"] is None


def test_confirming_ahead_elevates(alice: Visitor) -> None:
    alice.client.post(reverse("signin:end_elevation"))
    answer = alice.client.post(reverse("signin:confirm_presence"))
    assert alice.confirm(answer["Location"])["Location"] == "/admin/"
    assert alice.client.get(reverse("signin:state")).json()["elevated_until"]
