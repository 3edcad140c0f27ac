"""Sets of changes: one vote for all of them, carried out together or not at all."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.choices import (
    ChangeSetState,
    ItemKind,
    RequestKind,
    RequestState,
    Verdict,
)
from apps.approvals.errors import (
    ChangeInvalidError,
    ChangeOutdatedError,
    ChangeSetChangedError,
    ChangeSetClosedError,
    ChangeSetEmptyError,
    CommentForbiddenError,
    DraftTestsFailedError,
    DraftUntestedError,
    EvidenceMissingError,
    NothingScheduledError,
    NotSchedulableError,
    OpenForbiddenError,
    ProposeForbiddenError,
    RequestOutdatedError,
)
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.audit.events import Actor
from apps.notifications.models import Notification
from apps.outbox.models import OutboxMessage
from apps.policies.errors import PolicyInvalidError, TestsFailedError
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.roles.errors import UnknownPermissionError
from apps.roles.models import Role
from apps.scopes import services as scopes
from apps.scopes.errors import UnknownZoneError
from apps.scopes.models import Location, TimeWindow
from apps.scopes.rules import LocationSpec, WindowSpec
from apps.simulation.models import Evidence
from apps.simulation.selectors import live_records
from apps.simulation.services import compute
from apps.tenants.models import Tenant
from protocol.fingerprint import state_digest
from tests.factories.access import build_access
from tests.factories.approvals import CONTENT, People, prove
from tests.factories.changes import (
    NIGHT,
    OPERATOR,
    POLICY,
    make_full_set,
    make_set,
    put,
)

pytestmark = pytest.mark.django_db
COMMAND = Actor.command("tests")


@pytest.fixture
def ada(in_tenant: Tenant, people: People) -> User:  # noqa: ARG001
    """Return who writes; anna and ben approve, and both are needed."""
    build_access()
    for name in ("anna", "ben"):
        people(name)
    services.set_flow(actor=COMMAND, kind=RequestKind.CHANGE, quorum=2)
    return people("ada", "security_admin", "approver").user


def counts() -> tuple[int, ...]:
    models = (TimeWindow, Location, Role, Policy, PolicyDraft, PolicyVersion)
    return tuple(model.objects.count() for model in models)


def submit(author: User, row: ChangeSet) -> ApprovalRequest:
    request = services.submit_change_set(actor=actor_for(author), set_id=row.pk)
    prove(request)
    return request


def test_a_policy_may_name_what_the_same_set_creates_and_nothing_is_written_yet(
    ada: User,
) -> None:
    before = counts()
    row = make_full_set(ada)
    assert counts() == before
    row.refresh_from_db()
    kinds = [item["kind"] for item in row.outcome["items"]]
    assert kinds == ["window", "location", "role", "policy"]
    assert row.lock == 5


def test_a_policy_that_names_what_is_nowhere_is_refused_as_when_it_is_saved(
    ada: User,
) -> None:
    row = make_set(ada)
    put(ada, row, ItemKind.WINDOW, NIGHT)
    with pytest.raises(PolicyInvalidError) as refused:
        put(ada, row, ItemKind.POLICY, POLICY)
    assert "night-operator" in refused.value.message
    assert row.items.count() == 1


@pytest.mark.parametrize(
    ("kind", "content", "error"),
    [
        (ItemKind.WINDOW, NIGHT | {"zone": "Mars/Crater"}, UnknownZoneError),
        (ItemKind.WINDOW, NIGHT | {"zones": "UTC"}, ChangeInvalidError),
        (ItemKind.WINDOW, NIGHT | {"weekdays": "all"}, ChangeInvalidError),
        (
            ItemKind.ROLE,
            OPERATOR
            | {"permissions": [{"action": "fly", "resource_type": "Namespace"}]},
            UnknownPermissionError,
        ),
    ],
)
def test_a_change_is_refused_by_the_rules_of_a_direct_one(
    ada: User, kind: ItemKind, content: dict[str, Any], error: type[Exception]
) -> None:
    row = make_set(ada)
    with pytest.raises(error):
        put(ada, row, kind, content)
    assert row.items.count() == 0


def test_taking_out_what_another_change_needs_is_refused_by_name(ada: User) -> None:
    row = make_full_set(ada)
    window = row.items.get(kind=ItemKind.WINDOW)
    with pytest.raises(PolicyInvalidError) as refused:
        services.remove_change(actor=actor_for(ada), set_id=row.pk, item_id=window.pk)
    assert "night-deploys" in refused.value.message
    assert row.items.count() == 4


def test_two_signed_approvals_carry_everything_out_as_it_was_tried(
    ada: User, people: People
) -> None:
    row = make_full_set(ada)
    request = submit(ada, row)
    signed = request.document["change_set"]
    assert signed["before"] == state_digest(live_records())
    people("anna").vote(request)
    assert not TimeWindow.objects.filter(slug="night-shift").exists()
    people("ben").vote(request)
    request.refresh_from_db()
    row.refresh_from_db()
    assert request.state == RequestState.APPROVED
    assert row.state == ChangeSetState.CARRIED_OUT
    version = PolicyVersion.objects.get(policy__slug="night-deploys")
    assert version.request_id == request.pk
    assert version.author_id == ada.pk
    assert state_digest(live_records()) == signed["after"]
    assert {item["digest"] for item in request.document["items"]} >= {version.digest}


def test_all_of_a_set_waits_for_one_release(ada: User, people: People) -> None:
    request = submit(ada, make_full_set(ada))
    people("anna").vote(request)
    OutboxMessage.objects.all().delete()
    people("ben").vote(request)
    topics = OutboxMessage.objects.values_list("topic", "coalesce_key")
    assert len(set(topics)) == len(topics)


def test_what_somebody_changed_meanwhile_is_refused_with_who_and_what(
    ada: User, people: People
) -> None:
    row = make_set(ada)
    window = TimeWindow.objects.get(slug="office-hours")
    put(
        ada,
        row,
        ItemKind.WINDOW,
        NIGHT | {"slug": "office-hours", "name": "Office hours"},
    )
    olga = people("olga", "security_admin").user
    scopes.save_window(
        actor=actor_for(olga),
        spec=WindowSpec("office-hours", "Our hours", "Europe/Berlin"),
        window_id=window.pk,
    )
    with pytest.raises(ChangeOutdatedError) as refused:
        submit(ada, row)
    assert "olga" in refused.value.message
    assert "name" in refused.value.message
    item = row.items.get()
    services.rebase_change(
        actor=actor_for(ada), set_id=row.pk, item_id=item.pk, keep=True
    )
    assert submit(ada, row).is_open


def test_a_change_of_the_ground_voids_what_is_under_review(
    ada: User, people: People
) -> None:
    row = make_set(ada)
    put(
        ada,
        row,
        ItemKind.WINDOW,
        NIGHT | {"slug": "office-hours", "name": "Office hours"},
    )
    request = submit(ada, row)
    people("anna").vote(request)
    scopes.save_window(
        actor=COMMAND,
        spec=WindowSpec("office-hours", "Our hours", "Europe/Berlin"),
        window_id=TimeWindow.objects.get(slug="office-hours").pk,
    )
    with pytest.raises(RequestOutdatedError):
        people("ben").vote(request)
    assert TimeWindow.objects.get(slug="office-hours").name == "Our hours"


def test_a_set_under_review_cannot_be_changed_and_a_denied_one_can_again(
    ada: User, people: People
) -> None:
    row = make_full_set(ada)
    request = submit(ada, row)
    with pytest.raises(ChangeSetClosedError):
        put(ada, row, ItemKind.WINDOW, NIGHT | {"slug": "other", "name": "Other"})
    people("anna").vote(request, Verdict.DENY, "Too wide.")
    row.refresh_from_db()
    assert row.state == ChangeSetState.DRAFT
    again = submit(ada, row)
    assert again.pk != request.pk


def test_who_read_an_older_state_of_a_set_is_refused(ada: User) -> None:
    row = make_full_set(ada)
    with pytest.raises(ChangeSetChangedError):
        services.edit_change_set(
            actor=actor_for(ada),
            set_id=row.pk,
            title="Other",
            reason="",
            expected_lock=1,
        )


def test_an_empty_set_proposes_nothing(ada: User) -> None:
    row = make_set(ada)
    with pytest.raises(ChangeSetEmptyError):
        submit(ada, row)


def test_only_security_admins_write_sets(ada: User, people: People) -> None:
    row = make_set(ada)
    with pytest.raises(ProposeForbiddenError):
        put(people("anna").user, row, ItemKind.WINDOW, NIGHT)


def test_authors_of_changes_do_not_decide_on_them(ada: User) -> None:
    request = submit(ada, make_full_set(ada))
    assert selectors.judge(request, ada.pk).reason


def test_nobody_approves_before_the_evidence_is_there_and_denying_is_free(
    ada: User, people: People
) -> None:
    row = make_full_set(ada)
    request = services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    assert request.document["evidence"]["input"].startswith("sha256:")
    with pytest.raises(EvidenceMissingError):
        people("anna").vote(request)
    prove(request)
    vote = people("anna").vote(request)
    proof = selectors.proof_of_request(request)
    assert proof is not None
    assert vote.document["evidence"] == proof.digest


def test_evidence_of_another_state_than_the_live_one_has_to_be_renewed(
    ada: User, people: People
) -> None:
    request = submit(ada, make_full_set(ada))
    scopes.save_location(actor=COMMAND, spec=LocationSpec("x", "X", countries=("FR",)))
    people("anna").vote(request)
    Evidence.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
    with pytest.raises(EvidenceMissingError):
        people("ben").vote(request)
    actor = actor_for(people("ben").user)
    row = selectors.set_of_request(request)
    assert row is not None
    services.prove_change_set(actor=actor, set_id=row.pk)
    prove(request)
    people("ben").vote(request)
    request.refresh_from_db()
    assert request.state == RequestState.APPROVED


def test_only_policies_wait_for_a_time(ada: User) -> None:
    at = timezone.now() + dt.timedelta(days=1)
    row = make_full_set(ada)
    with pytest.raises(NotSchedulableError) as refused:
        services.schedule_change_set(actor=actor_for(ada), set_id=row.pk, at=at)
    assert refused.value.field == "activate_at"
    other = make_set(ada)
    services.schedule_change_set(actor=actor_for(ada), set_id=other.pk, at=at)
    with pytest.raises(NotSchedulableError):
        put(ada, other, ItemKind.WINDOW, NIGHT)


def test_a_scheduled_policy_carries_its_time_to_the_nodes(
    ada: User, people: People
) -> None:
    at = (timezone.now() + dt.timedelta(days=1)).replace(microsecond=0)
    row = make_set(ada)
    put(ada, row, ItemKind.POLICY, CONTENT | {"name": "Tomorrow"})
    services.schedule_change_set(actor=actor_for(ada), set_id=row.pk, at=at)
    request = submit(ada, row)
    said = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert request.document["activate_at"] == said
    for name in ("anna", "ben"):
        people(name).vote(request)
    version = PolicyVersion.objects.get(policy__slug="tomorrow")
    assert version.effective_from == at
    assert [one["name"] for one in version.approvers] == ["Anna", "Ben"]


def test_a_member_comments_on_what_concerns_them_only(
    ada: User, people: People
) -> None:
    request = submit(ada, make_full_set(ada))
    about = services.about_request(request)
    mia = people("mia", "member").user
    with pytest.raises(OpenForbiddenError):
        services.add_comment(actor=actor_for(mia), about=about, body="Let me in.")
    anna = people("anna").user
    services.add_comment(actor=actor_for(anna), about=about, body="Why?")
    assert [one.author_id for one in selectors.comments_on(request)] == [anna.pk]


def test_a_comment_is_never_changed_silently(ada: User, people: People) -> None:
    row = make_full_set(ada)
    actor = actor_for(ada)
    said = services.add_comment(
        actor=actor, about=services.About(row), body="Why?", item="window:night-shift"
    )
    services.edit_comment(actor=actor, comment_id=said.pk, body="Why so long?")
    said.refresh_from_db()
    assert [one["body"] for one in said.history] == ["Why?"]
    assert said.edited_at is not None
    with pytest.raises(CommentForbiddenError):
        services.delete_comment(
            actor=actor_for(people("anna").user), comment_id=said.pk
        )
    services.delete_comment(actor=actor, comment_id=said.pk)
    said.refresh_from_db()
    assert (said.body, said.history) == ("", [])
    assert said.deleted_at is not None


def test_an_answer_stands_in_its_thread_and_reaches_who_asked(
    ada: User, people: People
) -> None:
    about = services.About(make_full_set(ada))
    anna = people("anna").user
    asked = services.add_comment(actor=actor_for(anna), about=about, body="Why?")
    services.add_comment(
        actor=actor_for(ada), about=about, body="Because.", parent_id=asked.pk
    )
    (thread,) = selectors.threads(selectors.comments_about(about.change_set, None))
    assert [one.comment.body for one in thread.replies] == ["Because."]
    told = Notification.objects.filter(event="approval.commented")
    assert {(one.user_id, one.body) for one in told} == {
        (ada.pk, "Why?"),
        (anna.pk, "Because."),
    }


def test_what_is_to_come_into_force_later_is_called_off_and_the_old_version_stays(
    ada: User, people: People
) -> None:
    last = uuid.uuid4()
    for content, at in (
        (CONTENT | {"name": "Late"}, None),
        (
            CONTENT | {"name": "Late", "locations": []},
            timezone.now() + dt.timedelta(days=1),
        ),
    ):
        row = make_set(ada)
        put(ada, row, ItemKind.POLICY, content)
        services.schedule_change_set(actor=actor_for(ada), set_id=row.pk, at=at)
        last = submit(ada, row).pk
        for name in ("anna", "ben"):
            people(name).vote(ApprovalRequest.objects.get(pk=last))
    services.cancel_activation(
        actor=actor_for(ada), request_id=last, reason="Too early."
    )
    newest = PolicyVersion.objects.order_by("-number").first()
    assert newest is not None
    assert newest.content["locations"] == ["office"]
    assert newest.effective_from is None
    with pytest.raises(NothingScheduledError):
        services.cancel_activation(
            actor=actor_for(ada), request_id=last, reason="Again."
        )


def checked(row: ChangeSet) -> dict[str, Any]:
    """Return what the evidence about a set says of its tests and of lint."""
    proof = selectors.proof_of_set(row)
    assert proof is not None
    found = Evidence.objects.get(pk=proof.id)
    compute(tenant_id=row.tenant_id, evidence_id=found.pk)
    found.refresh_from_db()
    assert found.document is not None
    return {name: found.document[name] for name in ("tests", "lint")}


def case(expect: str) -> dict[str, Any]:
    """Return a test in the window and the role that only the set creates."""
    return {
        "name": "an operator at night",
        "given": {
            "principal": {"type": "User"},
            "roles": ["night-operator"],
            "resource": {"type": "Namespace", "id": "shop"},
            "context": {"mfa": 2, "ip": "192.0.2.7"},
        },
        "action": "deploy",
        "at": "2026-11-18T22:30:00Z",
        "expect": expect,
    }


def test_evidence_tests_and_lints_a_policy_that_names_what_its_set_creates(
    ada: User,
) -> None:
    row = make_full_set(ada)
    put(ada, row, ItemKind.POLICY, POLICY | {"tests": [case("allow")]})
    services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    row.refresh_from_db()
    found = checked(row)
    (told,) = found["tests"]["policies"]
    assert (told["policy"], told["passed"], told["failed"]) == ("night-deploys", 1, 0)
    assert told["coverage"]["statements"]["covered"] == 1
    assert {one["policy"] for one in found["lint"]["findings"]} <= {"night-deploys"}
    assert not Role.objects.filter(slug="night-operator").exists()


def test_a_policy_with_failing_tests_goes_into_a_set_and_is_shown_as_failing(
    ada: User,
) -> None:
    row = make_full_set(ada)
    put(ada, row, ItemKind.POLICY, POLICY | {"tests": [case("deny")]})
    row = services.prove_change_set(actor=actor_for(ada), set_id=row.pk)
    assert checked(row)["tests"]["failed"] == 1
    with pytest.raises(DraftTestsFailedError) as refused:
        services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    assert "“Night deploys”" in refused.value.message
    assert "“an operator at night” expects deny" in refused.value.message
    assert refused.value.field == "policy:night-deploys"


def test_a_forbid_without_tests_goes_into_a_set_and_is_not_proposed(
    ada: User,
) -> None:
    row = make_full_set(ada)
    put(ada, row, ItemKind.POLICY, POLICY | {"effect": "forbid"})
    with pytest.raises(DraftUntestedError, match="“Night deploys”: No test is denied"):
        services.submit_change_set(actor=actor_for(ada), set_id=row.pk)


def test_a_policy_whose_tests_fail_is_never_carried_out(ada: User) -> None:
    row = make_full_set(ada)
    put(ada, row, ItemKind.POLICY, POLICY | {"tests": [case("deny")]})
    request = ApprovalRequest(pk=uuid.uuid4(), document={})
    with pytest.raises(TestsFailedError, match="Night deploys"):
        services.carry_out_set(actor=COMMAND, request=request, row=row)
