"""People and requests for the tests of approval."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.accounts.services import settle_refusals
from apps.approvals import services
from apps.approvals.choices import RequestKind
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.tenants.models import Tenant
from tests.factories.approvals import People, make_draft, make_request


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    """Return a maker of members with authenticators."""
    yield People(tenant, tmp_path)
    # What a refused assertion leaves behind belongs to the test that caused it.
    settle_refusals()


@pytest.fixture
def draft_id(in_tenant: Tenant, people: People) -> uuid.UUID:  # noqa: ARG001
    """Return a draft that ada wrote; anna could approve it."""
    people("anna")
    return make_draft(people("ada", "security_admin", "approver").user)


@pytest.fixture
def open_request(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
    draft_id: uuid.UUID,
) -> ApprovalRequest:
    """Return a request that olga opened and that needs two approvals."""
    for name in ("anna", "ben", "cara"):
        people(name)
    services.set_flow(actor=Actor.command("tests"), kind=RequestKind.CHANGE, quorum=2)
    return make_request(people("olga", "security_admin", "approver").user, draft_id)
