"""Questions about break-glass accounts of the open tenant."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Membership, User
from apps.audit.models import AuditEntry
from apps.audit.selectors import found_entries
from apps.breakglass import rules
from apps.breakglass.choices import AccountState
from apps.breakglass.models import Activation, BreakGlassAccount, Notice
from apps.signin.models import SignIn


@dataclass(frozen=True)
class Alarm:
    """What the people of a tenant see on every page."""

    open: list[Activation]
    unread: list[Notice]
    due: list[Activation]

    def __bool__(self) -> bool:
        """Say whether there is anything to see."""
        return bool(self.open or self.unread or self.due)


def accounts() -> QuerySet[BreakGlassAccount]:
    """Return the accounts, their uses at hand."""
    return BreakGlassAccount.objects.select_related("user").prefetch_related(
        "activations"
    )


def account_of(user: User) -> BreakGlassAccount | None:
    """Return the break-glass account that a person is, if any."""
    return accounts().filter(user_id=user.pk, retired_at__isnull=True).first()


def state_of(
    account: BreakGlassAccount, *, now: dt.datetime | None = None
) -> AccountState:
    """Return where an account stands."""
    return rules.state_of(
        [each.facts() for each in account.activations.all()],
        sealed_at=account.sealed_at,
        is_retired=account.retired_at is not None,
        now=now or timezone.now(),
    )


def open_activations() -> list[Activation]:
    """Return the activations that run now."""
    now = timezone.now()
    rows = Activation.objects.filter(
        ends_at__gt=now, ended_at__isnull=True
    ).select_related("account__user")
    return list(rows)


def open_activation_of(user_id: uuid.UUID) -> Activation | None:
    """Return the running activation of a person, if any."""
    return next(
        (row for row in open_activations() if row.account.user_id == user_id), None
    )


def alarm_for(user: User, *, is_security_admin: bool) -> Alarm:
    """Return what a person must see on every page."""
    rows = list(
        Activation.objects.filter(closed_at__isnull=True).select_related(
            "account__user"
        )
    )
    now = timezone.now()
    running = [row for row in rows if rules.end_of(row.facts()) > now]
    if not is_security_admin:
        return Alarm(running, [], [])
    unread = Notice.objects.filter(
        user_id=user.pk, acknowledged_at__isnull=True
    ).select_related("activation__account__user")
    due = [row for row in rows if row not in running]
    return Alarm(running, list(unread), due)


def acts_during(activation: Activation) -> QuerySet[AuditEntry]:
    """Return what the account did while it was open, the oldest first."""
    return found_entries(
        actor=str(activation.account.user_id),
        since=activation.opened_at,
        until=rules.end_of(activation.facts()) + dt.timedelta(seconds=1),
    ).order_by("sequence")


def usable_accounts() -> int:
    """Return how many accounts could be opened in an emergency, or are open."""
    now = timezone.now()
    states = [state_of(row, now=now) for row in accounts()]
    return sum(rules.may_open(s) or s is AccountState.OPEN for s in states)


def may_seal_again(account: BreakGlassAccount) -> bool:
    """Say whether an account is locked or retired, and all its reviews are closed."""
    is_reviewed = not account.activations.filter(closed_at__isnull=True).exists()
    return rules.may_seal(state_of(account), is_reviewed=is_reviewed)


@dataclass(frozen=True)
class Duties:
    """What a tenant has to do so that an emergency finds it ready."""

    missing: int
    drills: list[BreakGlassAccount]

    def __bool__(self) -> bool:
        """Say whether there is anything to do."""
        return bool(self.missing or self.drills)


def duties() -> Duties:
    """Return how many accounts are missing, and which were not tried out."""
    missing = max(0, rules.WANTED_ACCOUNTS - usable_accounts())
    return Duties(missing, drills_due())


def drills_due() -> list[BreakGlassAccount]:
    """Return the accounts that were not tried out for too long."""
    now = timezone.now()
    rows = BreakGlassAccount.objects.filter(retired_at__isnull=True)
    return [
        row
        for row in rows.select_related("user")
        if rules.is_drill_due(
            sealed_at=row.sealed_at, drilled_at=row.drilled_at, now=now
        )
    ]


@dataclass(frozen=True)
class Drill:
    """Which steps of a drill were done."""

    sign_in: bool
    open: bool
    end: bool
    review: bool


def drill_of(account: BreakGlassAccount, *, since: dt.datetime) -> Drill:
    """Return how far the drill has come that was announced at a moment."""
    sign_ins = SignIn.objects.filter(user_id=account.user_id, started_at__gte=since)
    uses = Activation.objects.filter(
        account=account, is_drill=True, opened_at__gte=since
    )
    use = uses.first()
    if use is None:
        return Drill(sign_ins.exists(), open=False, end=False, review=False)
    is_over = rules.end_of(use.facts()) <= timezone.now()
    return Drill(
        sign_ins.exists(), open=True, end=is_over, review=use.closed_at is not None
    )


def security_admins() -> list[User]:
    """Return whom to tell: the tenant's security admins of ordinary days."""
    rows = Membership.objects.filter(
        roles__contains=["security_admin"], is_sealed=False, user__is_active=True
    )
    return [row.user for row in rows.select_related("user")]
