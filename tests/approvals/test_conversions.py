"""Standing assignments become rights to ask for the role, after an approval."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.errors import ProposeForbiddenError, RequestInvalidError
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.conversions import Conversion
from apps.core.errors import PortwardError
from apps.distribution.models import GrantUse
from apps.elevations.models import Eligibility
from apps.roles import services as roles
from apps.roles.models import Assignment, Principal, Role
from apps.tenants.models import Tenant
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import SignedInClient
from tests.factories.approvals import People

pytestmark = pytest.mark.django_db
SPEC = Conversion("developer", "Deploy to the shop", 30, "Hardly anybody uses it.")


@pytest.fixture
def held(in_tenant: Tenant, people: People) -> Assignment:  # noqa: ARG001
    """Return what alice holds for good; anna could approve, olga asks."""
    build_access()
    people("anna")
    people("olga", "security_admin")
    row = Principal.objects.get(key="alice")
    user = people("alice", "member").user
    roles.link_person(actor=SYSTEM, principal_id=row.pk, user_id=user.pk)
    return Assignment.objects.get(principal=row)


def asked(people: People, *ids: uuid.UUID, **changes: Any) -> ApprovalRequest:
    return services.request_conversion(
        actor=actor_for(people("olga").user),
        spec=Conversion(**{**vars(SPEC), **changes}),
        assignment_ids=ids,
    )


def test_nothing_changes_before_the_approval(held: Assignment, people: People) -> None:
    request = asked(people, held.pk)

    held.refresh_from_db()
    assert held.revoked_at is None
    assert not Eligibility.objects.exists()
    (line,) = request.document["subject"]["document"]["convert"]
    assert (line["name"], line["assignment"]) == ("Alice", str(held.pk))


def test_an_approval_ends_what_is_held_and_offers_it_instead(
    held: Assignment, people: People
) -> None:
    request = asked(people, held.pk)

    people("anna").vote(request)

    held.refresh_from_db()
    offer = Eligibility.objects.get()
    assert held.revoked_at is not None
    assert str(request.pk) in held.revoked_reason
    assert (offer.principal_id, offer.role_id) == (held.principal_id, held.role_id)
    assert (offer.max_minutes, offer.purpose) == (30, SPEC.purpose)


def test_what_was_revoked_meanwhile_is_not_offered(
    held: Assignment, people: People
) -> None:
    request = asked(people, held.pk)
    roles.revoke_assignment(actor=SYSTEM, assignment_id=held.pk, reason="Left.")

    people("anna").vote(request)

    assert not Eligibility.objects.exists()


def test_who_holds_the_role_does_not_decide(held: Assignment, people: People) -> None:
    request = asked(people, held.pk)

    with pytest.raises(PortwardError):
        people("alice").vote(request)


def test_only_a_security_admin_asks(held: Assignment, people: People) -> None:
    with pytest.raises(ProposeForbiddenError):
        services.request_conversion(
            actor=actor_for(people("alice").user), spec=SPEC, assignment_ids=[held.pk]
        )


def test_what_is_not_there_is_refused(held: Assignment, people: People) -> None:
    with pytest.raises(RequestInvalidError):
        asked(people, held.pk, uuid.uuid4())


def test_longer_than_the_tier_allows_is_refused(
    held: Assignment, people: People
) -> None:
    with pytest.raises(PortwardError, match="minutes"):
        asked(people, held.pk, minutes=100_000)


def test_the_page_counts_use_names_people_and_opens_the_request(
    held: Assignment, people: People, signed_in_client: SignedInClient
) -> None:
    client: Client = signed_in_client(people("olga").user)
    page = reverse("dashboard:standing")
    url = reverse("dashboard:convert", args=[Role.objects.get(slug="developer").pk])

    assert "0 of 1 used it in 90 days" in client.get(page).text
    assert "Alice" in client.get(url).text
    answer = client.post(
        url,
        {
            "held": [str(held.pk)],
            "purpose": "Deploy",
            "minutes": "30",
            "reason": "Hardly anybody uses it.",
        },
    )
    opened = ApprovalRequest.objects.get()
    assert answer.status_code == 302
    assert str(opened.pk) in answer["Location"]
    assert "Alice" in client.get(answer["Location"]).text
    GrantUse.objects.create(
        tenant_id=held.tenant_id,
        assignment_id=held.pk,
        last_at=timezone.now(),
        count=1,
    )
    assert "1 of 1 used it in 90 days" in client.get(page).text
