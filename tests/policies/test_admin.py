"""The pages of policies, as a security admin and others see them."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.audit.events import Actor
from apps.policies import services
from apps.policies.models import Policy, PolicyDraft
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.accounts import MakeUser, SignedInClient
from tests.policies.test_rules import GOOD

LIST = reverse("admin:policies_policy_changelist")
ADD = reverse("admin:policies_policy_add")
FORM = {
    "name": "Developers deploy",
    "owner": "Platform",
    "effect": "permit",
    "tier": "operator",
    "principals": ["Role::developer"],
    "actions": ["deploy"],
    "resources": ["Namespace::shop"],
    "windows": ["office-hours"],
    "locations": ["office"],
    "condition_0_attribute": "mfa",
    "condition_0_op": ">=",
    "condition_0_value": "2",
    "condition_1_attribute": "country",
    "condition_1_op": "in",
    "condition_1_value": "DE, PT",
}


@pytest.fixture
def access(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
    return tenant


@pytest.fixture
def client(
    access: Tenant,  # noqa: ARG001  # the tenant comes first
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def drafts(tenant: Tenant) -> list[PolicyDraft]:
    with tenant_scope(tenant.pk):
        return list(PolicyDraft.objects.select_related("policy"))


def page_of(policy_id: uuid.UUID) -> str:
    return reverse("admin:policies_policy_change", args=[policy_id])


def test_a_policy_is_written_in_the_form(client: Client, access: Tenant) -> None:
    answer = client.post(ADD, FORM)
    (draft,) = drafts(access)
    assert answer.headers["Location"] == page_of(draft.policy_id)
    assert draft.policy.slug == "developers-deploy"
    assert draft.author_name == "anna"
    assert draft.content["conditions"] == [
        {"attribute": "mfa", "op": ">=", "value": 2},
        {"attribute": "country", "op": "in", "value": ["DE", "PT"]},
    ]


def test_risk_and_device_are_asked_for_in_the_form(
    client: Client, access: Tenant
) -> None:
    risk = {
        "condition_0_attribute": "risk",
        "condition_0_op": "<=",
        "condition_0_value": "40",
    }
    device = {
        "condition_1_attribute": "device.trusted",
        "condition_1_op": "==",
        "condition_1_value": "true",
    }
    answer = client.post(ADD, FORM | risk | device)
    (draft,) = drafts(access)
    assert draft.content["conditions"] == [
        {"attribute": "risk", "op": "<=", "value": 40},
        {"attribute": "device.trusted", "op": "==", "value": True},
    ]
    text = client.get(answer.headers["Location"]).content.decode()
    assert "if the risk is at most 40 and the device is trusted." in text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"condition_0_value": "two"}, "condition_0_value"),
        (
            {"condition_0_attribute": "risk", "condition_0_value": "101"},
            "condition_0_value",
        ),
        ({"condition_0_op": "in"}, "condition_0_op"),
        ({"actions": ["restart"]}, "actions"),
        ({"tier": "read_only"}, "tier"),
        ({"slug": "No Good"}, "slug"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_nothing_is_saved(
    client: Client, access: Tenant, change: dict[str, object], field: str
) -> None:
    answer = client.post(ADD, FORM | change)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert drafts(access) == []


def test_a_policy_with_many_conditions_keeps_them_all(
    client: Client, access: Tenant
) -> None:
    many = [{"attribute": "mfa", "op": ">=", "value": n} for n in range(9)]
    with tenant_scope(access.pk):
        draft = services.save_draft(
            actor=Actor.system("tests"),
            policy_id=None,
            content=GOOD | {"conditions": many},
            expected_lock=None,
        )
    form = client.get(page_of(draft.policy_id)).context["form"]
    shown = [row["attribute"].value() for row in form.rows()]
    assert shown == ["mfa"] * 9 + [None]


def test_an_edit_on_an_older_state_is_refused(client: Client, access: Tenant) -> None:
    client.post(ADD, FORM)
    (draft,) = drafts(access)
    page = page_of(draft.policy_id)
    assert client.post(page, FORM | {"lock": 1, "owner": "A"}).status_code == 302
    answer = client.post(page, FORM | {"lock": 1, "owner": "B"})
    assert "saved this draft in the meantime" in answer.content.decode()


def test_the_page_shows_draft_cedar_and_versions(
    client: Client, access: Tenant
) -> None:
    client.post(ADD, FORM)
    (draft,) = drafts(access)
    with tenant_scope(access.pk):
        services.freeze_version(
            actor=Actor.system("tests"),
            draft_id=draft.pk,
            expected_digest=draft.digest,
            request_id=uuid.uuid4(),
        )
    text = client.get(page_of(draft.policy_id)).content.decode()
    for expected in ("Developers</b>", "permit (", "As live"):
        assert expected in text
    assert "onclick" not in text
    assert "style=" not in text


def test_drafts_are_proposed_from_the_list(client: Client, access: Tenant) -> None:
    client.post(ADD, FORM)
    (draft,) = drafts(access)
    posted = {"action": "propose", "_selected_action": [str(draft.policy_id)]}
    answer = client.post(LIST, posted)
    assert answer.headers["Location"].endswith(f"?drafts={draft.pk}")


@pytest.mark.parametrize("role", ["approver", "auditor"])
def test_others_read_and_do_not_write(
    access: Tenant, make_user: MakeUser, signed_in_client: SignedInClient, role: str
) -> None:
    with tenant_scope(access.pk):
        draft = services.save_draft(
            actor=Actor.system("tests"),
            policy_id=None,
            content=GOOD,
            expected_lock=None,
        )
    reader = signed_in_client(make_user("rita", [role]))
    assert reader.get(page_of(draft.policy_id)).status_code == 200
    assert reader.post(page_of(draft.policy_id), FORM).status_code == 403
    assert reader.get(ADD).status_code == 403


def test_a_policy_of_another_tenant_is_not_found(
    client: Client, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.pk):
        build_access()
        draft = services.save_draft(
            actor=Actor.system("tests"),
            policy_id=None,
            content=GOOD,
            expected_lock=None,
        )
    answer = client.get(page_of(draft.policy_id))
    assert answer.status_code in {302, 404}
    assert "Developers deploy" not in client.get(LIST).content.decode()


def test_a_longer_list_asks_the_database_no_more(
    client: Client,
    access: Tenant,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def add(count: int) -> None:
        with tenant_scope(access.pk):
            for n in range(count):
                services.save_draft(
                    actor=Actor.system("tests"),
                    policy_id=None,
                    content=GOOD | {"name": f"Policy {n} of {count}"},
                    expected_lock=None,
                )
            assert Policy.objects.count() >= count

    add(12)
    with django_assert_max_num_queries(36):
        assert client.get(LIST).status_code == 200


CEDAR = """permit (principal in Role::"developer", action == Action::"deploy",
  resource is Namespace) when { context has risk && context.risk < 50 };"""
EXPERT = {
    "name": "By hand",
    "owner": "Platform",
    "effect": "permit",
    "tier": "operator",
    "mode": "cedar",
    "cedar": CEDAR,
}


def test_an_expert_writes_cedar(client: Client, access: Tenant) -> None:
    client.post(ADD, EXPERT)
    (draft,) = drafts(access)
    assert draft.content["cedar"] == CEDAR
    assert draft.content["principals"] == []
    page = client.get(page_of(draft.policy_id))
    assert "Show as a form" in page.content.decode()


def test_an_error_in_the_text_stands_beside_it_with_its_line(
    client: Client, access: Tenant
) -> None:
    answer = client.post(ADD, EXPERT | {"cedar": CEDAR.replace("deploy", "fly")})
    assert "Line 1, column 51" in str(answer.context["form"].errors["cedar"])
    assert drafts(access) == []


def test_the_form_becomes_cedar_and_the_form_again(
    client: Client, access: Tenant
) -> None:
    cedar = client.post(ADD, FORM | {"to_cedar": "1"}).context["form"]
    text = cedar["cedar"].value()
    assert text.startswith("permit (")
    assert "@id" not in text
    again = client.post(ADD, EXPERT | {"cedar": text, "to_form": "1"}).context["form"]
    assert not again.is_expert
    assert again["principals"].value() == ["Role::developer"]
    assert again["windows"].value() == ["office-hours"]
    assert [row["attribute"].value() for row in again.rows()][:2] == ["mfa", "country"]
    assert drafts(access) == []


def test_what_the_form_cannot_say_stays_cedar(client: Client, access: Tenant) -> None:
    text = CEDAR.replace("context.risk < 50", "context.risk + 1 < 50")
    answer = client.post(ADD, EXPERT | {"cedar": text, "to_form": "1"})
    form = answer.context["form"]
    assert form.is_expert
    assert form["cedar"].value() == text
    assert "cannot say" in answer.content.decode()
    assert drafts(access) == []


def test_finding_without_javascript_saves_nothing(
    client: Client, access: Tenant
) -> None:
    answer = client.post(
        ADD, FORM | {"find": "resources", "find_resources": "WEB", "name": ""}
    )
    text = answer.content.decode()
    assert 'value="ResourceGroup::web"' in text
    assert 'value="Node::web-1"' in text
    assert "This field is required" not in text
    assert drafts(access) == []


def test_the_preview_answers_sentence_cedar_and_places(client: Client) -> None:
    address = reverse("admin:policies_policy_preview")
    good = client.post(address, FORM).json()
    assert "".join(span["text"] for span in good["spans"]).startswith("Developers may")
    assert good["cedar"].startswith('@id("developers-deploy#0")')
    assert good["problems"] == []
    bad = client.post(address, FORM | {"condition_0_value": "two"}).json()
    assert [p["field"] for p in bad["problems"]] == ["condition_0_value"]
    assert bad["cedar"] == ""


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("principals", "dev", "Role::developer"),
        ("principals", "ali", "User::alice"),
        ("actions", "dep", "deploy"),
        ("resources", "every node", "Node::"),
        ("resources", "shop", "Namespace::shop"),
        ("windows", "office", "office-hours"),
        ("locations", "office", "office"),
    ],
)
def test_things_are_found_by_a_part_of_their_names(
    client: Client, kind: str, text: str, value: str
) -> None:
    address = reverse("admin:policies_policy_find", args=[kind])
    found = client.get(address, {"q": text}).json()["choices"]
    assert value in [choice["value"] for choice in found]
    assert client.get(address, {"q": "no such thing"}).json()["choices"] == []


def test_a_conflict_keeps_what_was_typed_and_lets_one_choose(
    client: Client, access: Tenant
) -> None:
    client.post(ADD, FORM)
    (draft,) = drafts(access)
    page = page_of(draft.policy_id)
    base = client.get(page).context["form"]["base"].value()
    client.post(page, FORM | {"lock": 1, "owner": "Theirs", "windows": []})
    mine = FORM | {"lock": 1, "base": base, "owner": "Mine", "description": "Typed"}

    conflict = client.post(page, mine)

    text = conflict.content.decode()
    assert "They changed owner, windows" in text
    assert conflict.context["form"]["description"].value() == "Typed"
    suggested = {
        c.name: c.suggested.value for c in conflict.context["conflict"].changes
    }
    assert suggested == {"owner": "mine", "description": "mine", "windows": "theirs"}
    (draft,) = drafts(access)
    assert draft.content["owner"] == "Theirs"
    lock = conflict.context["form"]["lock"].value()
    taken = {"take_owner": "mine", "take_windows": "theirs"}
    assert client.post(page, mine | taken | {"lock": lock}).status_code == 302
    (draft,) = drafts(access)
    assert (draft.content["owner"], draft.content["windows"]) == ("Mine", [])
    assert draft.content["description"] == "Typed"
