"""Mia, who may ask, and Anna and Ben, who may approve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.accounts.services import settle_refusals
from apps.elevations.models import Eligibility
from apps.tenants.models import Tenant
from tests.factories.approvals import People, Person
from tests.factories.elevations import build_roles, make_principal, offer


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    found = People(tenant, tmp_path)
    yield found
    settle_refusals()


@pytest.fixture
def mia(in_tenant: Tenant, people: People) -> Person:  # noqa: ARG001
    build_roles()
    for name in ("anna", "ben"):
        people(name)
    person = people("mia", "member")
    make_principal(person)
    return person


@pytest.fixture
def eligibility(mia: Person) -> Eligibility:
    return offer(mia.user.principals.get())
