"""Drafts and versions."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.outbox.models import OutboxMessage
from apps.policies import selectors, services
from apps.policies.choices import PolicyState
from apps.policies.errors import (
    DraftChangedError,
    DraftNotFoundError,
    DraftStaleError,
    NothingToFreezeError,
    PolicyInvalidError,
    PolicyNotFoundError,
    SlugTakenError,
)
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import (
    CompiledPolicy,
    PolicyContent,
    compile_policy,
    parse_content,
)
from apps.scopes import selectors as scopes
from apps.scopes import services as scope_services
from apps.scopes.errors import InUseError
from apps.scopes.rules import WindowSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import parse_record
from tests.factories.access import SYSTEM, build_access
from tests.policies.test_rules import GOOD

ANNA = Actor(kind="user", id=str(uuid.uuid4()), name="anna")
BERT = Actor(kind="user", id=str(uuid.uuid4()), name="bert")
REQUEST = uuid.uuid4()
NIGHT = WindowSpec("office-hours", "Office hours", "Europe/Berlin", (1, 2), 480, 1080)


@pytest.fixture(autouse=True)
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    return in_tenant


def save(actor: Actor = ANNA, **change: object) -> PolicyDraft:
    return services.save_draft(
        actor=actor, policy_id=None, content=GOOD | change, expected_lock=None
    )


def edit(draft: PolicyDraft, actor: Actor = ANNA, **change: object) -> PolicyDraft:
    return services.save_draft(
        actor=actor,
        policy_id=draft.policy_id,
        content=GOOD | change,
        expected_lock=draft.lock,
    )


def freeze(draft: PolicyDraft) -> PolicyVersion:
    return services.freeze_version(
        actor=BERT,
        draft_id=draft.pk,
        expected_digest=draft.digest,
        request_id=REQUEST,
    )


def test_a_saved_draft_is_compiled_audited_and_not_live() -> None:
    draft = save()
    assert draft.policy.slug == "developers-deploy-to-the-shop"
    assert draft.cedar.startswith('@id("developers-deploy-to-the-shop#0")')
    assert (draft.lock, draft.author_name) == (1, "anna")
    assert AuditEntry.objects.get(action="draft.created").after == draft.content
    assert [r.type.value for r in selectors.live_records()] == ["schema"]


def test_a_refused_draft_leaves_nothing_behind() -> None:
    entries = AuditEntry.objects.count()
    with pytest.raises(PolicyInvalidError) as refusal:
        save(windows=["never"], actions=["fly"])
    assert refusal.value.code == "policies.unknown_action"
    assert [field for _, field, _, _ in refusal.value.problems] == [
        "actions[0]",
        "windows[0]",
    ]
    assert not Policy.objects.exists()
    assert AuditEntry.objects.count() == entries


def test_a_save_on_an_older_state_is_refused_and_names_who_was_faster() -> None:
    draft = save()
    edit(draft, BERT, owner="Other team")
    with pytest.raises(DraftChangedError, match="bert"):
        services.save_draft(
            actor=ANNA, policy_id=draft.policy_id, content=GOOD, expected_lock=1
        )


def test_saving_the_same_again_counts_as_no_edit() -> None:
    again = edit(save(), BERT)
    assert (again.lock, again.last_editor_name) == (1, "anna")


def test_two_policies_cannot_share_a_short_name() -> None:
    save()
    with pytest.raises(SlugTakenError):
        save()


def test_a_policy_that_is_not_there_cannot_be_edited() -> None:
    with pytest.raises(PolicyNotFoundError):
        services.save_draft(
            actor=ANNA, policy_id=uuid.uuid4(), content=GOOD, expected_lock=None
        )


def test_a_frozen_draft_is_live_and_announced() -> None:
    draft = save()
    version = freeze(draft)
    assert (version.number, version.digest) == (1, draft.digest)
    record = selectors.live_records()[0]
    assert parse_record(record.to_dict()) == record
    assert record.id == "developers-deploy-to-the-shop"
    message = OutboxMessage.objects.get(topic="policies.version_frozen")
    assert message.payload == {"request": str(REQUEST)}
    assert AuditEntry.objects.filter(action="version.frozen").count() == 1


def test_numbers_grow_and_only_the_newest_is_live() -> None:
    draft = save()
    freeze(draft)
    freeze(edit(draft, owner="Other team"))
    (live,) = selectors.live_versions()
    assert live.number == 2
    assert PolicyVersion.objects.count() == 2


def test_what_is_live_already_is_not_frozen_again() -> None:
    draft = save()
    freeze(draft)
    with pytest.raises(NothingToFreezeError):
        freeze(draft)


def test_an_edit_after_the_proposal_is_not_frozen() -> None:
    draft = save()
    edit(draft, owner="Other team")
    with pytest.raises(DraftStaleError):
        freeze(draft)
    assert not PolicyVersion.objects.exists()


def test_a_window_that_changed_after_the_proposal_stops_the_freeze() -> None:
    draft = save()
    window = scopes.windows().get()
    scope_services.save_window(actor=SYSTEM, spec=NIGHT, window_id=window.pk)
    with pytest.raises(DraftStaleError, match="changed after"):
        freeze(draft)
    saved_again = edit(draft)
    assert saved_again.digest != draft.digest
    freeze(saved_again)


def test_a_live_version_keeps_the_window_that_was_approved() -> None:
    freeze(save())
    before = selectors.live_records()[0]
    window = scopes.windows().get()
    scope_services.save_window(actor=SYSTEM, spec=NIGHT, window_id=window.pk)
    assert selectors.live_records()[0] == before


def test_a_draft_that_is_not_there_cannot_be_frozen() -> None:
    with pytest.raises(DraftNotFoundError):
        services.freeze_version(
            actor=BERT, draft_id=uuid.uuid4(), expected_digest="", request_id=REQUEST
        )


def test_the_first_editor_after_a_freeze_is_the_next_author() -> None:
    draft = save(ANNA)
    draft = edit(draft, BERT, owner="Second")
    assert (draft.author_name, draft.last_editor_name) == ("anna", "bert")
    freeze(draft)
    draft = edit(draft, BERT, owner="Third")
    assert (draft.author_name, draft.author_id) == ("bert", uuid.UUID(BERT.id))


def test_only_changed_drafts_can_be_proposed() -> None:
    draft = save()
    assert list(selectors.open_drafts()) == [draft]
    freeze(draft)
    assert list(selectors.open_drafts()) == []
    edit(draft, owner="Other team")
    assert list(selectors.open_drafts()) == [draft]


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_itself_keeps_versions_as_they_are(act: str) -> None:
    freeze(save())
    rows = PolicyVersion.objects.all()
    refused = pytest.raises(Exception, match=r"permission denied|immutable")
    with refused as error, transaction.atomic():
        rows.update(number=7) if act == "update" else rows._raw_delete("default")
    assert not isinstance(error.value, IntegrityError) or "immutable" in str(
        error.value
    )


def test_another_tenant_sees_no_policy(other_tenant: Tenant) -> None:
    draft = save()
    freeze(draft)
    with tenant_scope(other_tenant.pk):
        assert not selectors.policies().exists()
        assert not selectors.versions().exists()
        with pytest.raises(DraftNotFoundError):
            selectors.draft_by_id(draft.pk)
        assert [r.type.value for r in selectors.live_records()] == ["schema"]


def test_what_a_policy_refers_to_cannot_be_deleted() -> None:
    window, location = scopes.windows().get(), scopes.locations().get()
    draft = save(windows=["office-hours"], locations=["office"])
    with pytest.raises(InUseError, match=r"\(draft\)"):
        scope_services.delete_window(actor=ANNA, window_id=window.pk)
    freeze(draft)
    edit(draft, windows=[], locations=[])
    with pytest.raises(InUseError, match=r"\(live version 1\)"):
        scope_services.delete_location(actor=ANNA, location_id=location.pk)
    draft.refresh_from_db()
    draft.policy.state = PolicyState.RETIRED
    draft.policy.save()
    scope_services.delete_window(actor=ANNA, window_id=window.pk)
    scope_services.delete_location(actor=ANNA, location_id=location.pk)
    assert not scopes.windows().exists()


def test_what_a_policy_names_is_enough_to_compile_it() -> None:
    draft = save()
    content = parse_content(draft.content)
    assert isinstance(content, PolicyContent)
    narrow, wide = (
        compile_policy(content, catalogue, policy_id=draft.policy.slug)
        for catalogue in (selectors.catalogue_of(content), selectors.catalogue())
    )
    assert narrow == wide
    assert isinstance(narrow, CompiledPolicy)
    assert narrow.digest == draft.digest
