"""What a tenant's file says may be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from apps.accounts.selectors import user_by_username
from apps.elevations.models import Eligibility
from apps.elevations.selectors import eligibilities_of
from apps.roles.selectors import principal_of_user
from apps.tenants.services import tenant_scope
from portal.tenant_file import TenantFileError, load_tenant
from tests.factories.elevations import SYSTEM

pytestmark = pytest.mark.django_db
DEMO = Path(__file__).resolve().parents[2] / "demo" / "acme.yaml"


def test_two_members_of_the_demo_may_ask_for_several_things() -> None:
    loaded = load_tenant(actor=SYSTEM, path=DEMO)
    with tenant_scope(loaded.tenant.pk):
        for name, most in (("priya.nair", 4), ("marek.nowak", 3)):
            principal = principal_of_user(user_by_username(name).pk)
            assert principal is not None
            found = eligibilities_of(principal, timezone.now())
            assert found.count() == most


def test_loading_twice_offers_nothing_twice() -> None:
    load_tenant(actor=SYSTEM, path=DEMO)
    loaded = load_tenant(actor=SYSTEM, path=DEMO)
    with tenant_scope(loaded.tenant.pk):
        assert Eligibility.objects.count() == loaded.counts["eligibilities"]


@pytest.mark.parametrize(
    ("was", "now", "place"),
    [
        ('for: "User::priya.nair"', 'for: "User::nobody"', "eligibilities[0].for"),
        ("role: analyst, for", "role: none, for", "eligibilities[1].role"),
        ("max_minutes: 20", "max_minutes: 31", "eligibilities[0].max_minutes"),
        ("max_minutes: 20", "max_minutes: soon", "eligibilities[0].max_minutes"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(
    tmp_path: Path, was: str, now: str, place: str
) -> None:
    text = DEMO.read_text(encoding="utf-8")
    assert was in text
    changed = tmp_path / "acme.yaml"
    changed.write_text(text.replace(was, now), encoding="utf-8")
    with pytest.raises(TenantFileError) as caught:
        load_tenant(actor=SYSTEM, path=changed)
    assert caught.value.field == place
