"""Kill -9 at every step from a vote to the edges: nothing is lost, nothing doubled."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.approvals import services as approvals
from apps.approvals.choices import RequestKind, RequestState
from apps.approvals.errors import RequestClosedError
from apps.approvals.models import ApprovalRequest, Vote
from apps.approvals.selectors import request_by_id
from apps.audit.models import AuditEntry
from apps.audit.selectors import verify_chain
from apps.bundles import selectors as bundles
from apps.bundles.choices import ReleaseState
from apps.bundles.models import Release, RootMetadata
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import drain
from apps.policies.models import PolicyVersion
from apps.simulation.selectors import live_records
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.fingerprint import state_digest
from tests.factories.approvals import (
    People,
    Person,
    make_draft,
    make_request,
)
from tests.factories.bundles import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

MOMENTS = ("before", "after")
FREEZE = "apps.policies.services:freeze_version"
COMMIT = "django.db.backends.base.base:BaseDatabaseWrapper.commit"
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Journey:
    """What is on its way: a request that one more vote decides."""

    tenant: Tenant
    request: ApprovalRequest
    voter: Person

    def signed(self) -> tuple[uuid.UUID, dict[str, Any]]:
        with tenant_scope(self.tenant.pk):
            return self.voter.sign(self.request)

    def vote(self) -> None:
        with tenant_scope(self.tenant.pk):
            self.voter.vote(self.request)

    def state(self) -> tuple[str, int, int]:
        """Return the request's state, its votes, and the versions of all policies."""
        with tenant_scope(self.tenant.pk):
            state = request_by_id(self.request.pk).state
            return state, Vote.objects.count(), PolicyVersion.objects.count()


@pytest.fixture
def first_journey(tenant: Tenant, tmp_path: Path) -> Journey:
    """Return a journey of a tenant that has neither keys nor releases yet."""
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        anna, ben = people("anna"), people("ben")
        approvals.set_flow(actor=SYSTEM, kind=RequestKind.CHANGE, quorum=2)
        draft_id = make_draft(people("ada", "security_admin").user)
        request = make_request(people("olga", "security_admin").user, draft_id)
        anna.vote(request)
        return Journey(tenant, request, ben)


@pytest.fixture
def journey(first_journey: Journey) -> Journey:
    """Return a journey of a tenant whose first release is out."""
    drain()
    return first_journey


def crash(work: str, moment: str, target: str, **details: object) -> None:
    """Let a process of its own work until the step at which it is killed."""
    database = connection.settings_dict
    owner, folder = quote(database["USER"]), quote(database["HOST"], safe="")
    options = quote(database["OPTIONS"]["options"])
    address = f"{owner}:{quote(database['PASSWORD'])}@{folder}:{database['PORT']}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.crashing", work, moment, target],
        cwd=ROOT,
        input=json.dumps(details, default=str),
        env={
            **os.environ,
            "DATABASE_URL": f"postgresql://{address}/{database['NAME']}"
            f"?options={options}",
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
            "PORTWARD_TEST_DIR": str(settings.PORTWARD_DATA_DIR),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def crash_while_voting(journey: Journey, moment: str, target: str) -> None:
    ceremony_id, credential = journey.signed()
    crash(
        "vote",
        moment,
        target,
        tenant=journey.tenant.pk,
        request=journey.request.pk,
        voter=journey.voter.user.pk,
        ceremony=ceremony_id,
        credential=credential,
    )


def resume(tenant: Tenant) -> None:
    """Let the dead worker's lease run out, and a healthy worker take over."""
    with tenant_scope(tenant.pk):
        OutboxMessage.objects.filter(state=MessageState.LEASED).update(
            leased_until=timezone.now() - dt.timedelta(seconds=1)
        )
    drain()


def assert_arrived_once(journey: Journey) -> None:
    """Hold that the policy is in exactly one release, and that all records agree."""
    assert journey.state() == (RequestState.APPROVED, 2, 1)
    with tenant_scope(journey.tenant.pk):
        releases = list(Release.objects.order_by("revision"))
        assert {release.state for release in releases} == {ReleaseState.SIGNED}
        revisions = [release.revision for release in releases]
        assert revisions == list(range(1, len(releases) + 1))
        with_policy = [r for r in releases if r.manifest["counts"].get("policy")]
        assert with_policy == releases[-1:]
        assert with_policy[0].manifest["counts"]["policy"] == 1
        assert with_policy[0].state_digest == state_digest(live_records())
        assert bundles.verify_newest() == with_policy[0]
        envelope = bundles.envelope()
        assert envelope is not None
        assert envelope.revision == revisions[-1]
        assert RootMetadata.objects.count() == 1
        messages = OutboxMessage.objects.order_by("number")
        assert set(messages.values_list("state", flat=True)) == {MessageState.DONE}
        announced = messages.filter(topic="bundles.release_signed")
        assert [m.payload["revision"] for m in announced] == revisions
        assert verify_chain() > 0
        for action in ("bundles.release_built", "bundles.release_signed"):
            assert AuditEntry.objects.filter(action=action).count() == len(revisions)


@pytest.mark.parametrize(
    ("moment", "target"), [("before", FREEZE), ("after", FREEZE), ("before", COMMIT)]
)
def test_a_vote_killed_before_its_commit_never_happened_and_may_be_repeated(
    journey: Journey, moment: str, target: str
) -> None:
    crash_while_voting(journey, moment, target)
    resume(journey.tenant)
    assert journey.state() == (RequestState.OPEN, 1, 0)
    journey.vote()
    resume(journey.tenant)
    assert_arrived_once(journey)


def test_a_vote_killed_after_its_commit_counts_and_is_not_counted_again(
    journey: Journey,
) -> None:
    crash_while_voting(journey, "after", COMMIT)
    assert journey.state() == (RequestState.APPROVED, 2, 1)
    with pytest.raises(RequestClosedError):
        journey.vote()
    resume(journey.tenant)
    assert_arrived_once(journey)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "target",
    [
        "apps.outbox.services:lease_messages",
        "apps.bundles.handlers:publish",
        "apps.bundles.handlers:build",
        "apps.bundles.adapters:sign_release",
        "apps.bundles.services:store_signature",
        # Its end is the commit of the signatures.
        "apps.bundles.handlers:sign_once",
        "apps.distribution.services:announce_release",
        "apps.outbox.services:_settle",
    ],
)
def test_a_worker_killed_at_a_step_is_followed_by_one_that_finishes(
    journey: Journey, moment: str, target: str
) -> None:
    journey.vote()
    crash("drain", moment, target)
    resume(journey.tenant)
    assert_arrived_once(journey)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "target",
    [
        "apps.bundles.handlers:ensure_tenant_keys",
        "apps.bundles.adapters:sign_root",
        "apps.bundles.services:store_root",
    ],
)
def test_a_worker_killed_while_it_makes_keys_and_root_leaves_one_of_each(
    first_journey: Journey, moment: str, target: str
) -> None:
    first_journey.vote()
    crash("drain", moment, target)
    resume(first_journey.tenant)
    assert_arrived_once(first_journey)
