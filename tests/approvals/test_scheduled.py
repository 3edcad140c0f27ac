"""When something scheduled begins is said in the zone of its windows, and how long."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.choices import ItemKind
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.policies.models import Policy
from apps.policies.selectors import effective_at
from apps.scopes import services as scopes
from apps.scopes.rules import WindowSpec
from apps.scopes.selectors import zone_to_tell
from tests.approvals.test_admin import client_of
from tests.factories.approvals import CONTENT, People, prove
from tests.factories.changes import make_set, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def scheduled(people: People, draft_id: uuid.UUID) -> ApprovalRequest:
    """Return an approved request whose policy begins to count in two days."""
    del draft_id
    ada = people("ada", "security_admin", "approver").user
    row = make_set(ada)
    put(ada, row, ItemKind.POLICY, CONTENT | {"name": "Later"})
    at = timezone.now() + dt.timedelta(days=2, minutes=5)
    services.schedule_change_set(actor=actor_for(ada), set_id=row.pk, at=at)
    request = services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    prove(request)
    people("anna").vote(request)
    request.refresh_from_db()
    return request


def test_the_pages_of_request_and_policy_say_when_and_in_how_long(
    scheduled: ApprovalRequest, people: People
) -> None:
    client = client_of(people("ada"))
    policy = Policy.objects.get(slug="later")
    for address in (
        reverse("admin:approvals_approvalrequest_change", args=[scheduled.pk]),
        reverse("admin:policies_policy_change", args=[policy.pk]),
        reverse("policies:timeline", args=[policy.pk]),
    ):
        text = client.get(address).text
        assert f'<time datetime="{scheduled.document["activate_at"][:16]}' in text
        assert "Europe/Berlin</time>, in 2" in text.replace("\xa0", " ")


def test_what_counts_already_is_not_announced(
    scheduled: ApprovalRequest, people: People
) -> None:
    services.cancel_activation(
        actor=actor_for(people("ada").user), request_id=scheduled.pk, reason="Early."
    )
    policy = Policy.objects.get(slug="later")
    page = reverse("admin:policies_policy_change", args=[policy.pk])
    assert "becomes effective" not in client_of(people("ada")).get(page).text


def test_with_windows_in_several_zones_moments_are_told_in_utc(
    draft_id: uuid.UUID,
) -> None:
    del draft_id
    assert zone_to_tell() == "Europe/Berlin"
    scopes.save_window(
        actor=Actor.command("tests"), spec=WindowSpec("night", "Night", "Asia/Tokyo")
    )
    assert zone_to_tell() == "UTC"
    assert zone_to_tell(["night"]) == "Asia/Tokyo"


def test_a_moment_is_later_until_it_comes(draft_id: uuid.UUID) -> None:
    del draft_id
    at = timezone.now()
    assert not effective_at(at, now=at).is_later
    assert effective_at(at, now=at - dt.timedelta(seconds=1)).is_later
