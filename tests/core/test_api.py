"""Errors as problem details."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.core.api import problem_response
from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
    PortwardError,
    ThrottledError,
    TooLargeError,
    status_of,
)
from apps.core.views import answers_json


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidError, 400),
        (ForbiddenError, 403),
        (NotFoundError, 404),
        (ConflictError, 409),
        (TooLargeError, 413),
        (ThrottledError, 429),
        (PortwardError, 500),
        (MisconfiguredError, 503),
    ],
)
def test_every_family_has_its_status(error: type[PortwardError], status: int) -> None:
    assert status_of(error()) == status


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    answer = problem_response(ThrottledError(retry_after=90), {})
    assert answer is not None
    assert answer.status_code == 429
    assert answer["Retry-After"] == "90"
    assert answer.data["remedy"] == "Try again in 90 seconds."


def test_scripts_of_our_pages_are_told_so_too() -> None:
    @answers_json
    def view(_request: HttpRequest) -> HttpResponse:
        raise ThrottledError(retry_after=90)

    answer = view(RequestFactory().post("/"))
    assert (answer.status_code, answer["Retry-After"]) == (429, "90")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "1 second"), (119, "119 seconds"), (121, "3 minutes")]
)
def test_a_wait_is_at_least_a_second_and_never_said_too_short(
    seconds: int, text: str
) -> None:
    assert ThrottledError(retry_after=seconds).remedy == f"Try again in {text}."
