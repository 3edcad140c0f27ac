"""One transaction around a request, and what outlives its rollback."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.accounts import services
from apps.accounts.choices import CeremonyPurpose
from apps.accounts.errors import CeremonyError, PasskeyClonedError
from apps.accounts.middleware import TenantMiddleware
from apps.accounts.models import Membership, Passkey, User
from apps.accounts.services import ceremonies
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import current_tenant_id, tenant_scope
from tests.factories import accounts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user(tenant: Tenant) -> User:
    return accounts.make_user("alice", ["security_admin"], tenant=tenant)


def ask(user: User, view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Send one request through the middleware, as Django's handler would."""
    request = RequestFactory().get("/")
    request.user = user
    request.session = SessionStore()

    def handler(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except Exception as error:  # noqa: BLE001  # the handler catches everything
            middleware.process_exception(request, error)
            return HttpResponse(status=500)

    middleware = TenantMiddleware(handler)
    return middleware(request)


def rename(
    status: int = 200, error: Exception | None = None
) -> Callable[..., HttpResponse]:
    def view(_request: HttpRequest) -> HttpResponse:
        Membership.objects.update(roles=["security_admin", "auditor"])
        if error is not None:
            raise error
        return HttpResponse(status=status)

    return view


def roles(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.pk):
        return list(Membership.objects.get().roles)


def test_the_scope_is_open_during_the_request_only(user: User, tenant: Tenant) -> None:
    seen = []

    def view(_request: HttpRequest) -> HttpResponse:
        seen.append(current_tenant_id())
        return HttpResponse()

    ask(user, view)
    assert seen == [tenant.pk]
    assert current_tenant_id() is None


def test_a_good_answer_commits(user: User, tenant: Tenant) -> None:
    ask(user, rename())
    assert roles(tenant) == ["security_admin", "auditor"]


@pytest.mark.parametrize("view", [rename(500), rename(error=ValueError("broken"))])
def test_a_failure_undoes_everything(
    user: User, tenant: Tenant, view: Callable[..., HttpResponse]
) -> None:
    ask(user, view)
    assert roles(tenant) == ["security_admin"]


def test_a_copied_key_stays_blocked_although_the_request_was_undone(
    user: User, tenant: Tenant, tmp_path: Path
) -> None:
    authenticator = accounts.make_authenticator(tmp_path)
    accounts.register_passkey(user, authenticator)
    digest = hashlib.sha256(b"operation").digest()
    options = services.begin_operation_ceremony(
        user=user, session_key="session", operation_digest=digest
    )
    authenticator.sign_count = -1
    answer = authenticator.get(options.public_key)
    Passkey.objects.update(sign_count=7)

    def view(_request: HttpRequest) -> HttpResponse:
        services.verify_operation_assertion(
            user=user,
            ceremony_id=options.ceremony_id,
            credential_json=answer,
            operation_digest=digest,
        )
        return HttpResponse()

    assert ask(user, view).status_code == 500
    passkey = Passkey.objects.get()
    assert passkey.blocked_at is not None
    assert not passkey.confirmed
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="accounts.passkey_blocked")
        assert entry.context == {"code": PasskeyClonedError.code}


def test_of_two_answers_to_one_ceremony_the_database_takes_one(user: User) -> None:
    options = services.begin_registration(user=user, session_key="s", link=None)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def consume() -> None:
        try:
            barrier.wait(timeout=10)
            ceremonies.consume(
                ceremony_id=options.ceremony_id,
                purpose=CeremonyPurpose.REGISTRATION,
                session_key="s",
            )
            outcomes.append("taken")
        except CeremonyError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=consume) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(outcomes) == ["refused", "taken"]
