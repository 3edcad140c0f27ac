"""A tenant says what it accepts, above a floor; all of a person's tenants count."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts import services
from apps.accounts.adapters import attestation_roots
from apps.accounts.errors import (
    AssertionRefusedError,
    PasskeyModelError,
    PasskeyNotAttestedError,
    SignInPolicyInvalidError,
)
from apps.accounts.models import Passkey, SignInPolicy, User
from apps.accounts.rules import SignInRules, registration_refusal
from apps.accounts.selectors import accepted_codes, sign_in_rules
from apps.accounts.services import SignInValues
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import SYSTEM, MakeUser, SignedInClient
from tests.simulators.attestation import AttestedAuthenticator, Maker
from tests.simulators.authenticator import SimulatedAuthenticator

pytestmark = pytest.mark.django_db
MODEL = "00000000-0000-0000-0000-000000000000"
OTHER_MODEL = "ee882879-721c-4913-9775-3dfcce97072a"


def values(**changes: object) -> SignInValues:
    fields: dict[str, object] = {
        "accepted": ["totp"],
        "attestation": "none",
        "aaguids": [],
        "risk_step_up": 40,
        "risk_block": 80,
    }
    return SignInValues(**(fields | changes))  # type: ignore[arg-type]


def ask(tenant: Tenant, **changes: object) -> SignInPolicy:
    with tenant_scope(tenant.pk):
        return services.set_sign_in_policy(actor=SYSTEM, values=values(**changes))


def register(
    user: User, authenticator: SimulatedAuthenticator, *roots: bytes
) -> Passkey:
    options = services.begin_registration(user=user, session_key="s", link=None)
    return services.finish_registration(
        ceremony_id=options.ceremony_id,
        session_key="s",
        credential=authenticator.create(options.public_key),
        name="Key",
        attestation_roots={"packed": roots} if roots else {},
    )


@pytest.fixture
def bob(make_user: MakeUser) -> User:
    return make_user("bob", ["auditor"])


@pytest.fixture
def maker() -> Maker:
    return Maker()


def test_without_a_row_the_defaults_hold(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        assert sign_in_rules() == SignInRules()


def test_settings_are_stored_and_audited(tenant: Tenant) -> None:
    ask(tenant, accepted=["recovery"], risk_block=90)
    with tenant_scope(tenant.pk):
        assert sign_in_rules().accepted == {"recovery"}
        entry = AuditEntry.objects.get(action="accounts.sign_in_policy_changed")
    assert entry.before is not None
    assert (entry.before["risk_block"], entry.after and entry.after["risk_block"]) == (
        80,
        90,
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"accepted": ["sms"]}, "accepted"),
        ({"attestation": "maybe"}, "attestation"),
        ({"aaguids": ["yubikey"]}, "aaguids"),
        ({"risk_step_up": 9}, "risk_step_up"),
        ({"risk_step_up": 81}, "risk_step_up"),
        ({"risk_block": 101}, "risk_step_up"),
    ],
    ids=["factor", "attestation", "aaguid", "too-low", "above-block", "too-high"],
)
def test_settings_below_the_floor_are_refused(
    tenant: Tenant, change: dict[str, object], field: str
) -> None:
    with pytest.raises(SignInPolicyInvalidError) as caught:
        ask(tenant, **change)
    assert caught.value.field == field


def test_codes_count_where_any_tenant_of_a_person_takes_them(
    tenant: Tenant, bob: User
) -> None:
    ask(tenant, accepted=[])
    assert accepted_codes(bob) == frozenset()
    ask(tenant, accepted=["hotp"])
    assert accepted_codes(bob) == {"hotp"}


def test_a_listed_model_is_registered_and_another_is_not(
    tenant: Tenant, bob: User, software_authenticator: SimulatedAuthenticator
) -> None:
    ask(tenant, aaguids=[OTHER_MODEL])
    with pytest.raises(PasskeyModelError):
        register(bob, software_authenticator)
    assert not Passkey.objects.exists()
    ask(tenant, aaguids=[OTHER_MODEL.upper(), MODEL])
    register(bob, software_authenticator)


def test_the_list_of_every_tenant_counts(
    tenant: Tenant,
    other_tenant: Tenant,
    bob: User,
    software_authenticator: SimulatedAuthenticator,
) -> None:
    with tenant_scope(other_tenant.pk):
        services.grant_membership(actor=SYSTEM, user=bob, roles=["auditor"])
    ask(tenant, aaguids=[MODEL])
    ask(other_tenant, aaguids=[OTHER_MODEL])
    with pytest.raises(PasskeyModelError):
        register(bob, software_authenticator)


def test_the_model_is_asked_for_only_when_it_matters(tenant: Tenant, bob: User) -> None:
    def asked() -> str:
        options = services.begin_registration(user=bob, session_key="s", link=None)
        return str(options.public_key["attestation"])

    assert asked() == "none"
    ask(tenant, attestation="verified")
    assert asked() == "direct"


def test_an_attested_key_is_registered_where_attestation_is_asked(
    tenant: Tenant, bob: User, maker: Maker, tmp_path: Path
) -> None:
    ask(tenant, attestation="verified")
    made = register(
        bob, AttestedAuthenticator(tmp_path / "a.json", maker), maker.root_pem
    )
    assert made.is_attested


@pytest.mark.parametrize("fault", ["no-chain", "no-root"])
def test_a_key_that_nobody_vouches_for_is_refused_where_attestation_is_asked(
    tenant: Tenant,
    bob: User,
    maker: Maker,
    tmp_path: Path,
    software_authenticator: SimulatedAuthenticator,
    fault: str,
) -> None:
    ask(tenant, attestation="verified")
    attested = AttestedAuthenticator(tmp_path / "a.json", maker)
    keys = {"no-chain": software_authenticator, "no-root": attested}
    roots = {"no-chain": [maker.root_pem], "no-root": []}
    with pytest.raises(PasskeyNotAttestedError):
        register(bob, keys[fault], *roots[fault])
    assert not Passkey.objects.exists()


def test_a_chain_to_another_root_is_refused(
    bob: User, maker: Maker, tmp_path: Path
) -> None:
    with pytest.raises(AssertionRefusedError):
        register(
            bob, AttestedAuthenticator(tmp_path / "a.json", maker), Maker().root_pem
        )
    assert not Passkey.objects.exists()


def test_roots_come_from_the_files_that_are_named(
    settings: Settings, maker: Maker, tmp_path: Path
) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(maker.root_pem)
    settings.PORTWARD_ATTESTATION_ROOTS = {"packed": [str(path)]}
    assert attestation_roots() == {"packed": [maker.root_pem]}
    settings.PORTWARD_ATTESTATION_ROOTS = {"packed": ["/nonexistent"]}
    with pytest.raises(OSError, match="nonexistent"):
        attestation_roots()


def test_a_refusal_says_what_is_missing() -> None:
    strict = [SignInRules(attestation="verified", aaguids=frozenset({MODEL}))]
    check = registration_refusal
    assert check(strict, aaguid=MODEL, is_attested=True) == ""
    assert check(strict, aaguid=MODEL, is_attested=False) == "attestation"
    assert check(strict, aaguid=OTHER_MODEL, is_attested=True) == "aaguid"
    assert check([], aaguid=OTHER_MODEL, is_attested=False) == ""


@pytest.fixture
def admin_client(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("alice", ["security_admin"]))


def test_the_page_shows_models_in_use_and_saves(
    admin_client: Client, tenant: Tenant
) -> None:
    listed = admin_client.get(reverse("admin:accounts_signinpolicy_changelist"))
    page = admin_client.get(listed["Location"])
    assert MODEL.encode() in page.content
    admin_client.post(
        listed["Location"],
        {
            "accepted": ["totp"],
            "attestation": "none",
            "aaguids": f"{MODEL}\n{OTHER_MODEL}",
            "risk_step_up": "30",
            "risk_block": "70",
        },
    )
    with tenant_scope(tenant.pk):
        assert sign_in_rules() == SignInRules(
            accepted=frozenset({"totp"}),
            aaguids=frozenset({MODEL, OTHER_MODEL}),
            risk_step_up=30,
            risk_block=70,
        )


def test_the_page_shows_what_is_wrong_beside_its_field(admin_client: Client) -> None:
    listed = admin_client.get(reverse("admin:accounts_signinpolicy_changelist"))
    page = admin_client.post(
        listed["Location"],
        {
            "accepted": ["totp"],
            "attestation": "none",
            "aaguids": "yubikey",
            "risk_step_up": "30",
            "risk_block": "70",
        },
    )
    assert b"is no AAGUID" in page.content
    assert b"yubikey" in page.content


def test_removing_a_key_asks_for_another_one_and_goes_on(
    make_user: MakeUser, signed_in_client: SignedInClient, tmp_path: Path
) -> None:
    user = make_user("alice", ["security_admin"])
    client = signed_in_client(user)
    first = Passkey.objects.get()
    register(user, SimulatedAuthenticator(tmp_path / "second.json"))
    answer = client.post(reverse("signin:remove_passkey", args=[first.pk]))
    assert answer["Location"].startswith("/auth/operations/")
    options = client.post(f"{answer['Location']}options/").json()["publicKey"]
    assert len(options["allowCredentials"]) == 1
    assert Passkey.objects.count() == 2


def test_a_passkey_gets_another_name(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("alice", ["security_admin"]))
    key = Passkey.objects.get()
    client.post(reverse("accounts:rename_passkey", args=[key.pk]), {"name": "Blue key"})
    assert b"Blue key" in client.get(reverse("accounts:account")).content


def test_an_administrator_with_one_key_is_reminded(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("alice", ["security_admin"]))
    assert b"one passkey only" in client.get(reverse("accounts:account")).content
