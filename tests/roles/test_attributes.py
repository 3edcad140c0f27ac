"""Attributes that are limited to certain values."""

from __future__ import annotations

import pytest

from apps.roles import selectors, services
from apps.roles.errors import AttributeValueError, AttributeValueInUseError
from apps.roles.rules import AttributeLimits, EntrySpec
from apps.tenants.models import Tenant
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access


@pytest.fixture(autouse=True)
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    return in_tenant


def limit(*values: str, kind: str = "string", name: str = "stage") -> None:
    services.define_attribute(
        actor=SYSTEM,
        entity_type="Node",
        name=name,
        kind=kind,
        limits=AttributeLimits("inventory", values, 3600),
    )


def test_source_values_and_freshness_are_kept() -> None:
    limit("live", "test")
    row = selectors.attribute_definitions().get(name="stage")
    assert (row.source, row.values, row.freshness) == (
        "inventory",
        ["live", "test"],
        3600,
    )


def test_a_value_outside_the_allowed_ones_is_refused() -> None:
    limit("live", "test")
    entry = EntrySpec(EntityRef("Node", "web-2"), "", {"stage": "prod"})
    with pytest.raises(AttributeValueError) as refused:
        services.save_resource(actor=SYSTEM, spec=entry)
    assert refused.value.field == "attributes.stage"


def test_a_value_in_use_stays_allowed() -> None:
    with pytest.raises(AttributeValueInUseError):
        limit("test")


def test_a_number_is_not_limited_to_texts() -> None:
    with pytest.raises(AttributeValueError) as refused:
        limit("1", kind="long", name="cores")
    assert refused.value.field == "values"


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(AttributeValueError) as refused:
        services.define_attribute(
            actor=SYSTEM,
            entity_type="Node",
            name="zone",
            kind="string",
            limits=AttributeLimits("hearsay"),
        )
    assert refused.value.field == "source"
