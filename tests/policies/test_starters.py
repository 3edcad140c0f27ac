"""Policies to start from compile against the demo tenant as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.policies import selectors
from apps.policies.rules import CompiledPolicy, parse_content
from apps.policies.services.drafts import compile_content
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.tenant_file import load_tenant
from tests.factories.access import SYSTEM

MOST_PER_ROW = 12


@pytest.mark.django_db
def test_every_template_compiles_against_the_demo() -> None:
    load_tenant(actor=SYSTEM, path=Path("demo/acme.yaml"))
    with tenant_scope(Tenant.objects.get(slug="acme").pk):
        catalogue = selectors.catalogue()
        for starter in selectors.starters():
            compiled = compile_content(dict(starter.content), catalogue, starter.slug)
            assert isinstance(compiled, CompiledPolicy)


def test_there_are_twelve_that_say_what_they_do() -> None:
    found = selectors.starters()
    assert len(found) == MOST_PER_ROW
    for starter in found:
        assert not isinstance(parse_content(starter.content), list), starter.slug
        assert starter.spans
        assert starter.fill_in
