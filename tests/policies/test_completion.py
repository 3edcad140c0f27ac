"""What an expert is offered while typing: the tenant's own, of the asked type."""

from __future__ import annotations

import pytest

from apps.policies import selectors
from apps.policies.rules import Pick
from apps.roles import services as roles
from apps.roles.rules import EntrySpec
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_tenant")]


def offered(kind: Pick, type_name: str, text: str = "") -> list[str]:
    found = selectors.choices_of_type(kind, type_name, text)
    return [choice.value for choice in found]


def test_entities_are_those_of_the_type_that_was_written() -> None:
    build_access()
    spec = EntrySpec(EntityRef("User", "developer-in-chief"))
    roles.save_principal(actor=SYSTEM, spec=spec)
    assert offered(Pick.PRINCIPALS, "Role", "develop") == ["Role::developer"]
    assert offered(Pick.PRINCIPALS, "User", "develop") == ["User::developer-in-chief"]
    assert offered(Pick.RESOURCES, "Namespace", "sho") == ["Namespace::shop"]
    assert offered(Pick.RESOURCES, "ResourceGroup", "sho") == []
    assert "deploy" in offered(Pick.ACTIONS, "Action", "depl")


def test_types_and_zones_are_those_of_the_tenant() -> None:
    assert selectors.completions()["zones"] == []
    build_access()
    found = selectors.completions()
    assert "Namespace" in found["types"]
    assert found["zones"] == ["Europe/Berlin"]
