"""Policies to start from hold against the demo tenant as they are, with their tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from apps.policies import selectors
from apps.policies.models import PolicyDraft
from apps.policies.rules import CompiledPolicy, parse_content
from apps.policies.rules.lint import LintCode, Severity
from apps.policies.services.drafts import compile_content
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.tenant_file import load_tenant
from tests.factories.access import SYSTEM
from tests.factories.accounts import make_user, signed_in_client

MOST_PER_ROW = 12
NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.fixture
def demo(db: None) -> Iterator[Tenant]:  # noqa: ARG001
    """Return the demo tenant, with its scope open."""
    load_tenant(actor=SYSTEM, path=Path("demo/acme.yaml"))
    found = Tenant.objects.get(slug="acme")
    with tenant_scope(found.pk):
        yield found


@pytest.mark.usefixtures("demo")
def test_every_template_compiles_passes_its_tests_and_has_no_error() -> None:
    catalogue = selectors.catalogue()
    for starter in selectors.starters():
        content = dict(starter.content)
        compiled = compile_content(content, catalogue, starter.slug)
        assert isinstance(compiled, CompiledPolicy)
        report = selectors.run_tests(content, catalogue=catalogue)
        assert report.problems == [], starter.slug
        found = report.coverage
        for covered, of in (found.reached, found.outcomes, found.forbids):
            assert covered == of, starter.slug
        lint = selectors.lint_draft(content, starter.slug, now=NOW)
        assert LintCode.UNTESTED not in {one.code for one in lint}
        assert not [one for one in lint if one.severity is Severity.ERROR]


def test_every_forbid_among_the_templates_has_a_test_that_it_denies() -> None:
    for starter in selectors.starters():
        expected = {one["expect"] for one in starter.content["tests"]}
        reasons = {one.get("reason") for one in starter.content["tests"]}
        if starter.content["effect"] == "forbid":
            assert {"forbidden", "no_matching_policy"} <= reasons, starter.slug
        else:
            assert expected == {"allow", "deny"}, starter.slug


def test_there_are_twelve_that_say_what_they_do() -> None:
    found = selectors.starters()
    assert len(found) == MOST_PER_ROW
    for starter in found:
        assert not isinstance(parse_content(starter.content), list), starter.slug
        assert starter.spans
        assert starter.fill_in


def made_of(slug: str, **changed: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = (selectors.starter_content(slug) or {}) | changed
    return content, selectors.starter_tests(slug, content, NOW)


@pytest.mark.usefixtures("demo")
def test_the_tests_of_a_template_follow_the_names_that_are_put_into_it() -> None:
    crew = [{"type": "Role", "id": "sre"}]
    content, tests = made_of("office-hours", principals=crew)
    named = [one["given"].get("roles", []) for one in tests]
    assert ["sre"] in named
    assert ["operator"] not in named
    assert {one["name"] for one in tests} >= {"without the role sre"}
    report = selectors.run_tests(content | {"tests": tests})
    assert report.problems == []
    assert report.coverage.reached == (1, 1)


@pytest.mark.usefixtures("demo")
def test_what_no_longer_holds_is_left_out_and_the_rest_is_tested_anew() -> None:
    groups = [{"type": "ResourceGroup", "id": i} for i in ("shop-nodes", "edge-nodes")]
    content, tests = made_of("break-glass-forbid", resources=groups)
    report = selectors.run_tests(content | {"tests": tests})
    assert report.problems == []
    assert report.coverage.forbids == (2, 2)


@pytest.mark.django_db
@pytest.mark.usefixtures("in_tenant")
def test_what_does_not_compile_has_no_tests_yet() -> None:
    assert made_of("office-hours")[1] == []
    assert selectors.starter_tests("office-hours", {}, NOW) == []


def test_a_policy_that_is_made_from_a_template_in_the_editor_has_its_tests(
    demo: Tenant, tmp_path: Path
) -> None:
    person = make_user("stella", ["security_admin"], tenant=demo)
    client = signed_in_client(person, tmp_path)
    page = (
        reverse("admin:policies_policy_add") + "?starter=contractors-not-in-production"
    )
    form = client.get(page).context["form"]
    typed = {
        name: form[name].value()
        for name in form.fields
        if form[name].value() is not None
    }
    answer = client.post(page, typed | {"slug": "contractors"})
    assert answer.status_code == 302
    with tenant_scope(demo.pk):
        draft = PolicyDraft.objects.get(policy__slug="contractors")
        assert selectors.run_tests(draft).problems == []
        assert draft.content["tests"]
