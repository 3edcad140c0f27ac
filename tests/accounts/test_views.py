"""The pages and answers of sign-in, account and people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.accounts import services
from apps.accounts.models import Ceremony, EnrollmentLink, Membership, Passkey, User
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.accounts import SYSTEM, MakeUser, SignedInClient
from tests.simulators.authenticator import SimulatedAuthenticator

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/membership/"


def send(client: Client, name: str, body: dict[str, Any]) -> Any:
    return client.post(
        reverse(f"signin:{name}"), json.dumps(body), content_type="application/json"
    )


def enroll(
    client: Client, token: str, authenticator: SimulatedAuthenticator
) -> HttpResponse:
    options = send(client, "registration_options", {"token": token}).json()
    answer: HttpResponse = send(
        client,
        "registration_verify",
        {
            "ceremony": options["ceremony"],
            "credential": authenticator.create(options["publicKey"]),
            "name": "Laptop",
            "token": token,
        },
    )
    return answer


def sign_in(
    client: Client, authenticator: SimulatedAuthenticator, target: str = ""
) -> Any:
    options = send(client, "login_options", {}).json()
    return send(
        client,
        "login_verify",
        {
            "ceremony": options["ceremony"],
            "credential": authenticator.get(options["publicKey"]),
            "next": target,
        },
    )


@pytest.fixture
def admin_user(make_user: MakeUser) -> User:
    return make_user("alice", ["security_admin"])


def test_a_link_registers_a_passkey_and_signs_in(
    client: Client, admin_user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    token = services.issue_enrollment_link(actor=SYSTEM, user=admin_user)
    assert enroll(client, token, software_authenticator).status_code == 200
    page = client.get("/admin/")
    assert page.status_code == 200
    assert b"Getting started" in page.content


def test_a_link_is_used_once(client: Client, admin_user: User, tmp_path: Path) -> None:
    token = services.issue_enrollment_link(actor=SYSTEM, user=admin_user)
    enroll(client, token, accounts.make_authenticator(tmp_path))
    answer = send(Client(), "registration_options", {"token": token})
    assert answer.status_code == 404
    assert answer.json()["code"] == "accounts.enrollment_link_over"
    assert Client().get(f"/enroll/{token}/").status_code == 404


def test_a_link_begun_twice_registers_one_passkey(
    admin_user: User, tmp_path: Path
) -> None:
    token = services.issue_enrollment_link(actor=SYSTEM, user=admin_user)
    clients = [Client(), Client()]
    begun = [send(c, "registration_options", {"token": token}).json() for c in clients]
    statuses = [
        send(
            client,
            "registration_verify",
            {
                "ceremony": options["ceremony"],
                "credential": accounts.make_authenticator(tmp_path).create(
                    options["publicKey"]
                ),
                "name": "",
            },
        ).status_code
        for client, options in zip(clients, begun, strict=True)
    ]
    assert statuses == [200, 404]
    assert Passkey.objects.count() == 1


def test_without_link_or_session_nothing_is_registered(client: Client) -> None:
    assert send(client, "registration_options", {}).status_code == 403
    assert not Ceremony.objects.exists()


def test_signing_in_leads_to_the_wanted_page(
    client: Client, admin_user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    accounts.register_passkey(admin_user, software_authenticator)
    answer = sign_in(client, software_authenticator, LIST)
    assert answer.json() == {"next": LIST}
    assert client.get(LIST).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", ""])
def test_signing_in_never_leads_elsewhere(
    client: Client,
    admin_user: User,
    software_authenticator: SimulatedAuthenticator,
    target: str,
) -> None:
    accounts.register_passkey(admin_user, software_authenticator)
    answer = sign_in(client, software_authenticator, target)
    assert answer.json() == {"next": "/admin/"}


def test_a_new_session_begins_at_sign_in(
    client: Client, admin_user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    accounts.register_passkey(admin_user, software_authenticator)
    send(client, "login_options", {})
    before = client.session.session_key
    sign_in(client, software_authenticator)
    assert client.session.session_key != before


@pytest.mark.parametrize("body", ["{", "[]", '{"ceremony": 1}', '{"credential": []}'])
def test_malformed_answers_are_refused(client: Client, body: str) -> None:
    answer = client.post(
        reverse("signin:login_verify"), body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "core.invalid"


def test_a_session_without_passkey_is_not_let_in(
    client: Client, admin_user: User
) -> None:
    client.force_login(admin_user)
    answer = client.get("/admin/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_blocking_the_passkey_ends_its_sessions(
    admin_user: User, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    assert client.get("/admin/").status_code == 200
    Passkey.objects.update(confirmed=False)
    assert client.get("/admin/").status_code == 302


def test_a_disabled_person_loses_the_session(
    admin_user: User, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    User.objects.update(is_active=False)
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("path", ["/admin/password_change/", "/admin/logout/"])
def test_there_is_no_password_page_and_no_sign_out_by_link(
    admin_user: User, signed_in_client: SignedInClient, path: str
) -> None:
    assert signed_in_client(admin_user).get(path).status_code in {404, 405}


def test_signing_out_ends_the_session_and_is_audited(
    admin_user: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    assert client.post("/admin/logout/").status_code == 302
    assert client.get("/admin/").status_code == 302
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.filter(action="accounts.signed_out").count() == 1


def test_forms_need_their_token(admin_user: User, tmp_path: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    key = accounts.register_passkey(admin_user, accounts.make_authenticator(tmp_path))
    accounts.sign_in(client, admin_user, key)
    for path in ["/admin/logout/", "/account/tenant/", "/auth/login/options/"]:
        answer = client.post(path)
        assert answer.status_code == 403
        assert b"This page is too old" in answer.content


def test_every_answer_carries_the_strict_policy(client: Client) -> None:
    for path in ["/admin/login/", "/healthz", "/no-such-page"]:
        policy = client.get(path)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_the_only_tenant_is_chosen_by_itself(
    admin_user: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    client.get("/admin/")
    assert client.session["tenant_id"] == str(tenant.pk)


def test_of_several_tenants_one_is_chosen_by_the_person(
    admin_user: User, other_tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    with tenant_scope(other_tenant.pk):
        services.grant_membership(actor=SYSTEM, user=admin_user, roles=["auditor"])
    client = signed_in_client(admin_user)
    chooser = "/account/tenant/?next="
    assert client.get("/admin/")["Location"].startswith(chooser)
    assert client.get(LIST)["Location"].startswith(chooser)
    client.post("/account/tenant/", {"tenant": str(other_tenant.pk)})
    assert client.get(LIST).status_code == 200
    assert client.get(LIST + "add/").status_code == 403


def test_a_tenant_of_others_cannot_be_chosen_or_forged(
    admin_user: User, other_tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    client.post("/account/tenant/", {"tenant": str(other_tenant.pk)})
    session = client.session
    session["tenant_id"] = str(other_tenant.pk)
    session.save()
    assert b"Globex" not in client.get("/admin/").content


def test_leaving_a_tenant_takes_effect_with_the_next_request(
    admin_user: User,
    tenant: Tenant,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    make_user("bob", ["security_admin"])
    client = signed_in_client(admin_user)
    assert client.get(LIST).status_code == 200
    with tenant_scope(tenant.pk):
        services.revoke_membership(actor=SYSTEM, user=admin_user)
    assert client.get(LIST).status_code == 403


def test_a_member_of_another_tenant_is_not_found(
    admin_user: User, other_tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    bob = accounts.make_user("bob", ["auditor"], tenant=other_tenant)
    with tenant_scope(other_tenant.pk):
        pk = Membership.objects.get(user=bob).pk
    client = signed_in_client(admin_user)
    # Django's admin leads away from an object that it does not find.
    assert client.get(f"{LIST}{pk}/change/").status_code == 404
    assert client.post(f"{LIST}{pk}/link/").status_code == 404
    assert client.post(f"{LIST}{pk}/revoke/").status_code == 404
    assert not EnrollmentLink.objects.exists()


@pytest.mark.parametrize("role", ["auditor", "approver"])
def test_only_security_admins_change_people(
    admin_user: User,
    make_user: MakeUser,
    tenant: Tenant,
    signed_in_client: SignedInClient,
    role: str,
) -> None:
    client = signed_in_client(make_user("bob", [role]))
    with tenant_scope(tenant.pk):
        pk = Membership.objects.get(user=admin_user).pk
    assert client.get(f"{LIST}{pk}/change/").status_code == 200
    for path in (f"{pk}/change/", f"{pk}/link/", f"{pk}/revoke/", "add/"):
        assert client.post(LIST + path, {"roles": ["auditor"]}).status_code == 403


def test_a_person_is_invited_and_gets_a_link(
    admin_user: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    page = client.post(
        LIST + "add/",
        {"username": "dave", "display_name": "Dave", "roles": ["approver"]},
    )
    assert b"/enroll/" in page.content
    with tenant_scope(tenant.pk):
        assert Membership.objects.get(user__username="dave").roles == ["approver"]
    assert not LogEntry.objects.exists()


def test_errors_stand_beside_the_field(
    admin_user: User, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin_user)
    page = client.post(
        LIST + "add/",
        {"username": "alice", "display_name": "A", "roles": ["approver"]},
    )
    assert page.status_code == 200
    assert b"is a member of the tenant already" in page.content


def test_the_last_security_admin_cannot_be_demoted_in_the_admin(
    admin_user: User, tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    with tenant_scope(tenant.pk):
        pk = Membership.objects.get(user=admin_user).pk
    client = signed_in_client(admin_user)
    page = client.post(f"{LIST}{pk}/change/", {"roles": ["auditor"]})
    assert b"keeps at least one security admin" in page.content
    with tenant_scope(tenant.pk):
        assert Membership.objects.get(pk=pk).roles == ["security_admin"]


def test_a_passkey_of_another_person_is_not_removed(
    admin_user: User, make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    signed_in_client(make_user("bob"))
    bobs = Passkey.objects.get(user__username="bob")
    signed_in_client(admin_user).post(f"/account/passkeys/{bobs.pk}/remove/")
    assert Passkey.objects.filter(pk=bobs.pk).exists()


def test_search_finds_people_of_this_tenant_only(
    admin_user: User, other_tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    accounts.make_user("alicia", ["auditor"], tenant=other_tenant)
    content = signed_in_client(admin_user).get("/admin/search/?q=ali").content
    assert b">Alice<" in content
    assert b"Alicia" not in content


def test_unknown_pages_are_ours(
    admin_user: User, signed_in_client: SignedInClient
) -> None:
    answer = signed_in_client(admin_user).get("/admin/no/such/page/")
    assert answer.status_code == 404
    assert b"Back to the overview" in answer.content


def test_a_security_admin_gives_a_locked_out_member_a_link(
    admin_user: User,
    make_user: MakeUser,
    tenant: Tenant,
    signed_in_client: SignedInClient,
) -> None:
    make_user("bob", ["approver"])
    with tenant_scope(tenant.pk):
        pk = Membership.objects.get(user__username="bob").pk
    page = signed_in_client(admin_user).post(f"{LIST}{pk}/link/")
    assert b"shown once" in page.content
    assert EnrollmentLink.objects.get().user.username == "bob"


def test_a_security_admin_removes_a_member(
    admin_user: User,
    make_user: MakeUser,
    tenant: Tenant,
    signed_in_client: SignedInClient,
) -> None:
    make_user("bob", ["approver"])
    with tenant_scope(tenant.pk):
        pk = Membership.objects.get(user__username="bob").pk
    signed_in_client(admin_user).post(f"{LIST}{pk}/revoke/")
    with tenant_scope(tenant.pk):
        assert not Membership.objects.filter(pk=pk).exists()


def test_the_list_of_people_asks_the_database_a_fixed_number_of_times(
    admin_user: User,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in_client(admin_user)
    for number in range(20):
        make_user(f"person-{number}", ["auditor"])
    client.get(LIST)
    with django_assert_max_num_queries(33):
        client.get(LIST)
