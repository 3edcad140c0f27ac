"""Lint says when nobody else could approve a policy, an elevation, a flow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.urls import reverse

from apps.accounts.services import revoke_membership
from apps.approvals import services
from apps.approvals.choices import RequestKind
from apps.approvals.errors import NobodyCanApproveError
from apps.audit.events import Actor
from apps.policies import selectors as policies
from apps.policies.rules.lint import Finding, LintCode, Severity
from tests.approvals.test_admin import client_of
from tests.approvals.test_flows import flow, stage
from tests.factories.approvals import People, make_draft, make_request
from tests.factories.elevations import build_roles, make_principal, offer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_tenant")]
SYSTEM = Actor.command("tests")


def unapproved(found: Sequence[Finding]) -> list[Finding]:
    return [one for one in found if one.code is LintCode.NO_APPROVER]


def of_tenant(about: str) -> list[Finding]:
    found = unapproved(policies.lint_tenant())
    return [one for one in found if about in (one.policy, one.about)]


def of_policy(people: People, writer: str = "ada") -> list[Finding]:
    user = people(writer, "security_admin", "approver").user
    draft = policies.draft_by_id(make_draft(user))
    found = unapproved(policies.lint_draft(draft))
    assert of_tenant(draft.policy.slug) == found
    return found


def test_a_draft_of_the_only_approver_is_saved_and_warned_about(people: People) -> None:
    (found,) = of_policy(people)
    assert (found.severity, found.field) == (Severity.WARNING, "policy")
    assert "nobody with a passkey may give one" in found.message


def test_a_draft_that_somebody_else_can_approve_is_no_finding(people: People) -> None:
    people("anna")
    assert of_policy(people) == []


def test_an_approver_without_a_passkey_is_no_path(people: People) -> None:
    people("anna").passkey.delete()
    assert len(of_policy(people)) == 1


def test_a_second_stage_for_the_writer_alone_is_no_path(people: People) -> None:
    people("anna")
    people("ada", "security_admin", "approver")
    only = [{"type": "user", "id": "ada"}]
    flow(stage(), stage("Sign off", approvers=only), kind="change", name="Two")
    (found,) = of_policy(people)
    assert "“Two”" in found.message
    assert "“Sign off”" in found.message


def test_two_stages_that_need_the_same_person_are_no_path(people: People) -> None:
    people("anna")
    services.set_flow(actor=SYSTEM, kind=RequestKind.CHANGE, quorum=1)
    people("ada", "security_admin", "approver")
    flow(stage("One"), stage("Two"), kind="change", name="Both", order=1)
    (found,) = of_policy(people)
    assert "different approvers" in found.message


def test_words_that_are_not_written_yet_are_no_finding(people: People) -> None:
    people("anna")
    asks = {"on": "request", "field": "reason", "op": "matches", "value": "OPS-[0-9]+"}
    flow(stage(conditions=[asks]), kind="change", name="Ticket")
    assert of_policy(people) == []


def test_a_content_that_is_only_tried_is_judged_by_who_wrote_its_draft(
    people: People,
) -> None:
    ada = people("ada", "security_admin", "approver").user
    draft = policies.draft_by_id(make_draft(ada))
    assert unapproved(policies.lint_draft(draft.content, draft.policy.slug))
    assert not unapproved(policies.lint_draft(draft.content, "unheard-of"))


def test_what_lint_warns_of_is_refused_when_it_is_proposed(people: People) -> None:
    ada = people("ada", "security_admin", "approver").user
    draft_id = make_draft(ada)
    with pytest.raises(NobodyCanApproveError):
        make_request(ada, draft_id)
    people("anna")
    assert make_request(ada, draft_id).state == "open"


def test_an_elevation_that_only_its_asker_could_approve_is_a_finding(
    people: People,
) -> None:
    build_roles()
    anna = people("anna")
    row = offer(make_principal(anna), "developer")
    (found,) = of_tenant("Role developer")
    assert found.policy == ""
    assert "Anna" in found.message or "anna" in found.message
    assert found.link == reverse("admin:elevations_eligibility_change", args=[row.pk])
    people("ben")
    assert of_tenant("Role developer") == []


def test_a_flow_that_nobody_could_pass_is_a_finding(people: People) -> None:
    anna = people("anna")
    row = flow(stage(), name="Night", kind="elevation")
    assert of_tenant("Flow Night") == []
    revoke_membership(actor=SYSTEM, user=anna.user)
    found = of_tenant("Flow Night")
    assert {one.severity for one in found} == {Severity.WARNING}
    page = reverse("admin:approvals_approvalflow_change", args=[row.pk])
    assert {one.link for one in found} == {page}


def test_the_page_of_findings_names_what_has_no_approver(people: People) -> None:
    people("anna").passkey.delete()
    admin = people("ada", "security_admin")
    page = client_of(admin).get(reverse("admin:policies_policy_findings"))
    assert "lint.no_approver" in page.content.decode()
    assert "Flow Default" in page.content.decode()
