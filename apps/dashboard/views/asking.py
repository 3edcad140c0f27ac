"""What the pages about access share: forms that links fill in, and sheets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.dashboard.forms import Circumstances
from apps.dashboard.rules import sheet

ASKED = "ask"


def form_of(
    kind: type[Circumstances], request: HttpRequest, **initial: str
) -> Circumstances:
    """Return the form, bound once it was sent; before that, with what links name."""
    if ASKED in request.GET:
        return kind(request.GET)
    given = {
        name: request.GET[name] for name in kind.base_fields if name in request.GET
    }
    return kind(initial={**initial, **given})


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> HttpResponse:
    """Return a sheet to keep."""
    response = HttpResponse(
        sheet(columns, rows), content_type="text/csv; charset=utf-8"
    )
    stamp = f"{timezone.now().astimezone(dt.UTC):%Y%m%d-%H%M}"
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


def wants_csv(request: HttpRequest) -> bool:
    """Say whether a sheet is asked for instead of a page."""
    return request.GET.get("format") == "csv"


def csv_address(request: HttpRequest, form: Circumstances) -> str:
    """Return the address of the same question as a sheet."""
    query = request.GET.copy()
    for name in {*query} - {ASKED, *form.fields}:
        del query[name]
    query["format"] = "csv"
    query.pop("page", None)
    return f"?{query.urlencode()}"
