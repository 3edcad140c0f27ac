"""The pages of nodes: tokens are shown once, and revoking asks first."""

from __future__ import annotations

import base64

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.events import Actor
from apps.nodes import services
from apps.nodes.models import JoinToken, Node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient

NEW = "admin:nodes_jointoken_new"
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


@pytest.fixture
def auditor(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("otto", ["auditor"]))


@pytest.fixture
def node(tenant: Tenant) -> Node:
    actor = Actor.command("tests")
    with tenant_scope(tenant.pk):
        token = services.create_join_token(actor=actor, node_name="web-1")
        key = base64.urlsafe_b64encode(b"k" * 32).decode()
        return services.enroll_node(token=token, name="web-1", public_key=key)


def test_a_new_token_is_shown_with_its_command_once_and_not_cached(
    admin: Client, tenant: Tenant
) -> None:
    answer = admin.post(reverse(NEW), {"name": "web-1"})
    assert "portward-agent enroll" in answer.text
    assert f"--tenant {tenant.pk} --name web-1 --token pwj_" in answer.text
    assert "no-store" in answer["Cache-Control"]
    assert "pwj_" not in admin.get(reverse(NEW)).text
    assert "pwj_" not in admin.get(reverse("admin:nodes_jointoken_changelist")).text


def test_a_name_that_is_none_is_refused_beside_the_field(
    admin: Client, tenant: Tenant
) -> None:
    answer = admin.post(reverse(NEW), {"name": "no name"})
    assert "errorlist" in answer.text
    with tenant_scope(tenant.pk):
        assert not JoinToken.objects.exists()


def test_a_name_in_use_is_refused_beside_the_field(admin: Client, node: Node) -> None:
    answer = admin.post(reverse(NEW), {"name": node.name})
    assert "errorlist" in answer.text
    assert "pwj_" not in answer.text


def test_an_auditor_makes_no_token(auditor: Client) -> None:
    assert auditor.post(reverse(NEW), {"name": "web-1"}).status_code == 403


def test_revoking_asks_first(admin: Client, node: Node, tenant: Tenant) -> None:
    url = reverse("admin:nodes_node_revoke", args=[node.pk])
    assert "Revoke web-1" in admin.get(url).text
    with tenant_scope(tenant.pk):
        node.refresh_from_db()
        assert node.state == "active"
    assert admin.post(url).status_code == 302
    with tenant_scope(tenant.pk):
        node.refresh_from_db()
        assert node.state == "revoked"


def test_an_auditor_looks_but_does_not_revoke(auditor: Client, node: Node) -> None:
    page = auditor.get(reverse("admin:nodes_node_change", args=[node.pk]))
    assert page.status_code == 200
    assert "revoke/" not in page.text
    url = reverse("admin:nodes_node_revoke", args=[node.pk])
    assert auditor.post(url).status_code == 403
