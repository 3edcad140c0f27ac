"""Rows lead to the questions about them, with the form filled in."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.roles.models import Assignment, Principal, Resource, Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.accounts import MakeUser, SignedInClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


@pytest.mark.parametrize(
    ("model", "name", "address"),
    [
        (Principal, "principal", "/admin/access/what/?ask=1&amp;principal=User::alice"),
        (Principal, "principal", "/admin/access/explain/?principal=User::alice"),
        (Resource, "resource", "/admin/access/who/?resource=Node::web-1"),
        (Assignment, "assignment", "/admin/access/what/?ask=1&amp;principal=User::"),
        (Role, "role", "/admin/access/explain/"),
    ],
)
def test_a_row_leads_to_the_questions_about_it(
    admin: Client, tenant: Tenant, model: type[Role], name: str, address: str
) -> None:
    keys = {"principal": {"key": "alice"}, "resource": {"key": "web-1"}}
    with tenant_scope(tenant.pk):
        build_access()
        row = model._default_manager.filter(**keys.get(name, {})).first()
    assert row is not None

    text = admin.get(reverse(f"admin:roles_{name}_change", args=[row.pk])).text

    assert f'href="{address}' in text
