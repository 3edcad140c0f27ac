"""Roles go out to a file and come in again: strictly, all of them or none."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEntry
from apps.roles import rules, selectors, services
from apps.roles.errors import RoleFileInvalidError, RoleTierError
from apps.roles.models import Permission, Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import Permission as Held
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient

FILE = """
version: 1
catalogue:
  Vault: {open: admin}
roles:
  - slug: child
    name: Child
    tier: admin
    permissions: {Vault: [open]}
    parents: [parent]
  - slug: parent
    name: Parent
    tier: operator
"""


def test_parents_are_read_before_their_children() -> None:
    file = rules.read_roles(FILE)
    assert [spec.slug for spec in file.roles] == ["parent", "child"]
    assert file.catalogue == {Held("open", "Vault"): "admin"}


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("version: 1", "version: 2", "version"),
        ("version: 1", "version: 1\nversion: 1", "file"),
        ("open: admin", "open: root", "catalogue.Vault.open"),
        ("name: Child", "nme: Child", "roles[0].nme"),
        ("tier: admin\n", "tier: [admin]\n", "roles[0].tier"),
        ("[open]", "open", "roles[0].permissions.Vault"),
        ("slug: parent", "slug: child", "roles"),
        ("tier: operator", "tier: operator\n    parents: [child]", "roles"),
        ("[parent]", "&a [parent]\n    name: *a", "file"),
        ("roles:", "rules:", "file.rules"),
    ],
)
def test_what_is_not_known_is_refused_with_its_path(
    old: str, new: str, path: str
) -> None:
    assert old in FILE
    with pytest.raises(RoleFileInvalidError) as caught:
        rules.read_roles(FILE.replace(old, new, 1))
    assert caught.value.field == path


def test_a_file_too_large_is_not_read() -> None:
    with pytest.raises(RoleFileInvalidError):
        rules.read_roles("# " + "x" * 300_000)


def load(text: str, *, is_dry_run: bool = False) -> list[str]:
    found = services.import_roles(
        actor=SYSTEM, file=rules.read_roles(text), is_dry_run=is_dry_run
    )
    return [f"{change.slug} {change.kind}" for change in found]


@pytest.mark.django_db
@pytest.mark.usefixtures("in_tenant")
class TestImport:
    """Within a tenant."""

    def test_an_import_writes_roles_and_what_the_catalogue_lacks(self) -> None:
        assert load(FILE) == ["parent new", "child new"]
        assert Permission.objects.get(action="open").tier == "admin"
        assert selectors.role_graph()["child"].parents == ("parent",)

    def test_a_second_import_changes_nothing(self) -> None:
        load(FILE)
        before = AuditEntry.objects.count()
        assert load(FILE) == ["parent same", "child same"]
        assert AuditEntry.objects.count() == before

    def test_a_dry_run_says_the_same_and_writes_nothing(self) -> None:
        assert load(FILE, is_dry_run=True) == ["parent new", "child new"]
        assert not Role.objects.exists()
        assert not AuditEntry.objects.filter(action__startswith="role").exists()

    @pytest.mark.parametrize("is_dry_run", [True, False])
    def test_one_refused_role_keeps_all_out(self, is_dry_run: bool) -> None:  # noqa: FBT001
        wrong = FILE.replace("tier: admin\n", "tier: read_only\n", 1)
        with pytest.raises(RoleTierError):
            load(wrong, is_dry_run=is_dry_run)
        assert not Role.objects.exists()

    def test_a_file_does_not_change_the_tier_of_what_is_known(self) -> None:
        load(FILE)
        load(FILE.replace("open: admin", "open: operator"))
        assert Permission.objects.get(action="open").tier == "admin"

    @pytest.mark.parametrize("kind", rules.FORMATS)
    def test_what_goes_out_comes_in_again_as_it_was(self, kind: str) -> None:
        build_access()
        before = selectors.role_specs()
        text = rules.write_roles(before.values(), selectors.catalogue_tiers(), kind)
        assert set(load(text)) == {f"{slug} same" for slug in before}
        assert {s.slug: s for s in rules.read_roles(text).roles}.keys() == before.keys()

    @pytest.mark.parametrize("starter", selectors.starters(), ids=lambda s: s.slug)
    def test_every_template_can_be_imported_into_an_empty_tenant(
        self, starter: selectors.Starter
    ) -> None:
        assert all(line.endswith("new") for line in load(starter.text))
        assert starter.title


def test_there_are_eight_templates() -> None:
    assert len(selectors.starters()) >= 8


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


@pytest.mark.django_db
def test_the_page_shows_what_would_change_before_it_is_written(
    admin: Client, tenant: Tenant
) -> None:
    page = reverse("admin:roles_role_import")
    shown = admin.post(page, {"text": FILE})
    assert "What would change" in shown.text
    with tenant_scope(tenant.pk):
        assert not Role.objects.exists()
    written = admin.post(page, {"text": FILE, "write": "1"}, follow=True)
    assert "Imported: 2 new, 0 changed, 0 same." in written.text


@pytest.mark.django_db
def test_what_is_refused_stays_in_the_field(admin: Client) -> None:
    page = reverse("admin:roles_role_import")
    text = admin.post(page, {"text": FILE.replace("version: 1", "version: 9")}).text
    assert "version: The version is 1." in text
    assert "slug: parent" in text


@pytest.mark.django_db
def test_a_template_fills_the_field(admin: Client) -> None:
    text = admin.get(reverse("admin:roles_role_import"), {"from": "on-call"}).text
    assert "slug: on-call" in text


@pytest.mark.django_db
def test_roles_are_downloaded_as_json(admin: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        load(FILE)
    answer = admin.get(reverse("admin:roles_role_export", args=["json"]))
    assert answer["Content-Disposition"] == 'attachment; filename="roles.json"'
    assert [role["slug"] for role in json.loads(answer.content)["roles"]] == [
        *("child", "parent")
    ]
