"""What proves that a person is at the keyboard, and what does not."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from apps.accounts import services
from apps.accounts.adapters import UnsafeSoftwareAuthenticator
from apps.accounts.errors import (
    AssertionRefusedError,
    CeremonyError,
    DemoAuthenticatorError,
    LastPasskeyError,
    OtherKeyNeededError,
    PasskeyBlockedError,
    PasskeyClonedError,
    PasskeyTakenError,
    UnknownPasskeyError,
    UserNotVerifiedError,
    WrongChallengeError,
    WrongOriginError,
)
from apps.accounts.models import Ceremony, Passkey, User
from tests.factories import accounts
from tests.factories.accounts import SYSTEM, MakeUser, register_passkey
from tests.simulators.authenticator import SimulatedAuthenticator, tamper

pytestmark = pytest.mark.django_db

SESSION = "session"
DIGEST = hashlib.sha256(b"operation").digest()


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user("alice", ["approver"])


@pytest.fixture
def passkey(user: User, software_authenticator: SimulatedAuthenticator) -> Passkey:
    return register_passkey(user, software_authenticator)


def log_in(authenticator: SimulatedAuthenticator, *, session: str = SESSION) -> Passkey:
    options = services.begin_ceremony(session_key=SESSION)
    return services.finish_login(
        ceremony_id=options.ceremony_id,
        session_key=session,
        credential=authenticator.get(options.public_key),
    )


def sign(
    user: User, authenticator: SimulatedAuthenticator, digest: bytes = DIGEST
) -> tuple[services.CeremonyOptions, dict[str, Any]]:
    options = services.begin_operation_ceremony(
        user=user, session_key=SESSION, operation_digest=digest
    )
    return options, authenticator.get(options.public_key)


def verify(
    user: User,
    options: services.CeremonyOptions,
    credential: dict[str, Any],
    digest: bytes = DIGEST,
) -> services.VerifiedAssertion:
    return services.verify_operation_assertion(
        user=user,
        ceremony_id=options.ceremony_id,
        credential_json=credential,
        operation_digest=digest,
    )


def test_a_registered_passkey_signs_in(
    passkey: Passkey, software_authenticator: SimulatedAuthenticator, user: User
) -> None:
    assert log_in(software_authenticator) == passkey
    passkey.refresh_from_db()
    assert passkey.sign_count == software_authenticator.sign_count
    assert passkey.user == user


def test_options_require_user_verification_and_name_no_user(passkey: Passkey) -> None:
    assert passkey.confirmed
    options = services.begin_ceremony(session_key=SESSION).public_key
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []


def test_registration_asks_for_a_discoverable_verified_key(user: User) -> None:
    options = services.begin_registration(user=user, session_key=SESSION, link=None)
    selection = options.public_key["authenticatorSelection"]
    assert selection["userVerification"] == "required"
    assert selection["residentKey"] == "required"


def test_registration_without_user_verification_is_refused(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    software_authenticator.forget_user_verification()
    with pytest.raises(UserNotVerifiedError):
        register_passkey(user, software_authenticator)
    assert not Passkey.objects.exists()


def test_sign_in_without_user_verification_is_refused(
    passkey: Passkey, software_authenticator: SimulatedAuthenticator
) -> None:
    software_authenticator.forget_user_verification()
    with pytest.raises(UserNotVerifiedError):
        log_in(software_authenticator)
    passkey.refresh_from_db()
    assert passkey.last_used_at is None


@pytest.mark.usefixtures("passkey")
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost", "http://localhost:81"]
)
def test_an_answer_from_another_origin_is_refused(
    software_authenticator: SimulatedAuthenticator, origin: str
) -> None:
    software_authenticator.origin = origin
    with pytest.raises(WrongOriginError):
        log_in(software_authenticator)


@pytest.mark.usefixtures("passkey")
def test_an_answer_for_another_relying_party_is_refused(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    software_authenticator.rp_id = "evil.example"
    with pytest.raises(AssertionRefusedError, match="RP ID"):
        log_in(software_authenticator)


@pytest.mark.usefixtures("passkey")
def test_a_replayed_answer_is_refused(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    options = services.begin_ceremony(session_key=SESSION)
    answer = software_authenticator.get(options.public_key)
    services.finish_login(
        ceremony_id=options.ceremony_id, session_key=SESSION, credential=answer
    )
    with pytest.raises(CeremonyError):
        services.finish_login(
            ceremony_id=options.ceremony_id, session_key=SESSION, credential=answer
        )


@pytest.mark.usefixtures("passkey")
def test_an_answer_to_another_challenge_is_refused(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    first = services.begin_ceremony(session_key=SESSION)
    second = services.begin_ceremony(session_key=SESSION)
    with pytest.raises(WrongChallengeError):
        services.finish_login(
            ceremony_id=second.ceremony_id,
            session_key=SESSION,
            credential=software_authenticator.get(first.public_key),
        )


@pytest.mark.usefixtures("passkey")
def test_a_refused_answer_uses_up_the_ceremony(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    options = services.begin_ceremony(session_key=SESSION)
    answer = software_authenticator.get(options.public_key)
    with pytest.raises(AssertionRefusedError):
        services.finish_login(
            ceremony_id=options.ceremony_id,
            session_key=SESSION,
            credential=tamper(answer, "signature"),
        )
    with pytest.raises(CeremonyError):
        services.finish_login(
            ceremony_id=options.ceremony_id, session_key=SESSION, credential=answer
        )


@pytest.mark.usefixtures("passkey")
def test_an_answer_from_another_session_is_refused(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    with pytest.raises(CeremonyError):
        log_in(software_authenticator, session="another")


@pytest.mark.usefixtures("passkey")
@pytest.mark.parametrize(("minutes", "works"), [(4, True), (6, False)])
def test_a_ceremony_lives_for_five_minutes(
    software_authenticator: SimulatedAuthenticator, *, minutes: int, works: bool
) -> None:
    options = services.begin_ceremony(session_key=SESSION)
    answer = software_authenticator.get(options.public_key)
    later = timezone.now() + dt.timedelta(minutes=minutes)
    with time_machine.travel(later, tick=False):
        try:
            services.finish_login(
                ceremony_id=options.ceremony_id, session_key=SESSION, credential=answer
            )
        except CeremonyError:
            assert not works
        else:
            assert works


@pytest.mark.usefixtures("passkey")
def test_an_operation_ceremony_does_not_sign_in(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    options, answer = sign(user, software_authenticator)
    with pytest.raises(CeremonyError):
        services.finish_login(
            ceremony_id=options.ceremony_id, session_key=SESSION, credential=answer
        )


def test_a_copied_passkey_is_blocked_and_the_block_stays(
    passkey: Passkey, software_authenticator: SimulatedAuthenticator
) -> None:
    log_in(software_authenticator)
    software_authenticator.sign_count -= 1
    with pytest.raises(PasskeyClonedError):
        log_in(software_authenticator)
    passkey.refresh_from_db()
    assert passkey.blocked_at is not None
    assert not passkey.confirmed
    software_authenticator.sign_count += 10
    with pytest.raises(PasskeyBlockedError):
        log_in(software_authenticator)


def test_a_counter_that_never_counts_is_no_clone(
    passkey: Passkey, software_authenticator: SimulatedAuthenticator
) -> None:
    Passkey.objects.update(sign_count=0)
    for _ in range(2):
        software_authenticator.sign_count = -1
        assert log_in(software_authenticator) == passkey


@pytest.mark.usefixtures("passkey")
def test_an_answer_that_names_another_account_is_refused(
    software_authenticator: SimulatedAuthenticator,
) -> None:
    software_authenticator.answer_as(b"somebody else")
    with pytest.raises(AssertionRefusedError, match="another account"):
        log_in(software_authenticator)


@pytest.mark.usefixtures("passkey")
def test_an_unregistered_key_is_refused(tmp_path: Path, user: User) -> None:
    stranger = accounts.make_authenticator(tmp_path)
    stranger.answer_as(user.pk.bytes)
    with pytest.raises(UnknownPasskeyError):
        log_in(stranger)


@pytest.mark.usefixtures("passkey")
def test_a_disabled_account_does_not_sign_in(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(AssertionRefusedError, match="disabled"):
        log_in(software_authenticator)


@pytest.mark.usefixtures("passkey")
def test_a_passkey_is_registered_once(
    make_user: MakeUser, software_authenticator: SimulatedAuthenticator
) -> None:
    with pytest.raises(PasskeyTakenError):
        register_passkey(make_user("bob"), software_authenticator)


def test_a_signed_operation_is_proven_with_all_its_evidence(
    passkey: Passkey, user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    options, answer = sign(user, software_authenticator)
    proof = verify(user, options, answer)
    assert proof.passkey_id == passkey.pk
    assert proof.credential_id == software_authenticator.credential_id
    assert proof.public_key == bytes(passkey.public_key)
    assert Ceremony.objects.get(pk=options.ceremony_id).challenge == DIGEST


@pytest.mark.usefixtures("passkey")
def test_a_signature_for_one_operation_does_not_serve_another(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    options, answer = sign(user, software_authenticator)
    with pytest.raises(CeremonyError, match="not what is being done"):
        verify(user, options, answer, hashlib.sha256(b"other").digest())


@pytest.mark.usefixtures("passkey")
def test_a_signed_operation_is_taken_once(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    options, answer = sign(user, software_authenticator)
    verify(user, options, answer)
    with pytest.raises(CeremonyError):
        verify(user, options, answer)


@pytest.mark.usefixtures("passkey")
def test_nobody_signs_with_the_passkey_of_another(
    user: User, make_user: MakeUser, tmp_path: Path
) -> None:
    other_authenticator = accounts.make_authenticator(tmp_path)
    register_passkey(make_user("bob", ["approver"]), other_authenticator)
    options = services.begin_operation_ceremony(
        user=user, session_key=SESSION, operation_digest=DIGEST
    )
    with pytest.raises(UnknownPasskeyError):
        verify(user, options, other_authenticator.get(options.public_key))


@pytest.mark.usefixtures("passkey")
def test_an_operation_without_user_verification_is_refused(
    user: User, software_authenticator: SimulatedAuthenticator
) -> None:
    software_authenticator.forget_user_verification()
    options, answer = sign(user, software_authenticator)
    with pytest.raises(UserNotVerifiedError):
        verify(user, options, answer)


def test_without_a_passkey_no_operation_is_begun(user: User) -> None:
    with pytest.raises(UnknownPasskeyError):
        services.begin_operation_ceremony(
            user=user, session_key=SESSION, operation_digest=DIGEST
        )


def test_the_last_passkey_is_not_removed(passkey: Passkey, user: User) -> None:
    with pytest.raises(LastPasskeyError):
        services.remove_passkey(
            actor=SYSTEM,
            user=user,
            passkey_id=passkey.pk,
            proven_by=services.fingerprint(passkey),
        )
    assert Passkey.objects.filter(pk=passkey.pk).exists()


def test_one_of_two_passkeys_is_removed(
    passkey: Passkey, user: User, tmp_path: Path
) -> None:
    other = register_passkey(user, accounts.make_authenticator(tmp_path))
    services.remove_passkey(
        actor=SYSTEM,
        user=user,
        passkey_id=passkey.pk,
        proven_by=services.fingerprint(other),
    )
    assert not Passkey.objects.filter(pk=passkey.pk).exists()


def test_nobody_removes_the_passkey_of_another(
    passkey: Passkey, make_user: MakeUser
) -> None:
    with pytest.raises(UnknownPasskeyError):
        services.remove_passkey(
            actor=SYSTEM,
            user=make_user("bob"),
            passkey_id=passkey.pk,
            proven_by=services.fingerprint(passkey),
        )


@pytest.mark.parametrize("proof", ["itself", "blocked", "strangers", "none"])
def test_a_passkey_is_removed_with_another_usable_one_only(
    passkey: Passkey, user: User, make_user: MakeUser, tmp_path: Path, proof: str
) -> None:
    blocked = register_passkey(user, accounts.make_authenticator(tmp_path))
    Passkey.objects.filter(pk=blocked.pk).update(confirmed=False)
    register_passkey(user, accounts.make_authenticator(tmp_path))
    bob = register_passkey(make_user("bob"), accounts.make_authenticator(tmp_path))
    proofs = {
        "itself": services.fingerprint(passkey),
        "blocked": services.fingerprint(blocked),
        "strangers": services.fingerprint(bob),
        "none": "",
    }
    with pytest.raises(OtherKeyNeededError):
        services.remove_passkey(
            actor=SYSTEM, user=user, passkey_id=passkey.pk, proven_by=proofs[proof]
        )
    assert Passkey.objects.filter(pk=passkey.pk).exists()


def test_a_passkey_that_says_it_is_of_another_kind_is_refused(
    passkey: Passkey, software_authenticator: SimulatedAuthenticator
) -> None:
    Passkey.objects.filter(pk=passkey.pk).update(is_backup_eligible=True)
    options = services.begin_ceremony(session_key=SESSION)
    with pytest.raises(AssertionRefusedError, match="another kind"):
        services.finish_login(
            ceremony_id=options.ceremony_id,
            session_key=SESSION,
            credential=software_authenticator.get(options.public_key),
        )


def unsafe(tmp_path: Path) -> UnsafeSoftwareAuthenticator:
    return UnsafeSoftwareAuthenticator(tmp_path / "demo" / "key.json")


def register_unsafe(user: User, authenticator: UnsafeSoftwareAuthenticator) -> Passkey:
    options = services.begin_registration(user=user, session_key=SESSION, link=None)
    return services.finish_registration(
        ceremony_id=options.ceremony_id,
        session_key=SESSION,
        credential=authenticator.create(options.public_key),
        name="",
    )


def test_a_software_key_of_a_demo_user_is_marked(
    make_user: MakeUser, tmp_path: Path
) -> None:
    passkey = register_unsafe(make_user("demo-bob", is_demo=True), unsafe(tmp_path))
    assert passkey.is_demo


def test_a_software_key_of_a_real_user_is_refused(user: User, tmp_path: Path) -> None:
    with pytest.raises(DemoAuthenticatorError):
        register_unsafe(user, unsafe(tmp_path))


def test_settings_can_refuse_software_authenticators(
    make_user: MakeUser, tmp_path: Path, settings: Settings
) -> None:
    authenticator = unsafe(tmp_path)
    demo = make_user("demo-bob", is_demo=True)
    register_unsafe(demo, authenticator)
    settings.PORTWARD_ALLOW_DEMO_AUTHENTICATORS = False
    with pytest.raises(DemoAuthenticatorError):
        unsafe(tmp_path)
    options = services.begin_ceremony(session_key=SESSION)
    with pytest.raises(DemoAuthenticatorError):
        services.finish_login(
            ceremony_id=options.ceremony_id,
            session_key=SESSION,
            credential=authenticator.get(options.public_key),
        )


def test_the_software_key_is_private_and_survives_a_restart(
    make_user: MakeUser, tmp_path: Path
) -> None:
    demo = make_user("demo-bob", is_demo=True)
    register_unsafe(demo, unsafe(tmp_path))
    path = tmp_path / "demo" / "key.json"
    assert path.stat().st_mode & 0o777 == 0o600
    options = services.begin_ceremony(session_key=SESSION)
    passkey = services.finish_login(
        ceremony_id=options.ceremony_id,
        session_key=SESSION,
        credential=unsafe(tmp_path).get(options.public_key),
    )
    assert passkey.user == demo
