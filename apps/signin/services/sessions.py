"""Open, continue and end sessions. The database decides, at every request."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import Passkey, User
from apps.accounts.selectors import memberships, refused_sign_ins
from apps.accounts.services import fingerprint
from apps.accounts.services.trail import actor_for, record
from apps.audit.events import Actor
from apps.signin.choices import Acr, EndReason, Method
from apps.signin.errors import SessionNotFoundError
from apps.signin.events import SignInAction
from apps.signin.models import SignIn
from apps.signin.rules import levels, risk, sessions
from apps.signin.selectors import live_sign_ins, sightings
from apps.signin.services import devices
from apps.signin.services.facts import Provider, RequestFacts

# Writing down every click would cost more than it tells.
_NOTE_EVERY = dt.timedelta(seconds=15)
_FAILURES_COUNT_FOR = dt.timedelta(hours=1)
_TOKEN_BYTES = 32


@transaction.atomic
def open_session(
    *,
    user: User,
    session_key: str,
    facts: RequestFacts,
    factors: Sequence[levels.Factor],
    otp_device: str = "",
    provider: Provider | None = None,
) -> SignIn:
    """Write down that a person has just proven themselves, and judge the risk of it.

    `facts.device_token` must be set: the edge makes one for a browser without.
    """
    now = timezone.now()
    known = devices.recognize(user=user, facts=facts)
    score = _score(user, facts, device_id=str(known.pk) if known else "", now=now)
    device = devices.remember(user=user, facts=facts)
    row = SignIn.objects.create(
        user=user,
        session_hash=hash_session(session_key),
        started_at=now,
        last_seen_at=now,
        expires_at=min([now + sessions.ABSOLUTE, *_ends_of_rights(user, now)]),
        factors=[factor.as_dict() for factor in factors],
        otp_device=otp_device,
        provider=provider.name if provider else "",
        provider_session=provider.session if provider else "",
        provider_subject=provider.subject if provider else "",
        device=device,
        fingerprint=facts.fingerprint,
        label=facts.label,
        **_place(facts),
        **_risk_columns(score, now),
    )
    record(
        actor=actor_for(user, credential=_credential(factors)),
        action=SignInAction.SESSION_OPENED,
        user=user,
        context={
            "session": str(row.pk),
            "methods": sorted({factor.method.value for factor in factors}),
            "acr": levels.level_at(factors, now=0).value_name,
            "device": row.label,
            "new_device": known is None,
            "address": row.address,
            "country": row.country,
            "risk": score.score,
            "provider": provider.name if provider else "",
        },
    )
    return row


def touch(sign_in: SignIn, *, now: dt.datetime, is_elevated: bool) -> None:
    """Note that a session is in use; what nobody clicked is not passed here."""
    fields = []
    if now - sign_in.last_seen_at >= _NOTE_EVERY:
        sign_in.last_seen_at = now
        fields.append("last_seen_at")
    seen = sign_in.elevated_seen_at
    if is_elevated and seen is not None and now - seen >= _NOTE_EVERY:
        sign_in.elevated_seen_at = now
        fields.append("elevated_seen_at")
    if fields:
        # Not save(): a session that was ended meanwhile stays as it is.
        SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(
            **dict.fromkeys(fields, now)
        )


@transaction.atomic
def note_surroundings(*, sign_in: SignIn, facts: RequestFacts) -> None:
    """Judge a live session again when its device or network is not what it was.

    Another device costs a proof by passkey; another network changes the risk.
    """
    is_device_same = (
        sign_in.device is not None
        and bool(facts.device_token)
        and secrets.compare_digest(
            sign_in.device.token_hash, devices.hash_token(facts.device_token)
        )
        and sign_in.fingerprint == facts.fingerprint
    )
    if is_device_same and sign_in.network == facts.network:
        return
    row = SignIn.objects.select_for_update(of=("self",)).get(pk=sign_in.pk)
    now = timezone.now()
    known = sign_in.device if is_device_same else None
    score = _score(
        sign_in.user,
        facts,
        device_id=str(known.pk) if known else "",
        now=now,
        but=row.pk,
    )
    columns: dict[str, Any] = _place(facts) | _risk_columns(score, now)
    if not is_device_same and row.must_prove_since is None:
        columns["must_prove_since"] = now
        columns["must_prove_reason"] = "This session came from another device before."
        record(
            actor=actor_for(sign_in.user),
            action=SignInAction.DEVICE_CHANGED,
            user=sign_in.user,
            context={"session": str(row.pk), "was": row.label, "is": facts.label},
        )
    _write(row, columns)
    _write(sign_in, columns, is_saved=False)


@transaction.atomic
def ask_for_proof(*, sign_in: SignIn, reason: str) -> None:
    """Let the session do nothing more until its person has proven themselves."""
    if sign_in.must_prove_since is None:
        columns = {"must_prove_since": timezone.now(), "must_prove_reason": reason}
        _write(sign_in, columns)


@transaction.atomic
def note_risk_blocked(*, sign_in: SignIn, limit: int) -> None:
    """Tell the tenants that a sign-in was too risky for one of them."""
    record(
        actor=actor_for(sign_in.user),
        action=SignInAction.RISK_BLOCKED,
        user=sign_in.user,
        context={
            "session": str(sign_in.pk),
            "risk": sign_in.risk,
            "limit": limit,
            "reasons": [reason["code"] for reason in sign_in.risk_reasons],
        },
    )


@transaction.atomic
def add_proof(
    *,
    sign_in: SignIn,
    factors: Sequence[levels.Factor],
    facts: RequestFacts,
    otp_device: str = "",
) -> str:
    """Add a fresh proof to a session; return the value of the elevated cookie.

    The value is empty when the proof was not one that elevates. A proof by passkey
    also binds the session to the device that it was given on.
    """
    row = SignIn.objects.select_for_update(of=("self",)).get(pk=sign_in.pk)
    if row.ended_at is not None:
        raise SessionNotFoundError("This session is over.")
    merged = levels.merge(row.proofs(), factors)
    columns: dict[str, Any] = {"factors": [factor.as_dict() for factor in merged]}
    if otp_device:
        columns["otp_device"] = otp_device
    token = ""
    if levels.level_at(factors, now=0) >= Acr.PHISHING_RESISTANT:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = timezone.now()
        columns |= {
            "elevated_hash": hash_session(token),
            "elevated_at": now,
            "elevated_seen_at": now,
            "must_prove_since": None,
            "must_prove_reason": "",
            "device": devices.remember(user=row.user, facts=facts),
            "fingerprint": facts.fingerprint,
            "label": facts.label,
        }
    _write(row, columns)
    _write(sign_in, columns, is_saved=False)
    record(
        actor=actor_for(row.user, credential=_credential(factors)),
        action=SignInAction.STEPPED_UP,
        user=row.user,
        context={
            "session": str(row.pk),
            "methods": sorted({factor.method.value for factor in factors}),
            "elevated": bool(token),
        },
    )
    return token


@transaction.atomic
def end_elevation(*, actor: Actor, sign_in: SignIn) -> None:
    """Give the elevated session up before its time."""
    _write(
        sign_in, {"elevated_hash": "", "elevated_at": None, "elevated_seen_at": None}
    )
    record(
        actor=actor,
        action=SignInAction.ELEVATION_ENDED,
        user=sign_in.user,
        context={"session": str(sign_in.pk)},
    )


@transaction.atomic
def limit_session(*, sign_in_id: uuid.UUID, until: dt.datetime) -> None:
    """Let a session end earlier than sessions do; it is never made longer."""
    row = SignIn.objects.select_for_update(of=("self",)).get(pk=sign_in_id)
    if until < row.expires_at:
        _write(row, {"expires_at": until})


@transaction.atomic
def end_session(*, actor: Actor, sign_in_id: uuid.UUID, reason: EndReason) -> bool:
    """End one session; say whether it was alive. Its next request is turned away."""
    return _end(actor, SignIn.objects.filter(pk=sign_in_id), reason) == 1


@transaction.atomic
def end_sessions(
    *,
    actor: Actor,
    user: User,
    reason: EndReason = EndReason.KILLED,
    but: uuid.UUID | None = None,
    provider: str = "",
    provider_session: str = "",
) -> int:
    """End a person's sessions, all of them or those of a provider; return how many."""
    rows = SignIn.objects.filter(user=user)
    if but is not None:
        rows = rows.exclude(pk=but)
    if provider:
        rows = rows.filter(provider=provider)
    if provider_session:
        rows = rows.filter(provider_session=provider_session)
    return _end(actor, rows, reason)


def hash_session(session_key: str) -> str:
    """Return what is stored of a session's cookie."""
    return hashlib.sha256(b"portward-sign-in\0" + session_key.encode()).hexdigest()


def is_elevated_token(sign_in: SignIn, token: str) -> bool:
    """Say whether the elevated cookie is the one of this session."""
    return (
        bool(token)
        and bool(sign_in.elevated_hash)
        and secrets.compare_digest(sign_in.elevated_hash, hash_session(token))
    )


def passkey_factors(passkey: Passkey) -> tuple[levels.Factor, ...]:
    """Return the factors of a proof that was given with a passkey just now."""
    return levels.factors_of(
        [Method.PASSKEY],
        at=int(timezone.now().timestamp()),
        credential=fingerprint(passkey),
        is_hardware=bool(getattr(passkey, "is_attested", False))
        and not passkey.is_backed_up,
    )


def _end(actor: Actor, rows: QuerySet[SignIn], reason: EndReason) -> int:
    found = list(
        rows.filter(ended_at__isnull=True)
        .select_for_update(of=("self",))
        .select_related("user")
        .order_by("pk")
    )
    for row in found:
        _write(row, {"ended_at": timezone.now(), "end_reason": reason.value})
        record(
            actor=actor,
            action=SignInAction.SESSION_ENDED,
            user=row.user,
            context={
                "session": str(row.pk),
                "reason": reason.value,
                "device": row.label,
            },
        )
    return len(found)


@transaction.atomic
def end_stale(*, actor: Actor) -> int:
    """Close sessions that time ended, so that lists say why; rights ended before."""
    now = timezone.now()
    live = live_sign_ins(now=now).values("pk")
    rows = SignIn.objects.filter(ended_at__isnull=True).exclude(pk__in=live)
    old = Q(expires_at__lte=now) | Q(started_at__lte=now - sessions.ABSOLUTE)
    return _end(actor, rows.filter(old), EndReason.TOO_OLD) + _end(
        actor, rows.exclude(old), EndReason.IDLE
    )


def _score(
    user: User,
    facts: RequestFacts,
    *,
    device_id: str,
    now: dt.datetime,
    but: uuid.UUID | None = None,
) -> risk.RiskScore:
    return risk.assess(
        risk.RiskFacts(
            now=now,
            device=device_id,
            is_device_known=bool(device_id),
            network=facts.network,
            country=facts.country,
            latitude=facts.latitude,
            longitude=facts.longitude,
            failures=refused_sign_ins(user, since=now - _FAILURES_COUNT_FOR),
            earlier=sightings(user, but=but),
        )
    )


def _ends_of_rights(user: User, now: dt.datetime) -> list[dt.datetime]:
    """Return when the rights of a break-glass account end that is open now."""
    ends = [row.open_until for row in memberships(user)]
    return [end for end in ends if end is not None and end > now]


def _place(facts: RequestFacts) -> dict[str, Any]:
    return {
        "address": facts.address,
        "network": facts.network,
        "country": facts.country,
        "city": facts.city,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
    }


def _risk_columns(score: risk.RiskScore, now: dt.datetime) -> dict[str, Any]:
    return {
        "risk_at": now,
        "risk": score.score,
        "risk_reasons": [
            {"code": r.code, "points": r.points, "sentence": r.sentence}
            for r in score.reasons
        ],
    }


def _write(row: SignIn, columns: dict[str, Any], *, is_saved: bool = True) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
    if is_saved:
        row.save(update_fields=list(columns))


def _credential(factors: Sequence[levels.Factor]) -> str:
    return next((f.credential for f in factors if f.credential), "")
