"""Whether somebody can decide, for each tier and hour."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.urls import reverse

from apps.accounts.services import actor_for
from apps.approvals import rules, selectors, services
from apps.approvals.choices import RequestKind
from apps.approvals.errors import FlowUncoveredError
from apps.approvals.rules.linter import (
    ALWAYS,
    HOURS_A_WEEK,
    Absences,
    Path,
    Severity,
    Watch,
    coverage,
    lint,
    spans,
)
from apps.audit.events import Actor
from apps.notifications.models import Notification
from apps.scopes import services as scopes
from apps.scopes.rules import WindowSpec
from apps.tenants.models import Tenant
from tests.approvals.test_admin import client_of
from tests.approvals.test_flows import flow, stage
from tests.factories.approvals import People

ANNA, BEN, CARA = (uuid.UUID(int=number) for number in (1, 2, 3))
NOBODY_AWAY = Absences({}, {})


def path(*stages: Watch) -> Path:
    return Path(RequestKind.ELEVATION, "admin", "Flow", None, stages)


def watch(*people: uuid.UUID, quorum: int = 1, hours: frozenset[int] = ALWAYS) -> Watch:
    return Watch("Review", quorum, frozenset(people), hours)


def codes(*stages: Watch, absences: Absences = NOBODY_AWAY) -> list[tuple[str, str]]:
    found = lint([path(*stages)], absences)
    return [(one.code.removeprefix("approvals."), one.severity) for one in found]


def test_two_who_can_decide_at_all_hours_are_no_finding() -> None:
    assert codes(watch(ANNA, BEN)) == []


def test_a_path_that_nobody_can_pass_is_an_error() -> None:
    assert codes(watch()) == [("dead_path", Severity.ERROR)]
    assert codes(watch(ANNA), watch()) == [("dead_path", Severity.ERROR)]
    assert codes(watch(ANNA, quorum=2)) == [("dead_path", Severity.ERROR)]


def test_a_path_that_hangs_on_one_person_is_a_warning() -> None:
    assert codes(watch(ANNA)) == [("single_person", Severity.WARNING)]
    assert codes(watch(ANNA, BEN, quorum=2)) == [("single_person", Severity.WARNING)]


def test_hours_in_which_nobody_decides_are_a_warning() -> None:
    day = frozenset(range(9, 17))
    assert codes(watch(ANNA, BEN, hours=day)) == [("dead_hours", Severity.WARNING)]
    cells = coverage(path(watch(ANNA, BEN, hours=day)), NOBODY_AWAY)
    assert {hour for hour, number in enumerate(cells) if number} == day


def test_who_is_away_does_not_count_and_a_stand_in_does() -> None:
    away = {ANNA: frozenset({5})}
    alone = coverage(path(watch(ANNA, BEN)), Absences(away, {}))
    helped = coverage(path(watch(ANNA, BEN)), Absences(away, {ANNA: frozenset({CARA})}))
    assert (alone[4], alone[5], helped[5]) == (2, 1, 2)


def test_hours_are_told_in_words() -> None:
    assert spans([0, 1, 2, 30, 47, 48]) == "Mon 00-03, Tue 06-07, Tue 23 - Wed 01"
    assert spans(range(HOURS_A_WEEK)) == "Mon 00 - Sun 24"


@pytest.mark.django_db
def test_a_flow_that_nobody_could_pass_is_not_saved(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    olga = actor_for(people("olga", "security_admin").user)
    spec = rules.FlowSpec("Flow", RequestKind.ELEVATION, rules.parse_stages([stage()]))
    with pytest.raises(FlowUncoveredError, match="nobody could ever decide"):
        services.save_flow(actor=olga, flow_id=None, spec=spec)
    people("anna")
    assert services.save_flow(actor=olga, flow_id=None, spec=spec).name == "Flow"


@pytest.mark.django_db
def test_the_window_of_a_stage_shows_in_the_heat_map(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    for name in ("anna", "ben"):
        people(name)
    scopes.save_window(
        actor=Actor.command("tests"),
        spec=WindowSpec(
            slug="mornings",
            name="Mornings",
            zone="UTC",
            weekdays=(1,),
            start_minute=6 * 60,
            end_minute=12 * 60,
        ),
    )
    flow(stage(hours="mornings"))
    ahead = selectors.week_ahead()
    found = ahead.paths([RequestKind.ELEVATION])[0]
    cells = coverage(found, ahead.absences())
    open_hours = [hour for hour, number in enumerate(cells) if number]
    assert open_hours == list(range(6, 12))
    olga = people("olga", "security_admin")
    page = client_of(olga).get(reverse("admin:approvals_coverage")).text
    assert "Mon 00-06, Mon 12 - Sun 24" in page
    assert "style=" not in page


@pytest.mark.django_db
def test_the_nightly_run_tells_security_admins(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    people("olga", "security_admin")
    people("anna")
    assert services.report_findings() > 0
    told = Notification.objects.get(event="linter.finding")
    assert told.user.username == "olga"
    assert "single person" in told.body
    assert dt.datetime.now(dt.UTC) >= told.created_at


@pytest.mark.django_db
def test_what_was_told_is_told_again_only_when_it_changes(
    in_tenant: Tenant,  # noqa: ARG001
    people: People,
) -> None:
    people("olga", "security_admin")
    people("anna")
    told = Notification.objects.filter(event="linter.finding")

    services.report_findings()
    services.report_findings()
    assert told.count() == 1

    people("ben")
    flow(stage(approvers=[{"type": "user", "id": "ben"}]))
    services.report_findings()
    assert told.count() == 2
