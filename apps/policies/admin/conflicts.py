"""What the editor shows when somebody else saved the draft meanwhile."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from apps.policies import rules, selectors
from apps.policies.forms import PolicyForm
from apps.policies.models import Policy
from apps.policies.rules import FieldChange, Side

_TAKE = "take_"


@dataclass(frozen=True)
class Conflict:
    """Who saved it when, what they changed, and where both states differ."""

    who: str
    at: dt.datetime
    fields: tuple[str, ...]
    changes: tuple[FieldChange, ...]


def content_of(
    request: HttpRequest, form: PolicyForm, row: Policy | None
) -> dict[str, Any]:
    """Return what shall be saved: what was typed, and what was taken of theirs.

    What a draft says beyond what the form shows stays.
    """
    if row is None:
        content = form.content()
        slug = request.GET.get("starter", "")
        tests = selectors.starter_tests(slug, content, timezone.now()) if slug else []
        return content | {"tests": tests}
    kept: dict[str, Any] = row.draft.content
    return rules.merged(kept | form.content(), kept, _taken(request))


def show_conflict(
    request: HttpRequest, form: PolicyForm, row: Policy, mine: dict[str, Any]
) -> Conflict:
    """Let the next save be based on what is there now; return what differs from it."""
    draft = selectors.policy_by_id(row.pk).draft
    base = _base_of(form)
    data = request.POST.copy()
    data["lock"], data["base"] = str(draft.lock), json.dumps(draft.content)
    form.data = data
    # What was not typed here is theirs already.
    typed = draft.content | {name: mine[name] for name in form.content()}
    return Conflict(
        who=draft.last_editor_name,
        at=draft.updated_at,
        fields=rules.changed_by(base, draft.content) if base else (),
        changes=rules.three_way(base, typed, draft.content),
    )


def _taken(request: HttpRequest) -> Collection[str]:
    return [
        name.removeprefix(_TAKE)
        for name, side in request.POST.items()
        if name.startswith(_TAKE) and side == Side.THEIRS
    ]


def _base_of(form: PolicyForm) -> dict[str, Any]:
    """Return the content that the page was opened with, as far as it sent it."""
    try:
        found = json.loads(form.cleaned_data.get("base") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
