"""What the editor of a policy asks while somebody types, and how it is rendered anew.

The buttons that only change what the page shows are submitted like the form itself, so
the editor works without JavaScript; nothing is saved then.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.text import slugify

from apps.policies import selectors
from apps.policies.forms import PICKED, PickField, PolicyForm, initial_of, typed_in
from apps.policies.models import Policy
from apps.policies.rules import Pick
from apps.policies.selectors import Preview

_ID_LINES = re.compile(r"^@id\(.*\)\n", re.MULTILINE)
_START = {
    "permit": (
        'permit (\n  principal in Role::"",\n  action == Action::"",\n'
        "  resource is \n);\n"
    ),
    "forbid": "forbid (\n  principal,\n  action,\n  resource\n);\n",
}
# Buttons that ask for another look at the page.
_ASKING = frozenset({"find", "add", "drop", "to_cedar", "to_form"})
_LONGEST_TEXT = 100


def is_only_asking(request: HttpRequest) -> bool:
    """Say whether the page shall be shown in another way, and nothing saved."""
    return not _ASKING.isdisjoint(request.POST)


def form_of(request: HttpRequest, row: Policy | None) -> PolicyForm:
    """Return the form: judged when it is to be saved, else as it was typed."""
    is_posted = request.method == "POST"
    asks = is_posted and is_only_asking(request)
    initial: dict[str, Any] | None = None
    if asks:
        initial = typed_in(request.POST)
    elif row is None and not is_posted and (slug := request.GET.get("starter")):
        content = selectors.starter_content(slug)
        initial = initial_of(content, 0) | {"base": ""} if content else None
    elif row is not None:
        initial = initial_of(row.draft.content, row.draft.lock)
    form = PolicyForm(
        request.POST if is_posted and not asks else None,
        initial=initial,
        attributes=selectors.attributes(),
        is_new=row is None,
    )
    form = _switched(form, request, row) if asks else form
    _name_choices(form, request)
    return form


def find(request: HttpRequest, kind: str) -> HttpResponse:
    """Answer with the first things that a text finds."""
    if kind not in PICKED:
        raise Http404
    text = request.GET.get("q", "")[:_LONGEST_TEXT]
    type_name = request.GET.get("type", "")[:_LONGEST_TEXT]
    if type_name:
        found = selectors.choices_of_type(Pick(kind), type_name, text)
    else:
        found = selectors.find_choices(Pick(kind), text)
    return JsonResponse({"choices": [choice.to_dict() for choice in found]})


def preview(request: HttpRequest) -> HttpResponse:
    """Answer with sentence, Cedar and problems of what was typed."""
    form = PolicyForm(
        request.POST, initial=None, attributes=selectors.attributes(), is_new=True
    )
    found = preview_of(form, None)
    # Which row a problem belongs to is known once the rows are read.
    form.is_valid()
    return JsonResponse(
        {
            "spans": [asdict(span) for span in found.spans],
            "cedar": found.cedar,
            "statements": found.statements,
            "problems": [
                {
                    "field": form.place_of(problem.field) or "",
                    "place": problem.field,
                    "message": f"{problem.message} {problem.remedy}",
                }
                for problem in found.problems
            ],
        }
    )


def preview_of(form: PolicyForm, row: Policy | None) -> Preview:
    """Return what a form says so far; an empty one says nothing."""
    if not form.is_bound and not form.initial:
        return Preview()
    content = _content_of(form)
    named = form["slug"].value() if "slug" in form.fields else ""
    slug = row.slug if row else str(named or "")
    return selectors.preview(content, slug or slugify(content["name"]))


def _switched(form: PolicyForm, request: HttpRequest, row: Policy | None) -> PolicyForm:
    """Return the form in the other way of writing, when that was asked for.

    Nothing that was typed gets lost: what cannot be said the other way stays as it is,
    and the form says why.
    """
    typed = form.initial
    if "to_cedar" in request.POST:
        found = preview_of(form, row)
        if found.problems and any(typed.get(name) for name in PICKED):
            first = found.problems[0]
            form.notice = f"This cannot be written in Cedar yet: {first.message}"
            return form
        text = _ID_LINES.sub("", found.cedar).strip() or _START.get(
            str(typed.get("effect")), _START["permit"]
        )
        return _again(form, {**typed, "cedar": text, "mode": "cedar"})
    if "to_form" in request.POST:
        found_form = selectors.as_form(_content_of(form))
        if isinstance(found_form, str):
            form.notice = f"{found_form} It stays in Cedar."
            return form
        kept = {name: typed[name] for name in ("lock", "base", "slug") if name in typed}
        return _again(form, {**typed, **initial_of(found_form, 0), **kept})
    return form


def _again(form: PolicyForm, initial: dict[str, Any]) -> PolicyForm:
    is_new = "slug" in form.fields
    return PolicyForm(None, initial=initial, attributes=form.attributes, is_new=is_new)


def _content_of(form: PolicyForm) -> dict[str, Any]:
    """Return the content that a form shows, complete or not.

    A copy is read: a form that was refused forgets what its errors are about.
    """
    initial = {name: v for name, v in form.initial.items() if v is not None}
    typed = PolicyForm(
        form.data if form.is_bound else initial,
        initial=None,
        attributes=form.attributes,
        is_new=True,
    )
    typed.is_valid()
    return typed.content()


def _name_choices(form: PolicyForm, request: HttpRequest) -> None:
    """Tell the pickers what is chosen, and what was sought without JavaScript."""
    asked = request.POST.get("find", "")
    for name in PICKED:
        field = form.fields[name]
        assert isinstance(field, PickField)  # noqa: S101  # made so
        kind = Pick(name)
        text = request.POST.get(f"find_{name}", "")[:_LONGEST_TEXT]
        chosen = selectors.choices_named(kind, form[name].value() or [])
        found = selectors.find_choices(kind, text) if asked == name else []
        field.show(chosen, found, text)
