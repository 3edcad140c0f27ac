"""Suspend, resume, retire, roll back, and decide about ends."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.audit.models import AuditEntry
from apps.core.errors import PortwardError
from apps.notifications.models import Notification
from apps.outbox.models import OutboxMessage
from apps.policies import selectors, services
from apps.policies.choices import Act, PolicyState
from apps.policies.errors import (
    ConfirmationError,
    DraftStaleError,
    NotForYouError,
    NothingDueError,
    NothingToFreezeError,
    PolicyInvalidError,
    PolicyStateError,
    ReasonMissingError,
    RequestNeededError,
    UntilInvalidError,
    VersionNotFoundError,
)
from apps.policies.models import Policy, PolicyAct, PolicyVersion
from apps.policies.services import Approval
from apps.scopes import services as scope_services
from apps.scopes.models import TimeWindow
from apps.tenants.models import Tenant
from protocol.records import PolicyRecord, parse_record
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import make_user
from tests.policies.test_rules import GOOD
from tests.policies.test_services import NIGHT

HOUR = dt.timedelta(hours=1)
DENIED = {
    "name": "Nobody deploys",
    "given": {
        "principal": {"type": "User", "id": "anna"},
        "resource": {"type": "Namespace", "id": "shop"},
    },
    "action": "deploy",
    "at": "2026-11-20T12:00:00Z",
    "expect": "deny",
}
FORBID: dict[str, Any] = {
    "tests": [DENIED],
    **{name: GOOD[name] for name in ("name", "tier", "owner")},
    "effect": "forbid",
    "principals": [],
    "windows": [],
    "locations": [],
    "actions": [],
    "conditions": [],
    "resources": GOOD["resources"],
}


@pytest.fixture(autouse=True)
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    return in_tenant


@pytest.fixture
def admin(in_tenant: Tenant) -> Any:
    return actor_for(make_user("admin", ("security_admin",), tenant=in_tenant))


def text(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def live(content: dict[str, Any] = GOOD, **change: Any) -> PolicyVersion:
    """Return a version of the one policy; `approval` is what approved it."""
    approval = change.pop("approval", None)
    policy = selectors.policies().first()
    draft = services.save_draft(
        actor=SYSTEM,
        policy_id=policy.pk if policy else None,
        content=content | change,
        expected_lock=None,
    )
    return services.freeze_version(
        actor=SYSTEM,
        draft_id=draft.pk,
        expected_digest=draft.digest,
        request_id=uuid.uuid4(),
        approval=approval,
    )


def records(now: dt.datetime | None = None) -> list[PolicyRecord]:
    found = [r for r in selectors.live_records(now) if isinstance(r, PolicyRecord)]
    assert [parse_record(r.to_dict()) for r in found] == found
    return found


def state() -> str:
    return Policy.objects.get().state


def test_a_suspended_policy_leaves_the_release_and_comes_back(admin: Any) -> None:
    policy = live().policy
    services.suspend_policy(
        actor=admin, policy_id=policy.pk, reason="Broken", request_id=None
    )
    assert (state(), records()) == (PolicyState.SUSPENDED, [])
    services.resume_policy(
        actor=admin, policy_id=policy.pk, reason="Mended", request_id=uuid.uuid4()
    )
    assert (state(), len(records())) == (PolicyState.LIVE, 1)
    entry = AuditEntry.objects.get(action="policy.suspended")
    assert (entry.before, entry.after) == ({"state": "live"}, {"state": "suspended"})
    message = OutboxMessage.objects.filter(topic="policies.state_changed").first()
    assert message is not None
    assert message.payload["cause"]["target"] == policy.slug


def test_a_retired_policy_is_confirmed_by_name_and_final(admin: Any) -> None:
    policy = live().policy
    common: dict[str, Any] = {
        "actor": admin,
        "policy_id": policy.pk,
        "reason": "Over",
        "request_id": None,
    }
    with pytest.raises(ConfirmationError):
        services.retire_policy(**common, confirmed="another")
    services.retire_policy(**common, confirmed=policy.slug)
    assert (state(), records()) == (PolicyState.RETIRED, [])
    with pytest.raises(PolicyStateError):
        services.resume_policy(**common)
    with pytest.raises(PolicyStateError):
        live(owner="Another team")


def test_a_new_version_does_not_wake_a_suspended_policy(admin: Any) -> None:
    policy = live().policy
    services.suspend_policy(
        actor=admin, policy_id=policy.pk, reason="Broken", request_id=None
    )
    live(owner="Another team")
    assert (state(), records()) == (PolicyState.SUSPENDED, [])


@pytest.mark.parametrize(
    ("content", "act"), [(FORBID, "suspend"), (FORBID, "retire"), (GOOD, "resume")]
)
def test_what_could_give_access_needs_an_approved_request(
    admin: Any, content: dict[str, Any], act: str
) -> None:
    policy = live(content).policy
    if act == "resume":
        services.suspend_policy(
            actor=admin, policy_id=policy.pk, reason="-", request_id=None
        )
    common: dict[str, Any] = {"actor": admin, "policy_id": policy.pk, "reason": "-"}
    if act == "retire":
        common["confirmed"] = policy.slug
    before = state()
    with pytest.raises(RequestNeededError):
        getattr(services, f"{act}_policy")(**common, request_id=None)
    assert state() == before
    getattr(services, f"{act}_policy")(**common, request_id=uuid.uuid4())
    assert state() != before


def test_a_forbid_to_come_makes_suspending_risky_too(admin: Any) -> None:
    live()
    version = live(FORBID, effective_from=text(timezone.now() + HOUR))
    with pytest.raises(RequestNeededError):
        services.suspend_policy(
            actor=admin, policy_id=version.policy_id, reason="-", request_id=None
        )


def test_only_a_security_admin_acts_at_once(in_tenant: Tenant) -> None:
    policy = live().policy
    approver = actor_for(make_user("approver", ("approver",), tenant=in_tenant))
    with pytest.raises(NotForYouError):
        services.suspend_policy(
            actor=approver, policy_id=policy.pk, reason="-", request_id=None
        )


def test_an_act_needs_a_reason(admin: Any) -> None:
    policy = live().policy
    with pytest.raises(ReasonMissingError):
        services.suspend_policy(
            actor=admin, policy_id=policy.pk, reason=" ", request_id=None
        )


def test_somebody_answers_for_what_is_written() -> None:
    with pytest.raises(PolicyInvalidError) as refused:
        live(owner=" ")
    assert refused.value.code == "policies.owner_missing"


def test_acts_cannot_be_rewritten(admin: Any) -> None:
    policy = live().policy
    services.suspend_policy(
        actor=admin, policy_id=policy.pk, reason="-", request_id=None
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyAct.objects.update(reason="another")


# Rollback.


def roll_back(actor: Any, to: int, **more: Any) -> PolicyVersion:
    policy = Policy.objects.get()
    return services.roll_back(
        actor=actor, policy_id=policy.pk, to_version=to, reason="Bad", **more
    )


def test_the_last_good_version_comes_back_under_a_higher_number(admin: Any) -> None:
    approved = Approval(({"id": "1", "name": "Bert"},), "sha256:" + "a" * 64)
    first = live(approval=approved)
    live(owner="Another team")
    version = roll_back(admin, 1)
    assert (version.number, version.content) == (3, first.content)
    assert (version.digest, version.request_id) == (first.digest, first.request_id)
    assert (version.kind, version.restores_id) == ("rollback", first.pk)
    assert version.approvers == [{"id": "1", "name": "Bert"}]
    assert version.previous is not None
    assert version.previous.number == 2
    (record,) = records()
    assert (record.version, record.change) == (3, str(first.request_id))
    assert AuditEntry.objects.filter(action="version.rolled_back").count() == 1
    assert Policy.objects.get().draft.digest == first.digest


def test_everybody_who_approves_is_told_of_a_rollback(
    admin: Any, in_tenant: Tenant
) -> None:
    approver = make_user("approver", ("approver",), tenant=in_tenant)
    live()
    live(owner="Another team")
    roll_back(admin, 1)
    told = Notification.objects.get(user=approver)
    assert told.event == "policy.acted"


def test_an_older_version_needs_a_request(admin: Any) -> None:
    live()
    live(owner="Second")
    live(owner="Third")
    with pytest.raises(RequestNeededError):
        roll_back(admin, 1)
    request = uuid.uuid4()
    assert roll_back(admin, 1, request_id=request).request_id == request


def test_a_version_that_would_say_something_else_now_needs_a_request(
    admin: Any,
) -> None:
    live()
    live(owner="Second")
    window = TimeWindow.objects.get(slug="office-hours")
    scope_services.save_window(actor=SYSTEM, spec=NIGHT, window_id=window.pk)
    with pytest.raises(RequestNeededError):
        roll_back(admin, 1)


def test_a_version_that_no_longer_compiles_is_refused_with_reasons(
    admin: Any,
) -> None:
    version = live()
    live(owner="Second", windows=[])
    PolicyVersion.objects.get(pk=version.pk)
    # What a version names may be gone, once nothing live names it.
    draft = selectors.drafts().get()
    assert draft.content["windows"] == []
    window = TimeWindow.objects.get(slug="office-hours")
    scope_services.delete_window(actor=SYSTEM, window_id=window.pk)
    with pytest.raises(PolicyInvalidError) as refused:
        roll_back(admin, 1)
    assert refused.value.code == "policies.unknown_window"


def test_work_in_progress_survives_a_rollback(admin: Any) -> None:
    live()
    live(owner="Second")
    policy = Policy.objects.get()
    services.save_draft(
        actor=SYSTEM,
        policy_id=policy.pk,
        content=GOOD | {"owner": "Third"},
        expected_lock=None,
    )
    roll_back(admin, 1)
    assert selectors.drafts().get().content["owner"] == "Third"


def test_what_is_in_force_or_unknown_cannot_be_rolled_back_to(admin: Any) -> None:
    live()
    with pytest.raises(VersionNotFoundError):
        roll_back(admin, 9)
    with pytest.raises(NothingToFreezeError):
        roll_back(admin, 1, request_id=uuid.uuid4())


def test_a_version_whose_time_is_over_is_not_rolled_back_to(admin: Any) -> None:
    live(effective_until=text(timezone.now() - HOUR))
    live(owner="Second")
    with pytest.raises(DraftStaleError):
        roll_back(admin, 1)


def test_trying_a_rollback_leaves_nothing_behind() -> None:
    live()
    live(owner="Second")
    entries = AuditEntry.objects.count()
    policy = Policy.objects.get()
    assert services.why_not_roll_back(policy=policy, to_version=1) is None
    refused = services.why_not_roll_back(policy=policy, to_version=2)
    assert isinstance(refused, PortwardError)
    assert PolicyVersion.objects.count() == 2
    assert AuditEntry.objects.count() == entries


# Versions to come, and ends.


def test_a_version_to_come_stands_beside_the_one_it_follows() -> None:
    now = timezone.now().replace(microsecond=0)
    live()
    live(owner="Second", effective_from=text(now + HOUR))
    before, after = records(now)
    assert (before.id, before.version, before.effective_until) == (
        before.slug,
        1,
        text(now + HOUR),
    )
    assert (after.id, after.version) == (f"{before.slug}@2", 2)
    assert after.effective_from == text(now + HOUR)
    # Its place is taken, and a node whose clock is behind still finds the old one.
    assert len(records(now + HOUR)) == 2
    (left,) = records(now + 2 * HOUR)
    assert (left.id, left.version) == (before.slug, 2)


def test_an_approval_may_name_when_a_version_counts() -> None:
    start = timezone.now().replace(microsecond=0) + HOUR
    version = live(approval=Approval(activate_at=start))
    assert version.effective_from == start
    assert records()[0].effective_from == text(start)


def test_a_policy_is_shipped_with_what_it_asks_for() -> None:
    mfa = {"type": "mfa", "properties": {"level": 2}}
    live(obligations=[mfa])
    assert [one.to_dict() for one in records()[0].obligations] == [mfa]


def test_a_permit_ends_by_itself() -> None:
    end = timezone.now().replace(microsecond=0) + HOUR
    live(effective_until=text(end))
    assert records()[0].effective_until == text(end)
    assert records(end + HOUR) == []


def test_a_forbid_ends_only_when_somebody_decides_so(admin: Any) -> None:
    end = timezone.now().replace(microsecond=0) + HOUR
    version = live(FORBID, effective_until=text(end))
    assert records(end + 99 * HOUR)[0].effective_until is None
    assert [due.at for due in selectors.dues()] == [end]
    services.decide_end(actor=admin, policy_id=version.policy_id, reason="Right")
    assert records()[0].effective_until == text(end)
    assert records(end + HOUR) == []
    assert selectors.dues() == []
    assert AuditEntry.objects.get(action="policy.end_decided").after == {
        "decision": "let_end",
        "until": end.isoformat(),
    }
    with pytest.raises(NothingDueError):
        services.decide_end(actor=admin, policy_id=version.policy_id, reason="Again")


def test_an_extended_forbid_is_asked_about_again(admin: Any) -> None:
    end = timezone.now().replace(microsecond=0) + HOUR
    version = live(FORBID, effective_until=text(end))
    common: dict[str, Any] = {
        "actor": admin,
        "policy_id": version.policy_id,
        "reason": "Still needed",
    }
    with pytest.raises(UntilInvalidError):
        services.decide_end(**common, until=end)
    services.decide_end(**common, until=end + HOUR)
    assert records()[0].effective_until is None
    assert [due.at for due in selectors.dues()] == [end + HOUR]
    services.decide_end(**common)
    assert records()[0].effective_until == text(end + HOUR)


def test_the_owner_decides_and_others_do_not(in_tenant: Tenant) -> None:
    end = timezone.now() + HOUR
    version = live(FORBID, effective_until=text(end), owner="OLGA")
    common: dict[str, Any] = {"policy_id": version.policy_id, "reason": "Right"}
    other = actor_for(make_user("otto", ("auditor",), tenant=in_tenant))
    with pytest.raises(NotForYouError):
        services.decide_end(actor=other, **common)
    owner = actor_for(make_user("olga", ("member",), tenant=in_tenant))
    assert services.decide_end(actor=owner, **common).act == Act.LET_END


def test_nothing_is_decided_about_what_has_no_end(admin: Any) -> None:
    version = live(FORBID)
    with pytest.raises(NothingDueError):
        services.decide_end(actor=admin, policy_id=version.policy_id, reason="-")


# Reminders.


@pytest.mark.usefixtures("admin")
def test_ends_and_reviews_are_told_at_14_3_and_1_days_once_each() -> None:
    now = timezone.now().replace(microsecond=0)
    end = now + dt.timedelta(days=20)
    live(effective_until=text(end), review_on=f"{end:%Y-%m-%d}")
    titles = []
    for days in (20, 14, 13, 3, 2, 1, 0.5):
        at = end - dt.timedelta(days=days)
        services.tend_policies(now=at)
        services.tend_policies(now=at)
        titles.append(Notification.objects.filter(event="policy.ending").count())
    assert titles == [0, 1, 1, 2, 2, 3, 3]
    assert Notification.objects.filter(event="policy.review_due").count() >= 3


def test_a_forbid_past_its_end_nags_every_day_until_somebody_decides(
    admin: Any,
) -> None:
    now = timezone.now().replace(microsecond=0)
    end = now + HOUR
    version = live(FORBID, effective_until=text(end))
    told = Notification.objects.filter(event="policy.ending")
    counts = []
    for hours in (0, 1, 2, 26, 27, 50):
        services.tend_policies(now=now + hours * HOUR)
        counts.append(told.count())
    assert counts == [1, 2, 2, 3, 3, 4]
    services.decide_end(actor=admin, policy_id=version.policy_id, reason="Enough")
    services.tend_policies(now=now + 80 * HOUR)
    assert told.count() == 4


def test_a_release_is_asked_for_once_when_a_version_is_over() -> None:
    now = timezone.now().replace(microsecond=0)
    live()
    live(owner="Second", effective_from=text(now + HOUR))
    asked = OutboxMessage.objects.filter(coalesce_key="policies:change_over")
    services.tend_policies(now=now + HOUR)
    assert not asked.exists()
    for _ in range(2):
        services.tend_policies(now=now + HOUR + dt.timedelta(minutes=11))
    assert asked.count() == 1


# Any moment of the past.


def test_the_past_is_told_as_it_was(admin: Any) -> None:
    moments = [timezone.now()]
    policy = live().policy
    moments.append(timezone.now())
    live(owner="Second")
    moments.append(timezone.now())
    services.suspend_policy(
        actor=admin, policy_id=policy.pk, reason="-", request_id=None
    )
    moments.append(timezone.now())
    services.resume_policy(
        actor=admin, policy_id=policy.pk, reason="-", request_id=uuid.uuid4()
    )
    moments.append(timezone.now())
    found = [
        [(row.state, row.version and row.version.number) for row in rows]
        for rows in map(selectors.as_of, moments)
    ]
    assert found == [
        [],
        [("live", 1)],
        [("live", 2)],
        [("suspended", None)],
        [("live", 2)],
    ]


def test_a_history_tells_versions_and_acts(admin: Any) -> None:
    policy = live().policy
    live(owner="Second")
    services.suspend_policy(
        actor=admin, policy_id=policy.pk, reason="-", request_id=None
    )
    found = selectors.history_of(policy, timezone.now())
    assert [
        (entry.version and entry.version.number, entry.act and entry.act.act)
        for entry in found
    ] == [(None, "suspend"), (2, None), (1, None)]


@pytest.mark.parametrize("count", [2, 12])
def test_what_is_shipped_takes_the_same_questions(
    count: int, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for n in range(count):
        draft = services.save_draft(
            actor=SYSTEM,
            policy_id=None,
            content=FORBID | {"name": f"P{n}", "effective_until": text(now + HOUR)},
            expected_lock=None,
        )
        services.freeze_version(
            actor=SYSTEM,
            draft_id=draft.pk,
            expected_digest=draft.digest,
            request_id=uuid.uuid4(),
        )
    assert connection.vendor == "postgresql"
    with django_assert_max_num_queries(3):
        assert len(selectors.shipped_versions(now)) == count
