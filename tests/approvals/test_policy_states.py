"""What is done to a policy is approved like what it says."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.choices import ItemKind, RequestKind
from apps.approvals.errors import ChangeInvalidError
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.policies.models import Policy, PolicyAct, PolicyVersion
from apps.tenants.models import Tenant
from tests.factories.access import build_access
from tests.factories.approvals import (
    People,
    edit_draft,
    make_draft,
    make_request,
    prove,
)
from tests.factories.changes import (
    make_set,
)

pytestmark = pytest.mark.django_db
SLUG = "office-hours"


@pytest.fixture
def ada(in_tenant: Tenant, people: People) -> User:  # noqa: ARG001
    """Return who writes; anna approves alone."""
    build_access()
    people("anna")
    services.set_flow(actor=Actor.command("tests"), kind=RequestKind.CHANGE, quorum=1)
    return people("ada", "security_admin", "approver").user


def propose(author: User, **content: Any) -> ApprovalRequest:
    row = make_set(author)
    services.put_change(
        actor=actor_for(author),
        set_id=row.pk,
        kind=ItemKind.POLICY_STATE,
        content=content,
        slug=SLUG,
    )
    request = services.submit_change_set(actor=actor_for(author), set_id=row.pk)
    prove(request)
    return request


@pytest.fixture
def live(ada: User, people: People) -> Policy:
    """Return a policy that anna approved."""
    draft_id = make_draft(ada)
    people("anna").vote(make_request(ada, draft_id))
    return Policy.objects.get(slug=SLUG)


def test_a_version_remembers_who_approved_it(live: Policy, people: People) -> None:
    version = live.versions.get()
    anna = people("anna").user
    assert version.approvers == [{"id": str(anna.pk), "name": str(anna)}]


def test_an_approved_set_resumes_what_was_suspended(
    ada: User, live: Policy, people: People
) -> None:
    people("anna").vote(propose(ada, act="suspend", reason="Broken"))
    live.refresh_from_db()
    assert live.state == "suspended"
    request = propose(ada, act="resume", reason="Mended")
    live.refresh_from_db()
    assert live.state == "suspended"
    people("anna").vote(request)
    live.refresh_from_db()
    assert live.state == "live"
    assert PolicyAct.objects.get(act="resume").request_id == request.pk


def test_an_approved_set_rolls_back_to_any_version(
    ada: User, live: Policy, people: People
) -> None:
    first = live.versions.get()
    draft = live.draft
    edit_draft(draft.pk, ada)
    people("anna").vote(make_request(ada, draft.pk))
    request = propose(ada, act="rollback", to_version=1, reason="Bad")
    people("anna").vote(request)
    newest = PolicyVersion.objects.filter(policy=live).latest("number")
    assert (newest.number, newest.digest) == (3, first.digest)
    assert newest.request_id == request.pk
    assert newest.approvers[0]["id"] == str(people("anna").user.pk)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"act": "burn", "reason": "-"}, "act"),
        ({"act": "rollback", "reason": "-"}, "to_version"),
        ({"act": "extend", "reason": "-", "until": "tomorrow"}, "until"),
        ({"act": "suspend", "reason": "-", "why": "-"}, "why"),
    ],
)
@pytest.mark.usefixtures("live")
def test_an_act_that_is_malformed_is_refused(
    ada: User, content: dict[str, Any], field: str
) -> None:
    with pytest.raises(ChangeInvalidError) as refused:
        propose(ada, **content)
    assert refused.value.field == field
