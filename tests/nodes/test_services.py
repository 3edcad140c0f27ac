"""Nodes come in with a token and are put out for good."""

from __future__ import annotations

import base64
import uuid

import pytest

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.nodes import selectors, services
from apps.nodes.choices import NodeState
from apps.nodes.errors import (
    JoinTokenError,
    NodeNameError,
    NodeNameTakenError,
    NodeNotFoundError,
    PublicKeyError,
)
from apps.nodes.models import JoinToken, Node
from apps.outbox.models import OutboxMessage
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("tests")
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_tenant")]


def enroll(name: str = "web-1", token: str = "", key: str = KEY) -> Node:
    token = token or services.create_join_token(actor=ACTOR, node_name=name)
    return services.enroll_node(token=token, name=name, public_key=key)


def actions() -> list[str]:
    return list(
        AuditEntry.objects.order_by("sequence").values_list("action", flat=True)
    )


def test_only_the_hash_of_a_token_is_kept() -> None:
    token = services.create_join_token(actor=ACTOR, node_name="web-1")
    row = JoinToken.objects.values().get()
    assert token not in str(row)
    assert token not in str(list(AuditEntry.objects.values()))


def test_enrolling_uses_the_token_up_and_tells_the_trail_and_the_outbox() -> None:
    node = enroll()
    assert JoinToken.objects.get().used_at is not None
    assert selectors.node_key(node.pk) == b"k" * 32
    assert actions() == ["node.token_created", "node.enrolled"]
    message = OutboxMessage.objects.get(topic="nodes.changed")
    assert message.payload == {"node": str(node.pk)}


def test_a_node_joins_the_groups_of_its_token() -> None:
    services.ensure_group(actor=ACTOR, slug="edge", name="Edge")
    token = services.create_join_token(
        actor=ACTOR, node_name="web-1", groups=["edge", "unknown"]
    )
    groups = enroll(token=token).groups.values_list("slug", flat=True)
    assert list(groups) == ["edge"]


def test_making_a_group_again_returns_it() -> None:
    first = services.ensure_group(actor=ACTOR, slug="edge", name="Edge")
    assert services.ensure_group(actor=ACTOR, slug="edge", name="Other") == first
    assert actions() == ["node_group.created"]


def test_a_key_that_is_none_does_not_use_the_token_up() -> None:
    token = services.create_join_token(actor=ACTOR, node_name="web-1")
    with pytest.raises(PublicKeyError):
        enroll(token=token, key="short")
    assert enroll(token=token).state == NodeState.ACTIVE


@pytest.mark.parametrize("name", ["web-2", "web-1\0", "web-1\n"])
def test_a_token_is_for_its_name_only(name: str) -> None:
    token = services.create_join_token(actor=ACTOR, node_name="web-1")
    with pytest.raises(JoinTokenError):
        enroll(name, token)


def test_a_token_is_good_in_its_tenant_only(other_tenant: Tenant) -> None:
    token = services.create_join_token(actor=ACTOR, node_name="web-1")
    with tenant_scope(other_tenant.pk), pytest.raises(JoinTokenError):
        enroll(token=token)


def test_a_name_that_is_none_gets_no_token() -> None:
    with pytest.raises(NodeNameError):
        services.create_join_token(actor=ACTOR, node_name="Web 1")


def test_a_name_in_use_gets_no_token_until_its_node_is_revoked() -> None:
    node = enroll()
    with pytest.raises(NodeNameTakenError):
        services.create_join_token(actor=ACTOR, node_name="web-1")
    services.revoke_node(actor=ACTOR, node_id=node.pk)
    assert enroll().pk != node.pk


def test_the_second_of_two_tokens_for_one_name_is_refused() -> None:
    first, second = (
        services.create_join_token(actor=ACTOR, node_name="web-1") for _ in range(2)
    )
    enroll(token=first)
    with pytest.raises(NodeNameTakenError):
        enroll(token=second)


def test_a_revoked_node_has_no_key_and_stays_on_record() -> None:
    node = enroll()
    services.revoke_node(actor=ACTOR, node_id=node.pk)
    node.refresh_from_db()
    assert selectors.node_key(node.pk) is None
    assert node.revoked_at is not None
    assert selectors.revoked_since(node.revoked_at) == [node.pk]
    assert not selectors.active_nodes().exists()


def test_revoking_again_changes_nothing() -> None:
    node = enroll()
    services.revoke_node(actor=ACTOR, node_id=node.pk)
    services.revoke_node(actor=ACTOR, node_id=node.pk)
    assert actions().count("node.revoked") == 1


def test_an_unknown_node_cannot_be_revoked() -> None:
    with pytest.raises(NodeNotFoundError):
        services.revoke_node(actor=ACTOR, node_id=uuid.uuid4())
