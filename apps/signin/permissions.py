"""Who is at the other end of a request, and how they come in."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django_otp.models import Device
from rest_framework.request import Request
from typing_extensions import override

from apps.accounts.authentication import MembershipBackend
from apps.accounts.errors import SealedAccountError
from apps.accounts.models import Passkey, User
from apps.accounts.permissions import TenantScopedView
from apps.accounts.selectors import is_sealed
from apps.accounts.services import PersonHolder, TokenProof, actor_for
from apps.core.errors import ForbiddenError
from apps.limits.permissions import address_of
from apps.signin import adapters, services
from apps.signin.choices import Acr, EndReason, Method
from apps.signin.errors import SessionOverError, StepUpRequiredError
from apps.signin.models import SignIn
from apps.signin.rules import levels, sessions
from apps.signin.rules.operations import REQUIREMENTS, Operation
from apps.signin.rules.risk import network_of
from apps.signin.services import Provider, RequestFacts

BACKEND = f"{MembershipBackend.__module__}.{MembershipBackend.__name__}"
TOKEN_HEADER = "Operation-Token"  # noqa: S105  # a header's name
_COOKIES = "portward.cookies"
_YEAR = 365 * 24 * 3600


def facts_of(request: HttpRequest, *, is_located: bool = True) -> RequestFacts:
    """Return where a request comes from; looking the place up is left out on demand."""
    address = address_of(request)
    facts = RequestFacts(
        address=address,
        network=network_of(address),
        fingerprint=sessions.fingerprint(request.headers),
        label=sessions.device_label(request.headers),
        device_token=request.COOKIES.get(settings.PORTWARD_DEVICE_COOKIE, ""),
    )
    place = adapters.locate(address) if is_located else None
    if place is None:
        return facts
    return replace(
        facts,
        country=place.country,
        city=place.city,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def enter(
    request: HttpRequest,
    *,
    user: User,
    methods: Sequence[Method],
    device: Device | None = None,
    acr: Acr | None = None,
    provider: Provider | None = None,
) -> SignIn:
    """Open the session of a person who has just proven themselves.

    The cookie is a fresh one, and a session that the browser had is over. `acr` counts
    for federated sign-ins only: the level that the provider's claim was mapped to.
    """
    if is_sealed(user) and list(methods) != [Method.PASSKEY]:
        raise SealedAccountError("A sealed account is opened by passkey only.")
    _leave_old_session(request)
    # django-otp reads the device at login and keeps it in the session.
    user.otp_device = device  # type: ignore[attr-defined]
    auth.login(request, user, backend=BACKEND)
    request.session.cycle_key()
    facts = facts_of(request)
    if not facts.device_token:
        facts = replace(facts, device_token=services.new_device_token())
    set_cookie(request, settings.PORTWARD_DEVICE_COOKIE, facts.device_token, _YEAR)
    factors = (
        services.passkey_factors(device)
        if isinstance(device, Passkey)
        else levels.factors_of(methods, at=int(timezone.now().timestamp()), acr=acr)
    )
    row = services.open_session(
        user=user,
        session_key=str(request.session.session_key),
        facts=facts,
        factors=factors,
        otp_device=device.persistent_id if device is not None else "",
        provider=provider,
    )
    attach(request, row)
    return row


def attach(request: HttpRequest, row: SignIn) -> None:
    """Make a live session the one of the request."""
    now = timezone.now()
    state = row.state()
    request.sign_in = row  # type: ignore[attr-defined]
    request.is_signed_in = not sessions.must_prove(state)  # type: ignore[attr-defined]
    token = request.COOKIES.get(settings.PORTWARD_ELEVATED_COOKIE, "")
    request.is_elevated = (  # type: ignore[attr-defined]
        sessions.is_elevated(state, now=now) and services.is_elevated_token(row, token)
    )
    request.token_proof = TokenProof(  # type: ignore[attr-defined]
        acr=row.level.value_name,
        amr=tuple(levels.amr_of(state.factors)),
        auth_time=_last_proof(state.factors),
    )
    request.credential = next(  # type: ignore[attr-defined]
        (f.credential for f in reversed(state.factors) if f.credential), ""
    )


def sign_in_of(request: HttpRequest) -> SignIn:
    """Return the live session of a request. Raises SessionOverError."""
    row = getattr(request, "sign_in", None)
    if not isinstance(row, SignIn):
        raise SessionOverError
    return row


def prove(request: HttpRequest, passkey: Passkey) -> None:
    """Add a passkey's proof to the session, and open the elevated one."""
    row = sign_in_of(request)
    facts = facts_of(request)
    if not facts.device_token:
        facts = replace(facts, device_token=services.new_device_token())
        set_cookie(request, settings.PORTWARD_DEVICE_COOKIE, facts.device_token, _YEAR)
    token = services.add_proof(
        sign_in=row,
        factors=services.passkey_factors(passkey),
        facts=facts,
        otp_device=passkey.persistent_id,
    )
    request.session["otp_device_id"] = passkey.persistent_id
    set_cookie(request, settings.PORTWARD_ELEVATED_COOKIE, token, None)
    request.COOKIES[settings.PORTWARD_ELEVATED_COOKIE] = token
    attach(request, row)


def prove_by_code(request: HttpRequest, methods: Sequence[Method]) -> None:
    """Add a code's proof to a session. It never elevates, nor unbinds from a device."""
    factors = levels.factors_of(methods, at=int(timezone.now().timestamp()))
    row = sign_in_of(request)
    services.add_proof(sign_in=row, factors=factors, facts=facts_of(request))
    attach(request, row)


def set_cookie(
    request: HttpRequest, name: str, value: str, max_age: int | None
) -> None:
    """Have the middleware set a cookie on the way out; without value it is removed."""
    request.META.setdefault(_COOKIES, {})[name] = (value, max_age)


def cookies_to_set(request: HttpRequest) -> Mapping[str, tuple[str, int | None]]:
    """Return the cookies that the request asked for."""
    found: Mapping[str, tuple[str, int | None]] = request.META.get(_COOKIES, {})
    return found


class OperationBoundView(TenantScopedView):
    """A REST view whose changes need an operation token, besides scope and permission.

    `operations` names the operation of each unsafe method; an unsafe method that it
    does not name is closed.
    """

    operations: Mapping[str, Operation] = {}

    @override
    def check_permissions(self, request: Request) -> None:
        """Take the operation token out of use. Raises StepUpRequiredError."""
        super().check_permissions(request)
        method = str(request.method)
        if method in {"GET", "HEAD", "OPTIONS"}:
            return
        operation = self.operations.get(method)
        if operation is None:
            raise PermissionDenied
        token = request.headers.get(TOKEN_HEADER, "")
        holder = request.auth
        # An operation is proven by a person; a client of its own has none to ask.
        if not token or not isinstance(holder, PersonHolder):
            requirement = REQUIREMENTS[operation]
            raise StepUpRequiredError(
                acr=requirement.acr.value_name, max_age=requirement.max_age
            )
        self.proof = services.use_token(
            user=holder.user,
            token=token,
            operation=operation,
            method=method,
            path=request.get_full_path(),
            body=request._request.body,  # noqa: SLF001  # DRF offers no other way
            tenant_id=holder.tenant_id,
        )


def _last_proof(factors: Sequence[levels.Factor]) -> dt.datetime | None:
    latest = max((factor.at for factor in factors), default=None)
    return None if latest is None else dt.datetime.fromtimestamp(latest, dt.UTC)


def body_digest(body: bytes) -> str:
    """Return the digest that an operation token binds a request's body by."""
    return hashlib.sha256(body).hexdigest()


def _leave_old_session(request: HttpRequest) -> None:
    old: Any = getattr(request, "sign_in", None)
    if isinstance(old, SignIn):
        services.end_session(
            actor=actor_for(old.user), sign_in_id=old.pk, reason=EndReason.REPLACED
        )
    if request.user.is_authenticated:
        auth.logout(request)


def holder_of(request: Request) -> PersonHolder:
    """Return the person's token of a request. Raises ForbiddenError for a client's."""
    if not isinstance(request.auth, PersonHolder):
        raise ForbiddenError(
            "Only a person can confirm an operation.",
            remedy="Use a token that stands for a person.",
        )
    return request.auth
