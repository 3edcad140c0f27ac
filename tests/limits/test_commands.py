"""What operators see, and what keeps the tables small."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from apps.limits import services, tasks
from apps.limits.models import Refusal
from apps.limits.rules import Bucket

SENTENCE = ["was", "refused", "in", "the", "last", "24", "hours."]
pytestmark = pytest.mark.django_db


def printed() -> list[list[str]]:
    out = io.StringIO()
    call_command("refusals", stdout=out)
    return [line.split() for line in out.getvalue().splitlines()]


def test_refusals_are_shown_as_a_table() -> None:
    for _ in range(2):
        services.note_refusal(code="limits.host_refused", address="192.0.2.7")
    head, row = printed()
    assert head == ["HOUR", "(UTC)", "CODE", "NETWORK", "COUNT"]
    assert row[2:] == ["limits.host_refused", "192.0.2.0/24", "2"]


def test_refusals_of_yesterday_are_not_shown() -> None:
    services.note_refusal(code="limits.host_refused", address="192.0.2.7")
    Refusal.objects.update(hour=timezone.now() - dt.timedelta(hours=25))
    assert printed() == [["Nothing", *SENTENCE]]


def test_the_sweep_is_scheduled_and_removes_what_is_over() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.sweep.name in scheduled
    bucket = Bucket("slow", 0.001, 2)
    services.take(bucket, "full again")
    services.give_back(bucket, "full again")
    services.note_refusal(code="limits.host_refused", address="192.0.2.7")
    Refusal.objects.update(hour=timezone.now() - dt.timedelta(days=31))
    assert tasks.sweep() == 2
