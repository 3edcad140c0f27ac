"""`portward` against the whole portal, with a person's token and their passkey."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from typing_extensions import override
from webauthn.helpers import bytes_to_base64url

from apps.accounts.services import actor_for, fingerprint, remove_passkey
from apps.approvals.models import ApprovalRequest
from apps.keys.tasks import ensure_tenant_keys
from apps.outbox.services import drain
from apps.policies.models import PolicyVersion
from apps.roles.models import Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portward_cli.__main__ import main
from portward_cli.client import Portal, Target
from portward_cli.errors import Exit
from tests.factories.access import build_access
from tests.factories.accounts import make_authenticator, register_passkey
from tests.factories.approvals import People, make_draft, make_request
from tests.factories.bundles import SYSTEM, release_of
from tests.factories.clients import token_of
from tests.signin.conftest import Visitor, alice, visitor_for

__all__ = ["alice", "visitor_for"]
pytestmark = pytest.mark.django_db
ROLES = "roles: [{slug: crew, name: Crew, tier: operator}]\n"
POLICY = """policies:
  - {slug: deploy, name: Deploy, effect: permit, tier: operator, owner: Shop,
     principals: [{type: Role, id: developer}], actions: [deploy], conditions: []}
"""
CONTRADICTION = (
    "conditions: [{attribute: mfa, op: '>=', value: 3}, "
    "{attribute: mfa, op: '<=', value: 1}]"
)
Run = Callable[..., int]


class WithPasskey(httpx.BaseTransport):
    """The portal in this process, and a person who confirms what is asked of them."""

    def __init__(self, person: Visitor | None) -> None:
        self._portal = Client()
        self._person = person

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        found = self._portal.generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=request.headers.get("Content-Type", ""),
            headers=dict(request.headers),
        )
        if self._person and request.url.path.endswith("/operation-tokens"):
            asked = json.loads(found.content)
            self._person.confirm(urlsplit(asked["confirm_url"]).path)
        body = b"".join(found) if found.streaming else found.content
        return httpx.Response(found.status_code, content=body)


@pytest.fixture
def run(
    tenant: Tenant,
    alice: Visitor,  # a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    with tenant_scope(tenant.pk):
        build_access()
    monkeypatch.setenv("PORTWARD_TOKEN", token_of(tenant, alice.user))
    monkeypatch.setattr("portward_cli.client._POLL_S", 0)

    def command(*words: str, stdin: str = "", confirms: bool = True) -> int:
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        )

        def connect(target: Target) -> Portal:
            return Portal(target, WithPasskey(alice if confirms else None))

        return main(["--url", "http://testserver", *words], connect)

    return command


def test_what_is_exported_applies_to_the_same_state(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export") == Exit.DONE
    text = capsys.readouterr().out
    assert "roles:" in text
    assert run("apply", stdin=text) == Exit.DONE
    assert "says what the file says" in capsys.readouterr().out
    assert run("export") == Exit.DONE
    assert capsys.readouterr().out == text


def test_a_plan_says_what_is_new_and_changes_nothing(
    run: Run, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "--exit-code", stdin=ROLES) == Exit.CHANGES
    assert "+ roles crew" in capsys.readouterr().out
    with tenant_scope(tenant.pk):
        assert not Role.objects.filter(slug="crew").exists()


def test_a_file_is_applied_after_its_person_confirmed_it(
    run: Run, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", stdin=ROLES) == Exit.DONE
    assert "Confirm with your passkey" in capsys.readouterr().err
    with tenant_scope(tenant.pk):
        assert Role.objects.get(slug="crew").name == "Crew"
    assert run("plan", "--exit-code", stdin=ROLES) == Exit.DONE


def test_what_a_file_leaves_out_is_removed_after_yes_was_said(
    run: Run, tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "-o", str(tmp_path / "before.yaml")) == Exit.DONE
    assert run("apply", stdin=ROLES) == Exit.DONE
    before = (tmp_path / "before.yaml").read_text()
    capsys.readouterr()
    assert run("plan", "--prune", "--exit-code", stdin=before) == Exit.CHANGES
    assert "- roles crew" in (told := capsys.readouterr().out)
    assert "1 of these are removed" in told
    assert run("apply", "--prune", stdin=before) == Exit.USAGE
    assert "1 items would be removed" in capsys.readouterr().err
    with tenant_scope(tenant.pk):
        assert Role.objects.filter(slug="crew").exists()
    assert run("apply", "--prune", "--yes", stdin=before) == Exit.DONE
    with tenant_scope(tenant.pk):
        assert not Role.objects.filter(slug="crew").exists()
    assert run("export") == Exit.DONE
    assert capsys.readouterr().out.endswith(before)


def test_nothing_is_applied_when_nobody_confirms(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portward_cli.client._WAIT_S", 0.05)
    assert run("apply", stdin=ROLES, confirms=False) == Exit.UNREACHABLE
    with tenant_scope(tenant.pk):
        assert not Role.objects.filter(slug="crew").exists()


def test_what_is_wrong_with_a_file_is_named_with_its_place(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ROLES.replace("operator", "boss")
    assert run("plan", stdin=text) == Exit.FOUND
    assert "roles[0]" in capsys.readouterr().err


def test_an_answer_is_one_json_document(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "plan", "--without-impact", stdin=ROLES) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["changes"][0]["name"] == "crew"


def test_a_simulation_fails_on_another_decision_than_expected(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    question = ("simulate", "User::alice", "restart", "Node::web-1")
    assert run(*question, "--expect", "deny") == Exit.DONE
    assert "denied" in capsys.readouterr().out
    assert run(*question, "--expect", "allow") == Exit.FOUND


def test_findings_are_shown_and_fail_only_when_asked_to(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("lint", stdin=POLICY) == Exit.DONE
    assert "lint.untested" in capsys.readouterr().out
    assert run("lint", "--strict", stdin=POLICY) == Exit.FOUND
    impossible = POLICY.replace("conditions: []", CONTRADICTION)
    assert run("lint", stdin=impossible) == Exit.FOUND
    assert "lint.never_true" in capsys.readouterr().err


def test_what_a_file_drafts_is_proposed_under_a_title(
    run: Run, tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenant_scope(tenant.pk):
        People(tenant, tmp_path)("anna")
    words = ("apply", "--propose", "Developers deploy", "--reason", "CHG-1")
    assert run(*words, stdin=POLICY) == Exit.DONE
    with tenant_scope(tenant.pk):
        (request,) = ApprovalRequest.objects.all()
        assert request.title == "Developers deploy"
        assert not PolicyVersion.objects.exists()
    assert f"Waits for approval: {request.pk}" in capsys.readouterr().out


def test_a_tenant_is_verified_against_a_file_and_its_release(
    run: Run, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    release_of(tenant, "first")
    run("export", "--side", "draft")
    text = capsys.readouterr().out
    assert run("verify", stdin=text) == Exit.DONE
    assert "Release 1: sha256:" in capsys.readouterr().out
    assert run("verify", stdin=text + ROLES) == Exit.FOUND


@pytest.fixture
def approved(run: Run, tenant: Tenant, tmp_path: Path) -> People:
    """A release with a policy that Anna approved, and who is who."""
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        draft = make_draft(people("author", "security_admin").user)
        people("anna")
        people("ben")
        request = make_request(people("opener", "security_admin").user, draft)
        people("anna").vote(request)
    drain()
    run("export", "--side", "draft", "--output", str(tmp_path / "tenant.yaml"))
    return people


def explained(run: Run, tmp_path: Path, *words: str) -> int:
    return run("verify", "--explain", *words, str(tmp_path / "tenant.yaml"))


def test_each_policy_is_traced_back_to_the_keys_that_signed(
    run: Run, approved: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert explained(run, tmp_path) == Exit.DONE
    told = capsys.readouterr().out
    key = bytes_to_base64url(bytes(approved("anna").passkey.credential_id))
    assert f"approve   Anna, key {key} at " in told
    assert "1 of 1 approvals" in told


def test_a_vote_with_another_persons_key_is_named_and_fails(
    run: Run, approved: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    assert run("keys", "--output", str(file)) == Exit.DONE
    assert explained(run, tmp_path, "--keys", str(file)) == Exit.DONE
    listed = json.loads(file.read_text())
    for row in listed["keys"]:
        if row["name"] == "anna":
            row["user"] = str(approved("ben").user.pk)
    file.write_text(json.dumps(listed))
    capsys.readouterr()
    assert explained(run, tmp_path, "--keys", str(file)) == Exit.FOUND
    told = capsys.readouterr().out
    assert "NOT PROVEN: the key is another person's Anna" in told
    assert "NOT PROVEN: 0 of 1 approvals" in told


def test_a_vote_with_a_key_that_was_removed_later_still_counts(
    run: Run, tenant: Tenant, approved: People, tmp_path: Path
) -> None:
    anna = approved("anna")
    second = register_passkey(anna.user, make_authenticator(tmp_path))
    with tenant_scope(tenant.pk):
        remove_passkey(
            actor=actor_for(anna.user),
            user=anna.user,
            passkey_id=anna.passkey.pk,
            proven_by=fingerprint(second),
        )
    assert explained(run, tmp_path) == Exit.DONE


@pytest.mark.usefixtures("approved")
def test_a_list_of_keys_that_cannot_be_read_is_wrong_usage(
    run: Run, tmp_path: Path
) -> None:
    assert explained(run, tmp_path, "--keys", str(tmp_path / "none")) == Exit.USAGE
    (tmp_path / "list").write_text("{}")
    assert explained(run, tmp_path, "--keys", str(tmp_path / "list")) == Exit.USAGE


def test_the_tests_of_all_policies_run(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("test", stdin="roles: []") == Exit.DONE
    assert "No policy has tests" in capsys.readouterr().out


def test_a_wrong_token_is_told_apart_from_a_wrong_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTWARD_TOKEN", "pw_none")
    assert run("export") == Exit.UNREACHABLE


def test_a_portal_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    monkeypatch.setenv("PORTWARD_TOKEN", "any")
    words = ["--url", "http://nowhere.invalid", "export"]
    code = main(words, lambda target: Portal(target, httpx.MockTransport(refuse)))
    assert code == Exit.UNREACHABLE
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["PORTWARD_TOKEN", "PORTWARD_URL"])
def test_what_is_missing_is_asked_for(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTWARD_TOKEN", "any")
    monkeypatch.setenv("PORTWARD_URL", "http://nowhere.invalid")
    monkeypatch.delenv(missing)
    assert main(["export"]) == Exit.USAGE
    assert missing in capsys.readouterr().err


def test_a_file_that_is_none_is_refused_before_anything_is_sent(
    run: Run, tmp_path: Path
) -> None:
    assert run("plan", str(tmp_path / "none.yaml")) == Exit.USAGE
