"""The way in without a passkey: password and code, and what it cannot do."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp import oath
from pytest_django import Settings

from apps.accounts import services
from apps.accounts.adapters import BreachedPasswordValidator, is_breached
from apps.accounts.errors import (
    CodeDeviceNotFoundError,
    CodeRefusedError,
    PasswordInvalidError,
    SignInRefusedError,
)
from apps.accounts.models import CodeDevice, RecoveryCode, RefusedSignIn, User
from apps.accounts.rules import CodeKind
from apps.accounts.services import actor_for
from apps.audit.models import AuditEntry
from apps.core.rules import unseal
from apps.signin.models import SignIn
from apps.signin.views import fallback
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
ADDRESS = "192.0.2.7"


def code_of(secret: bytes, value: int) -> str:
    number = int(oath.hotp(secret, value))  # type: ignore[no-untyped-call]  # no types
    return f"{number:06d}"


class App:
    """An authenticator app in somebody's hand."""

    def __init__(self, user: User) -> None:
        self.made = services.begin_code_device(
            user=user, kind=CodeKind.TOTP, name="Phone"
        )
        secret = unseal(
            bytes(self.made.device.sealed_secret),
            secrets=["only for tests, where nothing is worth protecting"],
            purpose="one-time code secret",
            bound_to=user.pk.bytes,
        )
        assert secret is not None
        self.secret = secret

    def code(self, steps: int = 0) -> str:
        due = int(timezone.now().timestamp()) // 30 + steps
        return code_of(self.secret, due)


@pytest.fixture
def bob(make_user: MakeUser) -> User:
    user = make_user("bob", ["auditor"])
    services.set_password(actor=actor_for(user), user=user, password=PASSWORD)
    return user


@pytest.fixture
def app(bob: User) -> App:
    made = App(bob)
    services.confirm_code_device(
        actor=actor_for(bob),
        user=bob,
        device_id=made.made.device.pk,
        code=made.code(-1),
    )
    return made


def attempt(**changes: str) -> services.FallbackProof:
    fields = {"username": "bob", "password": PASSWORD, "address": ADDRESS} | changes
    return services.check_fallback(**fields)


def test_password_and_code_name_the_person(bob: User, app: App) -> None:
    proof = attempt(code=app.code())
    assert (proof.user, proof.methods) == (bob, ("pwd", "totp"))


def test_a_code_serves_once(app: App) -> None:
    code = app.code()
    attempt(code=code)
    with pytest.raises(SignInRefusedError):
        attempt(code=code)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "wrong"}, "accounts.wrong_password"),
        ({"code": "000000"}, "accounts.code_refused"),
        ({"code": ""}, "accounts.code_refused"),
        ({"username": "nobody"}, None),
    ],
    ids=["password", "code", "no-code", "unknown"],
)
def test_every_wrong_part_is_answered_alike_and_noted(
    app: App, tenant: Tenant, change: dict[str, str], reason: str | None
) -> None:
    with pytest.raises(SignInRefusedError) as caught:
        attempt(**({"code": app.code()} | change))
    assert caught.value.message == SignInRefusedError.default_message
    noted = list(RefusedSignIn.objects.values_list("code", flat=True))
    assert noted == ([reason] if reason else [])
    with tenant_scope(tenant.pk):
        found = AuditEntry.objects.filter(action="accounts.sign_in_refused")
        assert found.count() == len(noted)


def test_an_account_that_is_off_is_refused_and_the_refusal_noted(
    bob: User, app: App
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(SignInRefusedError):
        attempt(code=app.code())
    assert RefusedSignIn.objects.get().code == "accounts.inactive"


def test_an_account_without_password_is_refused(bob: User, app: App) -> None:
    services.remove_password(actor=actor_for(bob), user=bob)
    with pytest.raises(SignInRefusedError):
        attempt(code=app.code(), password="")


def test_an_unconfirmed_authenticator_lets_nobody_in(bob: User) -> None:
    with pytest.raises(SignInRefusedError):
        attempt(code=App(bob).code())


def test_another_persons_code_lets_nobody_in(app: App, make_user: MakeUser) -> None:
    carol = make_user("carol", ["auditor"])
    services.set_password(actor=actor_for(carol), user=carol, password=PASSWORD)
    with pytest.raises(SignInRefusedError):
        attempt(username="carol", code=app.code())


def test_guessing_a_code_slows_down_and_blocks_no_other_device(
    bob: User, app: App
) -> None:
    second = App(bob)
    services.confirm_code_device(
        actor=actor_for(bob),
        user=bob,
        device_id=second.made.device.pk,
        code=second.code(-1),
    )
    CodeDevice.objects.filter(pk=app.made.device.pk).update(
        failures=5, failing_since=timezone.now()
    )
    with pytest.raises(SignInRefusedError):
        attempt(code=app.code())
    assert attempt(code=second.code()).user == bob


def test_a_recovery_code_serves_once(bob: User, tenant: Tenant) -> None:
    codes = services.new_recovery_codes(actor=actor_for(bob), user=bob)
    assert len(set(codes)) == 10
    assert attempt(code=codes[0].upper()).methods == ("pwd", "recovery")
    with pytest.raises(SignInRefusedError):
        attempt(code=codes[0])
    with tenant_scope(tenant.pk):
        used = AuditEntry.objects.get(action="accounts.recovery_code_used")
    assert used.context == {"left": 9}


def test_recovery_codes_are_stored_as_hashes_and_replaced_together(bob: User) -> None:
    old = services.new_recovery_codes(actor=actor_for(bob), user=bob)
    services.new_recovery_codes(actor=actor_for(bob), user=bob)
    assert RecoveryCode.objects.count() == 10
    stored = " ".join(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert not any(code in stored for code in old)
    with pytest.raises(SignInRefusedError):
        attempt(code=old[0])


def test_the_secret_of_an_app_is_not_in_the_database(app: App) -> None:
    assert app.secret not in bytes(CodeDevice.objects.get().sealed_secret)


def test_a_rotated_secret_key_still_opens_secrets(app: App, settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert attempt(code=app.code()).user.username == "bob"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SignInRefusedError):
        attempt(code=app.code(1))


def test_a_wrong_first_code_leaves_the_device_waiting(bob: User) -> None:
    made = App(bob)
    pk = made.made.device.pk
    for text in ("000000", "111111"):
        with pytest.raises(CodeRefusedError):
            services.confirm_code_device(
                actor=actor_for(bob), user=bob, device_id=pk, code=text
            )
    assert CodeDevice.objects.get().failures == 2
    services.confirm_code_device(
        actor=actor_for(bob), user=bob, device_id=pk, code=made.code()
    )
    assert CodeDevice.objects.get().confirmed


def test_nobody_touches_anothers_device(app: App, make_user: MakeUser) -> None:
    carol = make_user("carol", ["auditor"])
    with pytest.raises(CodeDeviceNotFoundError):
        services.remove_code_device(
            actor=actor_for(carol), user=carol, device_id=app.made.device.pk
        )
    assert CodeDevice.objects.exists()


@pytest.mark.parametrize(
    "password",
    ["short", "password123456", "111111111111", "bob-the-auditor"],
    ids=["short", "common", "digits", "name"],
)
def test_a_weak_password_is_refused_with_its_reason(
    make_user: MakeUser, password: str
) -> None:
    user = make_user("bob-the-auditor")
    with pytest.raises(PasswordInvalidError) as caught:
        services.set_password(actor=actor_for(user), user=user, password=password)
    assert caught.value.message
    assert not User.objects.get(pk=user.pk).has_usable_password()


def test_passwords_are_stored_with_argon2(bob: User) -> None:
    assert User.objects.get(pk=bob.pk).password.startswith("argon2$argon2id$")


@pytest.fixture
def breaches(tmp_path: Path) -> Path:
    words = [f"breached-{number}" for number in range(500)]
    hashes = sorted(
        hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper()
        for word in words
    )
    path = tmp_path / "breaches.txt"
    path.write_text("\n".join(f"{line}:{i % 97}" for i, line in enumerate(hashes)))
    return path


def test_every_breached_password_is_found_and_no_other(breaches: Path) -> None:
    for number in range(500):
        assert is_breached(f"breached-{number}", breaches), number
    for number in range(500):
        assert not is_breached(f"sound-{number}", breaches), number


def test_a_breached_password_is_refused(breaches: Path, settings: Settings) -> None:
    settings.PORTWARD_BREACHED_PASSWORDS = str(breaches)
    BreachedPasswordValidator().validate("sound and long enough")
    with pytest.raises(ValidationError):
        BreachedPasswordValidator().validate("breached-7")


def test_a_list_that_cannot_be_read_lets_nothing_pass(settings: Settings) -> None:
    settings.PORTWARD_BREACHED_PASSWORDS = "/nonexistent/list"
    with pytest.raises(OSError, match="list"):
        BreachedPasswordValidator().validate("whatever it is")


@pytest.mark.django_db(transaction=True)
def test_of_two_sign_ins_with_one_code_one_wins(app: App) -> None:
    code = app.code()
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def run() -> None:
        together.wait()
        try:
            attempt(code=code)
            outcomes.append("in")
        except SignInRefusedError:
            outcomes.append("out")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "out"]


def test_the_page_signs_in_and_may_look_but_not_change(
    client: Client, app: App
) -> None:
    answer = client.post(
        reverse("signin:fallback"),
        {
            "username": "bob",
            "password": PASSWORD,
            "code": app.code(),
            "next": "/admin/",
        },
    )
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    row = SignIn.objects.get()
    assert {f["method"] for f in row.factors} == {"pwd", "totp"}
    changed = client.post(reverse("accounts:set_password"), {"password": "x" * 20})
    assert changed["Location"].startswith("/auth/operations/")


def test_the_page_tells_nothing_about_why(client: Client, app: App) -> None:
    wrong = client.post(
        reverse("signin:fallback"),
        {"username": "bob", "password": "wrong", "code": app.code()},
    )
    unknown = client.post(
        reverse("signin:fallback"),
        {"username": "nobody", "password": PASSWORD, "code": app.code()},
    )
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    text = wrong.content.decode().replace("bob", "nobody")
    assert SignInRefusedError.default_message in text
    assert text.split("<form")[1].count("is wrong") == unknown.content.decode().split(
        "<form"
    )[1].count("is wrong")


def test_a_code_refreshes_what_a_code_may_do(
    client: Client, bob: User, app: App
) -> None:
    client.post(
        reverse("signin:fallback"),
        {"username": "bob", "password": PASSWORD, "code": app.code()},
    )
    row = SignIn.objects.get()
    row.factors = [f | {"at": f["at"] - 1200} for f in row.factors]
    row.save()
    trail = reverse("admin:audit_auditentry_changelist")
    waiting = client.get(trail)["Location"]
    assert b"Use a code instead" in client.get(waiting).content
    answer = client.post(f"{waiting}code/", {"code": app.code(1)})
    assert answer["Location"] == trail
    assert client.get(trail).status_code == 200
    del bob


def test_a_code_does_not_confirm_what_asks_for_a_passkey(
    client: Client, app: App
) -> None:
    client.post(
        reverse("signin:fallback"),
        {"username": "bob", "password": PASSWORD, "code": app.code()},
    )
    waiting = client.post(reverse("accounts:recovery_codes"))["Location"]
    client.post(f"{waiting}code/", {"code": app.code(1)})
    assert not RecoveryCode.objects.exists()


def test_the_account_page_adds_and_removes_an_authenticator(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    user = make_user("alice", ["security_admin"])
    client = signed_in_client(user)
    shown = client.post(reverse("accounts:new_code_device"), {"name": "Phone"})
    assert b"data:image/svg+xml" in shown.content
    device = CodeDevice.objects.get()
    secret = unseal(
        bytes(device.sealed_secret),
        secrets=["only for tests, where nothing is worth protecting"],
        purpose="one-time code secret",
        bound_to=user.pk.bytes,
    )
    assert secret is not None
    due = int(timezone.now().timestamp()) // 30
    client.post(
        reverse("accounts:confirm_code_device", args=[device.pk]),
        {"code": code_of(secret, due)},
    )
    assert b"Phone" in client.get(reverse("accounts:account")).content
    client.post(reverse("accounts:remove_code_device", args=[device.pk]))
    assert not CodeDevice.objects.exists()


def test_recovery_codes_are_shown_once(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("alice", ["security_admin"]))
    shown = client.post(reverse("accounts:recovery_codes")).content.decode()
    assert shown.count("-") >= 30
    assert "10 of 10 left" in client.get(reverse("accounts:account")).content.decode()


def test_a_session_by_code_ends_with_its_authenticator(
    client: Client, bob: User, app: App
) -> None:
    client.post(
        reverse("signin:fallback"),
        {"username": "bob", "password": PASSWORD, "code": app.code()},
    )
    services.remove_code_device(
        actor=actor_for(bob), user=bob, device_id=app.made.device.pk
    )
    assert client.get("/admin/").status_code == 302


def test_a_new_password_keeps_this_session_and_ends_the_others(
    make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    user = make_user("alice", ["security_admin"])
    here, elsewhere = signed_in_client(user), signed_in_client(user)
    here.post(reverse("accounts:set_password"), {"password": PASSWORD})
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    here.post(reverse("accounts:remove_password"))
    assert here.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"username": "nobody"}, {"password": "wrong"}, {"code": "000000"}],
    ids=["unknown", "password", "code"],
)
def test_every_refusal_takes_the_same_time(
    client: Client, app: App, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    clock = iter([100.0, 100.1])
    waited: list[float] = []
    monkeypatch.setattr(fallback, "monotonic", lambda: next(clock))
    monkeypatch.setattr(fallback, "sleep", waited.append)
    fields = {"username": "bob", "password": PASSWORD, "code": app.code()}
    client.post(reverse("signin:fallback"), fields | change)
    assert waited == [pytest.approx(fallback.REFUSALS_TAKE - 0.1)]
