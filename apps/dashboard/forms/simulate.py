"""What is simulated: a question, what is asked, and over how much time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.choices import CallableChoiceIterator
from typing_extensions import override

from apps.dashboard import selectors
from apps.dashboard.errors import SubjectNotFoundError
from apps.dashboard.forms.asking import LONGEST, ExplainForm, check
from apps.simulation.selectors import World
from engine.decide import Request, known_context
from engine.errors import ContextError

_DAY, _WEEK = "24", "168"
_SPANS = [(_DAY, "24 hours"), (_WEEK, "7 days")]
_MICRO = 1_000_000


class SimulateForm(ExplainForm):
    """Ask what is live, a draft, a version or a change, over hours or days."""

    against = forms.CharField(
        label="Against", required=False, max_length=160, widget=forms.Select
    )
    span = forms.ChoiceField(label="Over", choices=_SPANS, required=False)
    position = forms.RegexField(
        r"^\s*-?\d{1,2}(\.\d{1,6})?\s*,\s*-?\d{1,3}(\.\d{1,6})?\s*$",
        label="Position",
        required=False,
        help_text="Latitude and longitude, as in 52.52, 13.405.",
        error_messages={"invalid": "Write two numbers, as in 52.52, 13.405."},
    )
    node_groups = forms.CharField(
        label="Groups of the node",
        required=False,
        max_length=LONGEST,
        help_text="Names with commas between them.",
    )
    # Django's way to leave out a field.
    state = None  # type: ignore[assignment]
    field_order: tuple[str, ...] = ("principal", "action", "resource")

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["against"].widget
        if isinstance(widget, forms.Select):
            # Only a page shows them, so only a page asks for them.
            widget.choices = CallableChoiceIterator(selectors.offered_subjects)
        self.fields["at"].help_text = "Empty is now. The strip begins here."

    @property
    def subject(self) -> str:
        """Return what is asked; by default what is live."""
        return str(self.cleaned_data.get("against") or selectors.LIVE)

    @property
    def labels(self) -> dict[str, str]:
        """Return the words for what is offered to be asked."""
        found: dict[str, str] = {}
        for value, words in selectors.offered_subjects():
            found.update({value: words} if isinstance(words, str) else dict(words))
        return found

    @property
    def length(self) -> dt.timedelta:
        """Return how much time the strip covers."""
        return dt.timedelta(hours=int(self.cleaned_data.get("span") or _DAY))

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Return the groups of the node that is asked, if they are said."""
        text = str(self.cleaned_data.get("node_groups") or "")
        names = tuple(sorted(filter(None, map(str.strip, text.split(",")))))
        return names or None

    @property
    @override
    def context(self) -> dict[str, Any]:
        """Return what is known, the position among it."""
        found = super().context
        if text := self.cleaned_data.get("position"):
            latitude, longitude = (
                round(float(part) * _MICRO) for part in str(text).split(",")
            )
            found["geo"] = {"lat": latitude, "lon": longitude}
        return found

    @property
    @override
    def main(self) -> list[forms.BoundField]:
        return [self[n] for n in ("principal", "action", "resource", "against")]

    @property
    @override
    def times(self) -> list[forms.BoundField]:
        return [self["at"], self["span"]]

    @property
    @override
    def places(self) -> list[forms.BoundField]:
        return [*super().places, self["position"], self["node_groups"]]


@dataclass(frozen=True)
class Simulated:
    """A question that was asked of one world."""

    world: World
    request: Request


def simulated(form: SimulateForm, against: str) -> Simulated | None:
    """Return what is asked, or None; the form then says what is wrong with it."""
    now = timezone.now()
    moment = form.moment or now
    try:
        # Zones are known from the earlier of both on.
        world = selectors.world_named(against, min(now, moment))
    except SubjectNotFoundError as error:
        form.add_error("against", error.message)
        return None
    values = form.cleaned_data
    check(form, world, values["principal"])
    if form.errors:
        return None
    request = Request(
        values["principal"],
        values["action"],
        values["resource"],
        moment,
        form.context,
        node_groups=form.groups,
    )
    try:
        known_context(request.context)
    except ContextError as error:
        form.add_error("position", error.args[0] if error.args else "Not a context.")
        return None
    return Simulated(world, request)
