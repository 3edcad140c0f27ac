"""Requests are opened, voted on and carried out as the rules say."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.errors import AssertionRefusedError, CeremonyError
from apps.accounts.services import actor_for, revoke_membership
from apps.approvals import rules, selectors, services
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import (
    AlreadyVotedError,
    CancelForbiddenError,
    DraftInAnotherRequestError,
    FlowInvalidError,
    ProposeForbiddenError,
    RequestClosedError,
    RequestInvalidError,
    RequestNotFoundError,
    RequestOutdatedError,
    VoteForbiddenError,
)
from apps.approvals.models import ApprovalRequest, Vote
from apps.audit.events import Actor
from apps.policies.errors import DraftNotFoundError, DraftStaleError
from apps.scopes import selectors as scopes
from apps.scopes import services as scope_services
from apps.scopes.rules import WindowSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.approvals import (
    SESSION,
    People,
    edit_draft,
    frozen_by,
    make_draft,
    make_request,
    prove,
)
from tests.simulators.authenticator import tamper

pytestmark = pytest.mark.django_db
SYSTEM = Actor.command("tests")


def reloaded(request: ApprovalRequest) -> ApprovalRequest:
    return selectors.request_by_id(request.pk)


def test_a_request_fixes_the_digest_of_what_its_drafts_say(
    open_request: ApprovalRequest, draft_id: uuid.UUID
) -> None:
    item = open_request.items.get()
    assert open_request.digest == rules.request_digest(open_request.document)
    assert open_request.document["items"] == [
        {
            "policy": str(item.policy_id),
            "draft": str(draft_id),
            "name": item.name,
            "digest": item.content_digest,
        }
    ]


def test_the_quorum_freezes_every_item_and_closes_the_request(
    open_request: ApprovalRequest, people: People
) -> None:
    people("anna").vote(open_request)
    assert reloaded(open_request).state == RequestState.OPEN
    assert frozen_by(open_request) == 0
    people("ben").vote(open_request)
    assert reloaded(open_request).state == RequestState.APPROVED
    assert frozen_by(open_request) == 1


def test_a_denial_closes_the_request_and_freezes_nothing(
    open_request: ApprovalRequest, people: People
) -> None:
    people("anna").vote(open_request)
    people("ben").vote(open_request, Verdict.DENY, "Too wide.")
    assert reloaded(open_request).state == RequestState.DENIED
    assert frozen_by(open_request) == 0


def test_a_denial_needs_a_reason(open_request: ApprovalRequest, people: People) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        people("anna").vote(open_request, Verdict.DENY, "  ")
    assert caught.value.field == "reason"


@pytest.mark.parametrize("name", ["olga", "ada"])
def test_neither_opener_nor_author_can_approve(
    open_request: ApprovalRequest, people: People, name: str
) -> None:
    with pytest.raises(VoteForbiddenError):
        people(name).vote(open_request)


def test_the_last_editor_cannot_approve(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> None:
    editor = people("eve", "security_admin", "approver")
    edit_draft(draft_id, editor.user)
    request = make_request(people("olga", "security_admin").user, draft_id)
    with pytest.raises(VoteForbiddenError, match="edited"):
        editor.vote(request)


def test_a_member_who_is_no_approver_cannot_approve(
    open_request: ApprovalRequest, people: People
) -> None:
    with pytest.raises(VoteForbiddenError, match="approvers of the current stage"):
        people("tom", "auditor").vote(open_request)


def test_who_lost_the_membership_after_the_ceremony_began_cannot_approve(
    open_request: ApprovalRequest, people: People
) -> None:
    anna = people("anna")
    ceremony_id, credential = anna.sign(open_request)
    revoke_membership(actor=SYSTEM, user=anna.user)
    with pytest.raises(VoteForbiddenError):
        services.record_vote(
            actor=actor_for(anna.user),
            voter=anna.user,
            request_id=open_request.pk,
            verdict=Verdict.APPROVE,
            reason="",
            ceremony_id=ceremony_id,
            credential=credential,
        )


def test_one_person_has_one_vote(open_request: ApprovalRequest, people: People) -> None:
    people("anna").vote(open_request)
    with pytest.raises(AlreadyVotedError):
        people("anna").vote(open_request)
    assert reloaded(open_request).state == RequestState.OPEN


@pytest.mark.parametrize("name", ["ben", "olga"])
def test_a_closed_request_takes_no_vote(
    open_request: ApprovalRequest, people: People, name: str
) -> None:
    people("anna").vote(open_request, Verdict.DENY, "No.")
    with pytest.raises(RequestClosedError):
        people(name).vote(open_request)


def test_an_edited_draft_voids_the_request_and_says_what_changed(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    people("anna").vote(open_request)
    edit_draft(draft_id, people("ada").user)
    with pytest.raises(RequestOutdatedError, match="effect, tests changed"):
        people("ben").vote(open_request)
    assert frozen_by(open_request) == 0


def record(
    request: ApprovalRequest,
    people: People,
    *,
    signed: Verdict = Verdict.APPROVE,
    sent: Verdict = Verdict.APPROVE,
    part: str = "",
) -> Vote:
    anna = people("anna")
    ceremony_id, credential = anna.sign(request, signed, "why")
    return services.record_vote(
        actor=actor_for(anna.user),
        voter=anna.user,
        request_id=request.pk,
        verdict=sent,
        reason="why",
        ceremony_id=ceremony_id,
        credential=tamper(credential, part) if part else credential,
    )


def test_the_assertion_is_stored_with_the_vote(
    open_request: ApprovalRequest, people: People
) -> None:
    vote = record(open_request, people)
    assert bytes(vote.public_key) == bytes(people("anna").passkey.public_key)
    rules.verify_vote(selectors.evidence_of(vote))


def test_an_assertion_for_a_denial_cannot_approve(
    open_request: ApprovalRequest, people: People
) -> None:
    with pytest.raises(CeremonyError):
        record(open_request, people, signed=Verdict.DENY)
    assert not Vote.objects.exists()


@pytest.mark.parametrize("part", ["signature", "authenticatorData"])
def test_a_tampered_assertion_is_refused(
    open_request: ApprovalRequest, people: People, part: str
) -> None:
    with pytest.raises(AssertionRefusedError):
        record(open_request, people, part=part)
    assert not Vote.objects.exists()


def test_an_assertion_counts_once(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    vote = record(open_request, people)
    services.cancel_request(
        actor=actor_for(people("olga").user), request_id=open_request.pk
    )
    again = make_request(people("olga").user, draft_id)
    anna = people("anna")
    ceremony_id, credential = anna.sign(again)
    old = {
        "clientDataJSON": bytes(vote.client_data),
        "signature": bytes(vote.signature),
    }
    assert credential["response"]["signature"] != old["signature"]
    services.record_vote(
        actor=actor_for(anna.user),
        voter=anna.user,
        request_id=again.pk,
        verdict=Verdict.APPROVE,
        reason="",
        ceremony_id=ceremony_id,
        credential=credential,
    )
    with pytest.raises(AlreadyVotedError):
        services.record_vote(
            actor=actor_for(anna.user),
            voter=anna.user,
            request_id=again.pk,
            verdict=Verdict.APPROVE,
            reason="",
            ceremony_id=ceremony_id,
            credential=credential,
        )


def test_a_draft_is_in_one_open_request_at_a_time(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    with pytest.raises(DraftInAnotherRequestError, match=open_request.title):
        make_request(people("olga").user, draft_id)


def test_a_cancelled_request_frees_its_drafts(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    olga = people("olga").user
    services.cancel_request(actor=actor_for(olga), request_id=open_request.pk)
    assert make_request(olga, draft_id).is_open


@pytest.mark.parametrize(
    ("name", "roles", "may"),
    [
        ("olga", (), True),
        ("sam", ("security_admin",), True),
        ("anna", ("approver",), False),
    ],
)
def test_the_opener_and_security_admins_may_cancel(
    open_request: ApprovalRequest,
    people: People,
    name: str,
    roles: tuple[str, ...],
    may: bool,  # noqa: FBT001  # a column of the table above
) -> None:
    actor = actor_for(people(name, *roles).user)
    if may:
        services.cancel_request(actor=actor, request_id=open_request.pk, reason="x")
        assert reloaded(open_request).state == RequestState.CANCELLED
    else:
        with pytest.raises(CancelForbiddenError):
            services.cancel_request(actor=actor, request_id=open_request.pk)


def test_a_request_is_cancelled_once(
    open_request: ApprovalRequest, people: People
) -> None:
    actor = actor_for(people("olga").user)
    services.cancel_request(actor=actor, request_id=open_request.pk)
    with pytest.raises(RequestClosedError):
        services.cancel_request(actor=actor, request_id=open_request.pk)


@pytest.mark.parametrize(
    ("title", "reason", "field"),
    [("", "why", "title"), ("x" * 161, "why", "title"), ("what", " ", "reason")],
)
def test_a_request_says_what_and_why(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
    title: str,
    reason: str,
    field: str,
) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        services.open_request(
            actor=actor_for(people("olga", "security_admin").user),
            draft_ids=[draft_id],
            title=title,
            reason=reason,
        )
    assert caught.value.field == field


def test_a_request_needs_a_draft(in_tenant: Tenant, people: People) -> None:  # noqa: ARG001
    with pytest.raises(RequestInvalidError) as caught:
        make_request(people("olga", "security_admin").user)
    assert caught.value.field == "drafts"


@pytest.mark.parametrize("role", ["approver", "auditor"])
def test_who_is_no_security_admin_cannot_propose(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
    role: str,
) -> None:
    with pytest.raises(ProposeForbiddenError):
        make_request(people("tom", role).user, draft_id)


def test_a_part_of_the_portal_proposes_nothing(
    in_tenant: Tenant,  # noqa: ARG001
    draft_id: uuid.UUID,
) -> None:
    with pytest.raises(ProposeForbiddenError):
        services.open_request(
            actor=Actor.system("bundles"), draft_ids=[draft_id], title="x", reason="y"
        )


def test_an_operators_command_may_propose_and_is_nobody_to_vote(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> None:
    request = services.open_request(
        actor=SYSTEM, draft_ids=[draft_id], title="x", reason="y"
    )
    prove(request)
    people("anna").vote(request)
    assert request.opened_by_id is None
    assert frozen_by(request) == 1


def test_a_request_of_another_tenant_is_not_there(
    open_request: ApprovalRequest, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.pk), pytest.raises(RequestNotFoundError):
        selectors.request_by_id(open_request.pk)


def test_the_database_refuses_to_change_what_a_request_proposes(
    open_request: ApprovalRequest,
) -> None:
    rows = ApprovalRequest.objects.filter(pk=open_request.pk)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        rows.update(document={})
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()


def test_the_database_refuses_to_reopen_a_request(
    open_request: ApprovalRequest, people: People
) -> None:
    people("anna").vote(open_request, Verdict.DENY, "No.")
    rows = ApprovalRequest.objects.filter(pk=open_request.pk)
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        rows.update(state="open", closed_at=None)


def test_a_flow_applies_to_requests_opened_later(
    open_request: ApprovalRequest, people: People
) -> None:
    services.set_flow(actor=SYSTEM, kind=RequestKind.CHANGE, quorum=1)
    people("anna").vote(open_request)
    assert reloaded(open_request).state == RequestState.OPEN
    later = make_request(people("olga").user, make_draft(people("ada").user, "Later"))
    people("anna").vote(later)
    assert reloaded(later).state == RequestState.APPROVED


def test_a_flow_that_nobody_decides_is_refused(in_tenant: Tenant) -> None:  # noqa: ARG001
    with pytest.raises(FlowInvalidError):
        services.set_flow(actor=SYSTEM, kind=RequestKind.CHANGE, quorum=0)


def test_a_person_never_votes_by_the_demo_helper(
    open_request: ApprovalRequest, people: People
) -> None:
    anna = people("anna")
    with pytest.raises(VoteForbiddenError, match="demo"):
        services.cast_demo_vote(
            actor=actor_for(anna.user),
            voter=anna.user,
            request_id=open_request.pk,
            verdict=Verdict.APPROVE,
            authenticator=anna.authenticator,
        )


def test_a_demo_vote_is_marked(open_request: ApprovalRequest, people: People) -> None:
    anna = people("anna")
    anna.user.is_demo = True
    anna.user.save()
    vote = services.cast_demo_vote(
        actor=actor_for(anna.user),
        voter=anna.user,
        request_id=open_request.pk,
        verdict=Verdict.APPROVE,
        authenticator=anna.authenticator,
    )
    assert vote.is_demo
    assert SESSION


def test_the_certificate_proves_the_approval_by_itself(
    open_request: ApprovalRequest, people: People
) -> None:
    assert selectors.certificates([open_request.pk]) == []
    people("anna").vote(open_request)
    people("ben").vote(open_request)
    (certificate,) = selectors.certificates([open_request.pk])
    assert certificate["digest"] == rules.request_digest(certificate["request"])
    assert [vote["document"]["voter"]["name"] for vote in certificate["votes"]] == [
        "Anna",
        "Ben",
    ]


def narrow_the_window() -> None:
    """Change the window that every draft of these tests names."""
    window = scopes.windows().get(slug="office-hours")
    scope_services.save_window(
        actor=SYSTEM,
        window_id=window.pk,
        spec=WindowSpec(
            "office-hours", "Office hours", "Europe/Berlin", (1,), 480, 540
        ),
    )


def test_a_window_changed_after_the_proposal_keeps_the_last_vote_from_counting(
    open_request: ApprovalRequest, people: People
) -> None:
    people("anna").vote(open_request)
    narrow_the_window()
    with pytest.raises(DraftStaleError, match="window"), transaction.atomic():
        people("ben").vote(open_request)
    assert reloaded(open_request).state == RequestState.OPEN
    assert [vote.user_name for vote in Vote.objects.all()] == ["Anna"]
    assert frozen_by(open_request) == 0


def test_a_draft_whose_window_changed_since_it_was_saved_is_not_proposed(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> None:
    narrow_the_window()
    with pytest.raises(RequestInvalidError, match="window"):
        make_request(people("olga", "security_admin").user, draft_id)


def test_a_draft_that_says_what_is_live_is_not_proposed(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    people("anna").vote(open_request)
    people("ben").vote(open_request)
    with pytest.raises(RequestInvalidError, match="live already"):
        make_request(people("olga").user, draft_id)


def test_an_edit_after_the_freeze_is_compared_with_what_is_live(
    open_request: ApprovalRequest, people: People, draft_id: uuid.UUID
) -> None:
    people("anna").vote(open_request)
    people("ben").vote(open_request)
    edit_draft(draft_id, people("ada").user)
    item = make_request(people("olga").user, draft_id).items.get()
    assert item.before_version == 1
    effect, tests = rules.changed_fields(item.before, item.content)
    assert effect == ("effect", "permit", "forbid")
    assert rules.readable(tests[2])[0].endswith(": deny")


def test_a_draft_that_is_not_there_is_not_proposed(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    with pytest.raises(DraftNotFoundError):
        make_request(people("olga", "security_admin").user, uuid.uuid4())
