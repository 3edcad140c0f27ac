"""What delegates see and do in the console and over REST, and what they cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import grant_membership
from apps.audit.models import AuditEntry
from apps.roles import services
from apps.roles.models import ObjectGrant, Role
from apps.roles.rules import EntrySpec, RoleSpec
from apps.signin.rules.operations import Operation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser, SignedInClient, make_user
from tests.factories.clients import token_of
from tests.factories.grants import delegate
from tests.roles.test_api import change
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program

__all__ = ["alice", "visitor_for"]
READER = {
    "slug": "reader",
    "name": "Readers",
    "tier": "read_only",
    "permissions": ["Namespace::read"],
}


@pytest.fixture
def access(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
        services.save_role(actor=SYSTEM, spec=RoleSpec("viewer", "Viewer", "read_only"))
    return tenant


@pytest.fixture
def olga(access: Tenant, make_user: MakeUser) -> User:
    """Return a member who may change and add roles of the lowest tier."""
    user = make_user("olga", ["member"])
    with tenant_scope(access.pk):
        for action in ("change", "add"):
            delegate(user, action, "roles.Role", {"tier": "read_only"})
    return user


@pytest.fixture
def client(olga: User, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(olga)


def address(page: str, *args: object, model: str = "role") -> str:
    return reverse(f"admin:roles_{model}_{page}", args=args)


def of(tenant: Tenant, slug: str) -> Role:
    with tenant_scope(tenant.pk):
        return Role.objects.get(slug=slug)


class TestConsole:
    def test_a_list_shows_what_one_may_see_and_no_more(self, client: Client) -> None:
        text = client.get(address("changelist")).content.decode()
        assert "Reader" in text
        assert "Viewer" in text
        assert "Developer" not in text
        found = client.get(address("changelist"), {"q": "developer"})
        assert found.context["cl"].result_count == 0

    def test_a_list_without_a_right_stays_closed(self, client: Client) -> None:
        for model in ("resource", "principalgroup", "objectgrant"):
            expected = 200 if model == "objectgrant" else 403
            answer = client.get(address("changelist", model=model))
            assert answer.status_code == expected, model

    def test_what_is_not_ones_own_is_not_there(
        self, access: Tenant, client: Client
    ) -> None:
        page = address("change", of(access, "developer").pk)
        assert client.get(page).status_code == 404
        assert client.post(page, READER).status_code == 404

    def test_what_is_ones_own_is_changed(self, access: Tenant, client: Client) -> None:
        page = address("change", of(access, "reader").pk)
        assert client.get(page).status_code == 200
        assert client.post(page, READER).status_code == 302
        assert of(access, "reader").name == "Readers"

    def test_what_may_only_be_seen_is_not_changed(
        self, access: Tenant, make_user: MakeUser, signed_in_client: SignedInClient
    ) -> None:
        vera = make_user("vera", ["member"])
        with tenant_scope(access.pk):
            delegate(vera, "view", Role.objects.get(slug="reader"))
        client = signed_in_client(vera)
        page = address("change", of(access, "reader").pk)
        assert client.get(page).context["may_change"] is False
        assert client.post(page, READER).status_code == 403

    def test_nothing_is_moved_out_of_ones_scope(
        self, access: Tenant, client: Client
    ) -> None:
        page = address("change", of(access, "reader").pk)
        answer = client.post(page, READER | {"tier": "operator"})
        assert answer.status_code == 200
        assert "outside of what you may change" in answer.content.decode()
        assert of(access, "reader").tier == "read_only"
        with tenant_scope(access.pk):
            trail = AuditEntry.objects.filter(actor_name="olga", target_id="reader")
            assert not trail.exists()

    def test_only_what_fits_is_added(self, access: Tenant, client: Client) -> None:
        new = READER | {"slug": "looker", "name": "Looker"}
        refused = client.post(address("add"), new | {"tier": "admin"})
        assert refused.status_code == 200
        with tenant_scope(access.pk):
            assert not Role.objects.filter(slug="looker").exists()
        assert client.post(address("add"), new).status_code == 302

    @pytest.mark.parametrize("page", ["tree", "import"])
    def test_pages_about_all_roles_stay_closed(self, client: Client, page: str) -> None:
        assert client.get(address(page)).status_code == 403

    def test_an_import_is_not_a_way_around(self, client: Client) -> None:
        answer = client.post(address("import"), {"text": "roles: []"})
        assert answer.status_code == 403

    def test_a_right_is_not_given_or_seen_by_who_may_not(
        self, access: Tenant, make_user: MakeUser, client: Client
    ) -> None:
        paul = make_user("paul", ["member"])
        with tenant_scope(access.pk):
            others = delegate(paul, "view", Role.objects.get(slug="reader"))
        model = "objectgrant"
        assert client.get(address("add", model=model)).status_code == 403
        assert client.get(address("change", others.pk, model=model)).status_code == 404
        revoke = address("revoke", others.pk, model=model)
        assert client.post(revoke, {"reason": "No."}).status_code == 404
        rows = client.get(address("changelist", model=model)).context["cl"].result_list
        assert {row.user.username for row in rows} == {"olga"}

    def test_the_own_page_names_what_one_administers(self, client: Client) -> None:
        text = client.get("/access/administering/").content.decode()
        assert "Roles where tier is read_only" in text
        assert address("changelist") in text
        assert "Administering" in client.get("/access/").content.decode()

    def test_who_administers_nothing_is_told_so(
        self, make_user: MakeUser, signed_in_client: SignedInClient
    ) -> None:
        client = signed_in_client(make_user("nina", ["member"]))
        assert (
            "Nothing is delegated"
            in client.get("/access/administering/").content.decode()
        )
        assert "Administering" not in client.get("/access/").content.decode()


class TestGranting:
    @pytest.fixture
    def anna(self, make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
        return signed_in_client(make_user("anna", ["security_admin"]))

    def form(self, olga: User, **more: str) -> dict[str, str]:
        return {
            "model": "roles.role",
            "holder": f"user:{olga.pk}",
            "action": "view",
            "constraint": '{"tier": "operator"}',
            "until": "2026-12-31 08:00",
            "reason": "She answers for them.",
        } | more

    def test_it_is_given_shown_and_revoked(
        self, access: Tenant, anna: Client, olga: User
    ) -> None:
        page = address("add", model="objectgrant")
        assert "Policies" in anna.get(page).content.decode()
        assert "startswith" in anna.get(page, {"model": "roles.role"}).content.decode()
        made = anna.post(page, self.form(olga))
        assert made.status_code == 302, made.context["form"].errors
        shown = anna.get(made["Location"]).content.decode()
        assert "roles where tier is operator" in shown
        assert "Developer" in shown
        assert "style=" not in shown
        with tenant_scope(access.pk):
            row = ObjectGrant.objects.get(reason="She answers for them.")
        revoke = address("revoke", row.pk, model="objectgrant")
        assert anna.post(revoke, {"reason": "Enough."}).status_code == 302
        with tenant_scope(access.pk):
            row.refresh_from_db()
        assert row.revoked_reason == "Enough."

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"constraint": '{"tier": "root"}'}, "constraint"),
            ({"constraint": '{"tenant": "x"}'}, "constraint"),
            ({"constraint": "tier"}, "constraint"),
            ({"constraint": ""}, "constraint"),
            ({"until": "2020-01-01 00:00"}, "until"),
            ({"holder": ""}, "holder"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, anna: Client, olga: User, more: dict[str, str], field: str
    ) -> None:
        page = address("add", model="objectgrant")
        answer = anna.post(page, self.form(olga, **more))
        assert answer.status_code == 200
        assert list(answer.context["form"].errors) == [field]

    def test_an_admin_does_not_give_to_themselves(
        self, access: Tenant, anna: Client
    ) -> None:
        me = User.objects.get(username="anna")
        page = address("add", model="objectgrant")
        answer = anna.post(page, self.form(me))
        assert "holder" in answer.context["form"].errors
        with tenant_scope(access.pk):
            assert not ObjectGrant.objects.filter(user=me).exists()

    @pytest.mark.parametrize("name", ["accounts.membership", "roles.objectgrant", "x"])
    def test_nothing_else_is_on_offer(self, anna: Client, name: str) -> None:
        page = address("add", model="objectgrant")
        assert anna.get(page, {"model": name}).status_code == 404

    def test_the_page_of_a_person_says_what_they_administer(
        self, access: Tenant, anna: Client, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            place = olga.memberships.get()
        page = reverse("admin:accounts_membership_change", args=[place.pk])
        assert "Roles where tier is read_only" in anna.get(page).content.decode()

    def test_a_list_asks_as_much_for_many_as_for_few(
        self,
        access: Tenant,
        anna: Client,
        olga: User,
        django_assert_max_num_queries: Any,
    ) -> None:
        with tenant_scope(access.pk):
            services.save_resource(
                actor=SYSTEM, spec=EntrySpec(EntityRef("Node", "web-9"))
            )
            for role in Role.objects.all():
                delegate(olga, "view", role)
        page = address("changelist", model="objectgrant")
        with django_assert_max_num_queries(36):
            assert anna.get(page).status_code == 200


class TestRest:
    @pytest.fixture
    def delegate_program(self, access: Tenant, alice: Visitor) -> Program:
        """Return a program of a plain member with rights on the lowest tier."""
        # Every tenant keeps a security admin.
        make_user("zoe", ["security_admin"], tenant=access)
        with tenant_scope(access.pk):
            grant_membership(actor=SYSTEM, user=alice.user, roles=["member"])
            alice.user = User.objects.get(pk=alice.user.pk)
            for action in ("change", "add"):
                delegate(alice.user, action, "roles.Role", {"tier": "read_only"})
            scopes = sorted({"roles.read", "roles.write", "operations.confirm"})
        return Program(token_of(access, alice.user, scopes=scopes))

    def test_lists_and_rows_are_narrowed(
        self, access: Tenant, delegate_program: Program
    ) -> None:
        rows = delegate_program.send("GET", "/api/v1/roles").json()["results"]
        assert {row["slug"] for row in rows} == {"reader", "viewer"}
        hidden = f"/api/v1/roles/{of(access, 'developer').pk}"
        assert delegate_program.send("GET", hidden).status_code == 404

    @pytest.mark.parametrize(
        "path",
        [
            "resources",
            "groups",
            "principals",
            "assignments",
            "role-file",
            "permissions",
        ],
    )
    def test_the_token_opens_nothing_else(
        self, delegate_program: Program, path: str
    ) -> None:
        answer = delegate_program.send("GET", f"/api/v1/{path}")
        assert answer.status_code == 403, answer.content

    def test_changes_stay_within_the_scope(
        self, access: Tenant, delegate_program: Program, alice: Visitor
    ) -> None:
        path = f"/api/v1/roles/{of(access, 'reader').pk}"
        tag = delegate_program.send("GET", path)["ETag"]
        body = {"slug": "reader", "name": "Readers", "tier": "read_only"}
        call = ("PUT", path)
        beyond = change(delegate_program, alice, call, body | {"tier": "operator"}, tag)
        assert beyond.status_code == 403
        assert beyond.json()["code"] == "core.out_of_scope"
        assert of(access, "reader").tier == "read_only"
        assert change(delegate_program, alice, call, body, tag).status_code == 200
        hidden = ("PUT", f"/api/v1/roles/{of(access, 'developer').pk}")
        assert change(delegate_program, alice, hidden, body, tag).status_code == 404

    def test_only_what_fits_is_added(
        self, access: Tenant, delegate_program: Program, alice: Visitor
    ) -> None:
        call = ("POST", "/api/v1/roles")
        body = {"slug": "looker", "name": "Looker", "tier": "admin"}
        assert change(delegate_program, alice, call, body).status_code == 403
        with tenant_scope(access.pk):
            assert not Role.objects.filter(slug="looker").exists()
        made = change(delegate_program, alice, call, body | {"tier": "read_only"})
        assert made.status_code == 201

    def test_a_file_of_roles_is_not_a_way_around(
        self, delegate_program: Program
    ) -> None:
        body = json.dumps({"text": "roles: []", "dry_run": False})
        answer = delegate_program.send("POST", "/api/v1/role-file", body)
        assert answer.status_code == 403

    def test_nobody_gives_themselves_a_right(
        self, delegate_program: Program, alice: Visitor
    ) -> None:
        body = {
            "user_id": str(alice.user.pk),
            "action": "change",
            "model": "roles.Role",
            "constraint": {"tier": "admin"},
            "until": "2026-12-31T08:00:00Z",
            "reason": "I would like to.",
        }
        call = ("POST", "/api/v1/object-grants")
        answer = granted(delegate_program, alice, call, body)
        assert (answer.status_code, answer.json()["code"]) == (
            403,
            "roles.grant_to_self",
        )


def granted(
    program: Program,
    person: Visitor,
    call: tuple[str, str],
    body: dict[str, Any],
    match: str | None = None,
) -> Any:
    operation = Operation.DELEGATE_RIGHTS
    return change(program, person, call, body, match, operation=operation)


class TestGrantingOverRest:
    @pytest.fixture
    def program(self, access: Tenant, alice: Visitor) -> Program:
        return Program(token_of(access, alice.user))

    def body(self, user: User, **more: Any) -> dict[str, Any]:
        return {
            "user_id": str(user.pk),
            "action": "change",
            "model": "roles.Role",
            "constraint": {"tier": "operator"},
            "until": "2026-12-31T08:00:00Z",
            "reason": "She answers for them.",
        } | more

    def test_a_right_is_given_read_and_revoked_upon_its_etag(
        self, program: Program, alice: Visitor, olga: User
    ) -> None:
        call = ("POST", "/api/v1/object-grants")
        made = granted(program, alice, call, self.body(olga))
        assert made.status_code == 201, made.content
        path = f"/api/v1/object-grants/{made.json()['id']}"
        read = program.send("GET", path)
        assert read["ETag"] == made["ETag"]
        assert (read.json()["user"], read.json()["state"]) == ("olga", "now")
        end, why = ("POST", f"{path}/revoke"), {"reason": "Enough."}
        assert granted(program, alice, end, why).status_code == 428
        assert granted(program, alice, end, why, '"stale"').status_code == 412
        over = granted(program, alice, end, why, read["ETag"])
        assert (over.status_code, over.json()["state"]) == (200, "revoked")
        again = granted(program, alice, end, why, over["ETag"])
        assert again.json()["code"] == "roles.grant_not_found"

    @pytest.mark.parametrize(
        ("more", "code", "field"),
        [
            (
                {"constraint": {"owner": "x"}},
                "roles.constraint_field",
                "constraint.owner",
            ),
            (
                {"constraint": {"tier__regex": "x"}},
                "roles.constraint_lookup",
                "constraint.tier__regex",
            ),
            ({"constraint": {"tier": 1}}, "roles.constraint_type", "constraint.tier"),
            ({"model": "accounts.User"}, "roles.grant_invalid", "model"),
        ],
    )
    def test_a_refusal_names_the_field_and_a_code(
        self,
        program: Program,
        alice: Visitor,
        olga: User,
        more: dict[str, Any],
        code: str,
        field: str,
    ) -> None:
        call = ("POST", "/api/v1/object-grants")
        answer = granted(program, alice, call, self.body(olga, **more))
        found = answer.json()
        assert (answer.status_code, found["code"], found["field"]) == (400, code, field)

    def test_another_proof_does_not_serve(
        self, program: Program, alice: Visitor, olga: User
    ) -> None:
        call = ("POST", "/api/v1/object-grants")
        refused = change(program, alice, call, self.body(olga))
        assert refused.status_code == 409, refused.content
        assert refused.json()["code"].startswith("signin.")
