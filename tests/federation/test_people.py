"""Links and roles: who is linked, by what, and which roles come and go."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import EnrollmentLink, Membership, User
from apps.accounts.services import grant_membership, issue_enrollment_link
from apps.audit.models import AuditEntry
from apps.federation.models import FederatedLink, IdentityProvider, SignInAttempt
from apps.signin.models import SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import SYSTEM, MakeUser, SignedInClient
from tests.federation.conftest import make_provider
from tests.federation.test_login import (
    BASE,
    begin,
    change,
    come_back,
    refusal,
    sign_in,
)
from tests.simulators.provider import SimulatedProvider

pytestmark = pytest.mark.django_db

MAP = {"admins": ["security_admin"], "approvers": ["approver"]}


def roles_of(link: FederatedLink) -> list[str] | None:
    with tenant_scope(link.tenant_id):
        row = Membership.objects.filter(user=link.user).first()
    return list(row.roles) if row else None


def sign_in_with(idp: SimulatedProvider, *groups: str) -> Any:
    idp.claims = {"groups": list(groups)}
    return sign_in(Client(), idp)


@pytest.fixture
def mapped(linked: FederatedLink, make_user: MakeUser) -> FederatedLink:
    """Return the link of an auditor, by a provider whose groups give roles."""
    make_user("root", ["security_admin"])
    change(linked.provider, group_claim="groups", group_map=MAP)
    return linked


def test_roles_come_and_go_with_the_groups(
    idp: SimulatedProvider, mapped: FederatedLink
) -> None:
    sign_in_with(idp, "approvers")
    assert roles_of(mapped) == ["approver", "auditor"]
    sign_in_with(idp, "others")
    assert roles_of(mapped) == ["auditor"]


def test_a_role_given_by_hand_stays_though_the_group_goes(
    idp: SimulatedProvider, mapped: FederatedLink
) -> None:
    with tenant_scope(mapped.tenant_id):
        grant_membership(actor=SYSTEM, user=mapped.user, roles=["approver", "auditor"])
    sign_in_with(idp, "approvers")
    sign_in_with(idp)
    assert roles_of(mapped) == ["approver", "auditor"]


def test_a_change_of_roles_is_in_the_audit_log(
    idp: SimulatedProvider, mapped: FederatedLink
) -> None:
    sign_in_with(idp, "approvers")
    with tenant_scope(mapped.tenant_id):
        entry = AuditEntry.objects.get(action="federation.roles_mapped")
    assert entry.before == {"roles": ["auditor"]}
    assert entry.after == {"roles": ["approver", "auditor"]}


def test_the_last_security_admin_stays_one(
    idp: SimulatedProvider, linked: FederatedLink, make_user: MakeUser
) -> None:
    change(linked.provider, group_claim="groups", group_map=MAP)
    sign_in_with(idp, "admins")
    sign_in_with(idp)
    assert roles_of(linked) == ["auditor", "security_admin"]
    make_user("root", ["security_admin"])
    sign_in_with(idp)
    assert roles_of(linked) == ["auditor"]


def test_without_any_role_left_the_person_leaves_and_may_come_back(
    idp: SimulatedProvider, mapped: FederatedLink
) -> None:
    with tenant_scope(mapped.tenant_id):
        Membership.objects.filter(user=mapped.user).update(roles=["approver"])
        FederatedLink.objects.update(mapped_roles=["approver"])
    assert refusal(sign_in_with(idp)) == "no_membership"
    assert roles_of(mapped) is None
    assert sign_in_with(idp, "approvers").status_code == 302
    assert roles_of(mapped) == ["approver"]


def test_groups_do_not_bring_back_whom_an_admin_removed(
    idp: SimulatedProvider, mapped: FederatedLink
) -> None:
    with tenant_scope(mapped.tenant_id):
        Membership.objects.filter(user=mapped.user).delete()
    assert refusal(sign_in_with(idp, "approvers")) == "no_membership"


def test_an_address_links_nobody(
    browser: Client, idp: SimulatedProvider, provider: IdentityProvider, ada: User
) -> None:
    User.objects.filter(pk=ada.pk).update(email="ada@acme.example")
    idp.claims = {
        "email": "ada@acme.example",
        "email_verified": True,
        "preferred_username": "ada",
    }
    assert refusal(sign_in(browser, idp)) == "not_linked"
    with tenant_scope(provider.tenant_id):
        assert not FederatedLink.objects.exists()


def way_to_link(browser: Client, provider: IdentityProvider) -> str:
    page = browser.post(f"/account/organizations/{provider.pk}/link/")
    assert page.status_code == 200
    text = page.content.decode().partition(f'href="{provider.issuer}')[2]
    query = text.partition('"')[0].replace("&amp;", "&")
    return f"{provider.issuer}{query}"


def test_a_signed_in_person_links_their_account(
    idp: SimulatedProvider,
    provider: IdentityProvider,
    ada: User,
    signed_in_client: SignedInClient,
) -> None:
    browser = signed_in_client(ada)
    answer = come_back(browser, idp.authorize(way_to_link(browser, provider)))
    assert answer.headers["Location"] == "/account/organizations/"
    with tenant_scope(provider.tenant_id):
        link = FederatedLink.objects.get()
    assert (link.user, link.subject) == (ada, "ada-at-idp")
    assert "ada-at-idp" in browser.get("/account/organizations/").content.decode()
    assert sign_in(Client(), idp).status_code == 302


def test_linking_asks_for_the_passkey(
    provider: IdentityProvider, ada: User, signed_in_client: SignedInClient
) -> None:
    browser = signed_in_client(ada)
    row = SignIn.objects.get()
    row.factors = [{**factor, "at": 0} for factor in row.factors]
    row.save()
    answer = browser.post(f"/account/organizations/{provider.pk}/link/")
    assert "/auth/operations/" in answer.headers["Location"]
    assert not SignInAttempt.objects.exists()


def test_who_signed_out_meanwhile_links_nothing(
    idp: SimulatedProvider,
    provider: IdentityProvider,
    ada: User,
    signed_in_client: SignedInClient,
) -> None:
    browser = signed_in_client(ada)
    parameters = idp.authorize(way_to_link(browser, provider))
    SignIn.objects.update(ended_at="2020-01-01T00:00:00Z", end_reason="killed")
    answer = come_back(browser, parameters)
    assert answer.headers["Location"].startswith("/admin/login/")
    assert refusal(come_back(browser, parameters)) == "state_refused"
    with tenant_scope(provider.tenant_id):
        assert not FederatedLink.objects.exists()


def test_an_account_stands_for_one_person_only(
    idp: SimulatedProvider,
    linked: FederatedLink,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    browser = signed_in_client(make_user("bob", ["auditor"]))
    parameters = idp.authorize(way_to_link(browser, linked.provider))
    assert refusal(come_back(browser, parameters)) == "link_taken"


def test_an_enrollment_link_links_once_and_leads_on_to_the_passkey(
    browser: Client, idp: SimulatedProvider, provider: IdentityProvider, ada: User
) -> None:
    token = issue_enrollment_link(actor=SYSTEM, user=ada)
    answer = come_back(browser, idp.authorize(begin(browser, enroll=token)))
    assert answer.headers["Location"] == f"/enroll/{token}/"
    assert browser.get(f"/enroll/{token}/").status_code == 200
    with tenant_scope(provider.tenant_id):
        link = FederatedLink.objects.get()
    assert link.enrollment_link_id == EnrollmentLink.objects.get().pk
    other = Client()
    again = idp.authorize(begin(other, enroll=token), "eve-at-idp")
    assert refusal(come_back(other, again)) == "link_taken"


@pytest.mark.usefixtures("provider")
def test_a_used_enrollment_link_leads_nowhere(browser: Client, ada: User) -> None:
    token = issue_enrollment_link(actor=SYSTEM, user=ada)
    EnrollmentLink.objects.update(used_at="2020-01-01T00:00:00Z")
    assert browser.get(f"{BASE}/start?enroll={token}").status_code == 404


def test_unlinking_ends_the_sessions_that_came_by_it(
    idp: SimulatedProvider, linked: FederatedLink, signed_in_client: SignedInClient
) -> None:
    sign_in(Client(), idp)
    browser = signed_in_client(linked.user)
    browser.post(f"/account/organizations/{linked.pk}/unlink/")
    ended = SignIn.objects.exclude(ended_at=None)
    assert [row.provider for row in ended] == ["acme/sso"]
    assert refusal(sign_in(Client(), idp)) == "not_linked"


def test_nobody_unlinks_anothers_account(
    linked: FederatedLink, make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    browser = signed_in_client(make_user("bob", ["auditor"]))
    browser.post(f"/account/organizations/{linked.pk}/unlink/")
    with tenant_scope(linked.tenant_id):
        assert FederatedLink.objects.filter(pk=linked.pk).exists()


def test_providers_and_links_of_another_tenant_are_not_there(
    linked: FederatedLink, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.pk):
        assert not IdentityProvider.objects.exists()
        assert not FederatedLink.objects.filter(pk=linked.pk).exists()


def test_the_same_subject_of_another_tenants_provider_is_a_stranger(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink, other_tenant: Tenant
) -> None:
    other = make_provider(other_tenant, idp.issuer)
    url = begin(browser, base=f"/auth/oidc/globex/{other.slug}")
    parameters = idp.authorize(url)
    answer = come_back(browser, parameters, base=f"/auth/oidc/globex/{other.slug}")
    assert refusal(answer) == "not_linked"
    assert linked.subject == "ada-at-idp"
