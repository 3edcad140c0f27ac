"""An elevation from the wish to its end, and everything that is refused on the way."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.approvals import services as approvals
from apps.approvals.choices import RequestState, Verdict
from apps.approvals.errors import (
    NobodyCanApproveError,
    RequestClosedError,
    VoteForbiddenError,
)
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.elevations import selectors, services
from apps.elevations.choices import ElevationState
from apps.elevations.errors import (
    AlreadyRequestedError,
    ElevationExpiredError,
    ElevationStateError,
    MayNotEndError,
    MinutesInvalidError,
    NotEligibleError,
    NotYoursError,
)
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.rules import EligibilitySpec
from apps.outbox.choices import Lane
from apps.outbox.models import OutboxMessage
from apps.roles import services as roles
from apps.roles.choices import AssignmentSource
from apps.roles.models import PrincipalGroup, PrincipalGroupMember
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.approvals import People, Person
from tests.factories.elevations import (
    SYSTEM,
    ask,
    build_roles,
    granted,
    make_principal,
    offer,
    request_of,
    shop,
)

pytestmark = pytest.mark.django_db


def approved(people: People, row: Elevation, by: str = "anna") -> Elevation:
    people(by).vote(request_of(row))
    row.refresh_from_db()
    return row


def activate(
    row: Elevation, person: Person, now: dt.datetime | None = None
) -> Elevation:
    return services.activate(
        actor=actor_for(person.user),
        elevation_id=row.pk,
        now=now or timezone.now(),
    )


def active(people: People, person: Person, eligibility: Eligibility) -> Elevation:
    return activate(approved(people, ask(person, eligibility)), person)


def end(row: Elevation, person: Person, reason: str = "Done.") -> Elevation:
    return services.end(
        actor=actor_for(person.user),
        elevation_id=row.pk,
        reason=reason,
        now=timezone.now(),
    )


def test_approved_and_activated_it_is_an_assignment_that_ends_by_itself(
    people: People, mia: Person
) -> None:
    eligibility = offer(mia.user.principals.get(), scope=shop().pk)
    row = active(people, mia, eligibility)
    (held,) = granted()
    assert row.state == ElevationState.ACTIVE
    assert row.assignment == held
    assert (held.source, held.role.slug) == (AssignmentSource.ELEVATION, "developer")
    assert (held.scope, held.end) == (shop(), row.ends_at)
    assert held.end == held.start + dt.timedelta(minutes=30)  # type: ignore[operator]
    assert held.workflow_id == row.request_id


def test_nothing_is_held_before_it_is_activated(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    approved(people, ask(mia, eligibility))
    assert not granted()


def test_activation_and_end_take_the_urgent_lane(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    def urgent() -> list[str]:
        rows = OutboxMessage.objects.filter(topic="roles.changed", lane=Lane.URGENT)
        return [row.payload["cause"]["act"] for row in rows]

    row = approved(people, ask(mia, eligibility))
    assert urgent() == []
    activate(row, mia)
    assert urgent() == ["assignment.created"]
    end(row, mia)
    assert urgent() == ["assignment.revoked"]


def test_every_step_is_in_the_audit_trail(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    end(active(people, mia, eligibility), mia)
    found = AuditEntry.objects.filter(action__startswith="elevation.")
    assert list(found.order_by("sequence").values_list("action", flat=True)) == [
        "elevation.requested",
        "elevation.approved",
        "elevation.activated",
        "elevation.ended",
    ]


def test_what_is_not_offered_cannot_be_asked_for(
    people: People, eligibility: Eligibility
) -> None:
    other = people("oskar", "member")
    make_principal(other)
    with pytest.raises(NotEligibleError):
        ask(other, eligibility)
    assert not Elevation.objects.exists()


def test_who_is_no_principal_is_offered_nothing(
    people: People, eligibility: Eligibility
) -> None:
    with pytest.raises(NotEligibleError):
        ask(people("anna"), eligibility)


def test_an_offer_reaches_groups_and_holders_of_a_role(
    people: People, mia: Person
) -> None:
    del people
    principal = mia.user.principals.get()
    group = PrincipalGroup.objects.create(
        tenant_id=principal.tenant_id, slug="on-call", name="On call"
    )
    by_group = offer(None, group=group.pk)
    by_role = offer(None, holders=by_group.role.pk)
    now = timezone.now()
    assert not selectors.eligibilities_of(principal, now).exists()
    PrincipalGroupMember.objects.create(
        tenant_id=principal.tenant_id, group=group, principal=principal
    )
    assert selectors.eligibilities_of(principal, now).get() == by_group
    roles.assign_role(
        actor=SYSTEM,
        spec=AssignmentSpec(EntityRef("User", principal.key), "developer"),
    )
    assert set(selectors.eligibilities_of(principal, now)) == {by_group, by_role}


def test_what_is_held_for_minutes_opens_no_further_door(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    principal = mia.user.principals.get()
    offer(None, "root", holders=eligibility.role.pk)
    active(people, mia, eligibility)
    found = selectors.eligibilities_of(principal, timezone.now())
    assert found.get() == eligibility


def test_a_second_wish_for_the_same_waits_for_the_first(
    mia: Person, eligibility: Eligibility
) -> None:
    ask(mia, eligibility)
    with pytest.raises(AlreadyRequestedError):
        ask(mia, eligibility)


def test_a_wish_that_nobody_could_approve_is_refused_and_not_written(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    for name in ("anna", "ben"):
        people(name).user.memberships.update(roles=["auditor"])
    with pytest.raises(NobodyCanApproveError):
        ask(mia, eligibility)
    assert not Elevation.objects.exists()


def test_nobody_approves_their_own_wish(mia: Person) -> None:
    mia.user.memberships.update(roles=["member", "approver"])
    row = ask(mia, offer(mia.user.principals.get()))
    with pytest.raises(VoteForbiddenError):
        mia.vote(request_of(row))
    row.refresh_from_db()
    assert row.state == ElevationState.PENDING


def test_a_denial_ends_the_wish_and_another_may_follow(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    people("anna").vote(request_of(row), Verdict.DENY, "Not now.")
    row.refresh_from_db()
    assert row.state == ElevationState.DENIED
    assert ask(mia, eligibility).state == ElevationState.PENDING


def test_a_cancelled_request_takes_its_elevation_along(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    approvals.cancel_request(actor=actor_for(mia.user), request_id=row.request_id)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert row.state == ElevationState.CANCELLED
    with pytest.raises(RequestClosedError):
        people("anna").vote(request_of(row))


def test_only_the_one_who_asked_activates(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = approved(people, ask(mia, eligibility))
    with pytest.raises(NotYoursError):
        activate(row, people("anna"))
    with pytest.raises(NotYoursError):
        services.activate(actor=SYSTEM, elevation_id=row.pk, now=timezone.now())


def test_activation_comes_after_the_approval_and_within_its_time(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    with pytest.raises(ElevationStateError):
        activate(row, mia)
    approved(people, row)
    late = timezone.now() + dt.timedelta(minutes=16)
    with pytest.raises(ElevationExpiredError):
        activate(row, mia, late)
    assert not granted()


def test_it_is_activated_once(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    with pytest.raises(ElevationStateError):
        activate(row, mia)
    assert len(granted()) == 1


def test_an_offer_withdrawn_meanwhile_is_not_activated(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = approved(people, ask(mia, eligibility))
    services.save_eligibility(
        actor=SYSTEM,
        eligibility_id=eligibility.pk,
        spec=EligibilitySpec(
            eligibility.purpose,
            eligibility.role.pk,
            30,
            principal=eligibility.principal_id,
            is_active=False,
        ),
    )
    with pytest.raises(NotEligibleError):
        activate(row, mia)


@pytest.mark.parametrize("who", ["mia", "anna", "sam"])
def test_holder_approver_and_security_admin_end_it_at_once(
    people: People, mia: Person, eligibility: Eligibility, who: str
) -> None:
    people("sam", "security_admin")
    row = active(people, mia, eligibility)
    end(row, people(who))
    assert granted()[0].revoked_at is not None
    row.refresh_from_db()
    assert (row.state, row.ended_by) == (ElevationState.ENDED, who)


@pytest.mark.parametrize("who", ["ben", "oskar"])
def test_nobody_else_ends_it(
    people: People, mia: Person, eligibility: Eligibility, who: str
) -> None:
    people("oskar", "member")
    row = active(people, mia, eligibility)
    with pytest.raises(MayNotEndError):
        end(row, people(who))
    assert granted()[0].revoked_at is None


def test_what_has_ended_is_not_ended_again(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = end(active(people, mia, eligibility), mia)
    with pytest.raises(ElevationStateError):
        end(row, mia)


def test_an_extension_is_a_grant_of_its_own_that_begins_where_the_first_ends(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    first = active(people, mia, eligibility)
    second = ask(mia, eligibility, extends=first.pk, minutes=10)
    second = activate(approved(people, second, "ben"), mia)
    assert second.starts_at == first.ends_at
    assert second.extends == first
    end(second, mia)
    first.refresh_from_db()
    assert first.state == ElevationState.ACTIVE
    assert first.assignment is not None
    assert first.assignment.revoked_at is None


def test_an_extension_of_what_was_ended_early_begins_now(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    first = active(people, mia, eligibility)
    second = approved(people, ask(mia, eligibility, extends=first.pk))
    end(first, mia)
    second = activate(second, mia)
    assert second.starts_at == second.activated_at


def test_tier_rules_hold_for_extensions_too(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    first = active(people, mia, eligibility)
    with pytest.raises(MinutesInvalidError):
        ask(mia, eligibility, extends=first.pk, minutes=31)


@pytest.mark.parametrize("case", ["not-active", "another-kind", "not-mine"])
def test_only_ones_own_active_elevation_of_the_kind_is_extended(
    people: People, mia: Person, eligibility: Eligibility, case: str
) -> None:
    first = active(people, mia, eligibility)
    wanted, person = eligibility, mia
    error: type[Exception] = ElevationStateError
    if case == "not-active":
        end(first, mia)
    elif case == "another-kind":
        wanted = offer(mia.user.principals.get(), "root")
    else:
        person, error = people("oskar", "member"), NotYoursError
        wanted = offer(make_principal(person))
        first.refresh_from_db()
    with pytest.raises(error):
        ask(person, wanted, extends=first.pk, minutes=5)


def settle(now: dt.datetime) -> list[str]:
    changed = services.settle(actor=Actor.system("elevations"), now=now)
    return [row.state for row in changed]


@pytest.mark.parametrize(
    ("reached", "minutes", "into"),
    [("pending", 61, "expired"), ("approved", 16, "expired"), ("active", 31, "ended")],
)
def test_what_the_clocks_ended_is_written_down_once(
    people: People,
    mia: Person,
    eligibility: Eligibility,
    reached: str,
    minutes: int,
    into: str,
) -> None:
    row = ask(mia, eligibility)
    if reached != "pending":
        approved(people, row)
    if reached == "active":
        activate(row, mia)
    now = timezone.now()
    assert settle(now) == []
    late = now + dt.timedelta(minutes=minutes)
    assert settle(late) == [into]
    assert settle(late) == []


def test_an_assignment_revoked_elsewhere_ends_its_elevation(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    assert row.assignment is not None
    roles.revoke_assignment(actor=SYSTEM, assignment_id=row.assignment.pk)
    assert settle(timezone.now()) == ["ended"]


def test_the_holder_is_warned_once(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    now = timezone.now()
    assert services.take_warnings(now=now) == []
    late = now + dt.timedelta(minutes=25)
    assert services.take_warnings(now=late) == [row]
    assert services.take_warnings(now=late) == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": "active"},
        {"state": "approved"},
        {"state": "ended"},
        {"minutes": 121},
        {"state": "winning"},
    ],
    ids=str,
)
def test_the_database_refuses_states_that_were_not_reached(
    mia: Person, eligibility: Eligibility, change: dict[str, object]
) -> None:
    row = ask(mia, eligibility)
    with pytest.raises(IntegrityError), transaction.atomic():
        Elevation.objects.filter(pk=row.pk).update(request_id=None, **change)


def test_another_tenant_sees_no_elevation(
    mia: Person, eligibility: Eligibility, other_tenant: Tenant
) -> None:
    ask(mia, eligibility)
    with tenant_scope(other_tenant.pk):
        assert not selectors.elevations().exists()


def _race(tenant: Tenant, *acts: Callable[[], object]) -> list[str]:
    """Run acts on connections of their own at once; return what became of each."""
    start, results = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        start.wait(timeout=10)
        try:
            with tenant_scope(tenant.pk):
                act()
            results.append("done")
        except (ElevationStateError, MayNotEndError) as error:
            results.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(results)


@pytest.mark.django_db(transaction=True)
def test_two_activations_at_the_same_instant_are_one(
    people: People, tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        build_roles()
        people("anna")
        mia = people("mia", "member")
        row = approved(people, ask(mia, offer(make_principal(mia))))
    found = _race(tenant, *[lambda: activate(row, mia)] * 2)
    assert found == ["done", "elevations.state"]
    with tenant_scope(tenant.pk):
        assert len(granted()) == 1
        assert request_of(row).state == RequestState.APPROVED
