"""What is asked: who, what, on what, when, and from where."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from typing_extensions import override

from apps.dashboard import selectors
from apps.simulation.selectors import World, live_world
from engine.cedar import PRINCIPAL_TYPES
from engine.decide import Request
from engine.errors import ContextError
from engine.places import normalize_ip
from protocol.records import EntityRef

RELEASED, DRAFT = "released", "draft"
_STATES = [(RELEASED, "As released"), (DRAFT, "Now, not yet released")]
_TRUST = [("", "Unknown"), ("true", "Trusted"), ("false", "Not trusted")]
_LEVELS = [("", "Unknown"), ("0", "0"), ("1", "1"), ("2", "2"), ("3", "3")]
_KINDS = [("", "People and services"), ("User", "People"), ("Service", "Services")]
LONGEST = 255
MOST_LISTED = 1000
_NOBODY = EntityRef("User", "-")
_MOMENT = "%Y-%m-%dT%H:%M"


class EntityField(forms.CharField):
    """An entity as people write it: its type, two colons, and its key."""

    def __init__(self, listed: str, *, label: str = "") -> None:
        attributes = {"list": listed, "autocomplete": "off", "spellcheck": "false"}
        super().__init__(
            max_length=LONGEST + 64,
            widget=forms.TextInput(attributes),
            label=label or None,
        )

    @override
    def clean(self, value: Any) -> EntityRef | None:
        """Return the entity; raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        kind, colons, key = text.partition("::")
        key = key.strip('"')
        if not colons or not kind or not key:
            raise ValidationError("Write the type and the key, as in User::alice.")
        return EntityRef(kind, key)


class Circumstances(forms.Form):
    """When and from where. Everything may be left open: then it is unknown."""

    at = forms.DateTimeField(
        label="As of (UTC)",
        required=False,
        input_formats=[_MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=_MOMENT),
        help_text="Empty is now. The past is read from the release of that time.",
    )
    state = forms.ChoiceField(
        label="State", choices=_STATES, required=False, initial=RELEASED
    )
    ip = forms.CharField(label="Address", required=False, max_length=64)
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        label="Country",
        required=False,
        error_messages={"invalid": "Write two letters, such as DE."},
    )
    city = forms.CharField(label="City", required=False, max_length=100)
    mfa = forms.TypedChoiceField(
        label="MFA level", choices=_LEVELS, required=False, coerce=int, empty_value=None
    )
    device = forms.ChoiceField(label="Device", choices=_TRUST, required=False)
    risk = forms.IntegerField(label="Risk", required=False, min_value=0, max_value=100)
    ticket = forms.CharField(label="Ticket", required=False, max_length=LONGEST)
    method = forms.CharField(label="HTTP method", required=False, max_length=16)
    path = forms.CharField(label="HTTP path", required=False, max_length=2000)

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse a time for a state that has none."""
        values = super().clean() or self.cleaned_data
        if values.get("state") == DRAFT and values.get("at"):
            self.add_error(
                "at", "What is not yet released has no past: leave it empty."
            )
        return values

    def clean_ip(self) -> str:
        """Return an address in its canonical spelling."""
        text = str(self.cleaned_data["ip"])
        if not text:
            return ""
        try:
            return normalize_ip(text)
        except ContextError as error:
            raise ValidationError("Write an IPv4 or IPv6 address.") from error

    def clean_country(self) -> str:
        """Return a country as codes are written."""
        return str(self.cleaned_data["country"]).upper()

    @property
    def moment(self) -> dt.datetime | None:
        """Return the moment that is asked about, if it is not now."""
        found = self.cleaned_data.get("at")
        return found if isinstance(found, dt.datetime) else None

    @property
    def context(self) -> dict[str, Any]:
        """Return what is known, as the context of a question."""
        names = ("ip", "country", "city", "mfa", "risk", "ticket", "method", "path")
        values = self.cleaned_data
        found = {n: values[n] for n in names if values.get(n) not in (None, "")}
        if values.get("device"):
            found["device"] = {"trusted": values["device"] == "true"}
        return found

    @property
    def main(self) -> list[forms.BoundField]:
        """Return the fields that make the question."""
        own = [name for name in self.fields if name not in Circumstances.base_fields]
        return [self[name] for name in own]

    @property
    def times(self) -> list[forms.BoundField]:
        """Return the fields that say when."""
        return [self["at"], self["state"]]

    @property
    def places(self) -> list[forms.BoundField]:
        """Return the fields that say from where and how."""
        return [self[n] for n in Circumstances.base_fields if n not in {"at", "state"}]

    @property
    def has_places(self) -> bool:
        """Say whether anything is said about where from and how."""
        return any(self[field.name].value() or field.errors for field in self.places)


class ActionForm(Circumstances):
    """An action that people name."""

    action = forms.CharField(
        max_length=LONGEST,
        widget=forms.TextInput({"list": "actions", "autocomplete": "off"}),
    )


class WhyForm(ActionForm):
    """Ask whether one may do something oneself, and why."""

    resource = EntityField("resources")
    field_order: tuple[str, ...] = ("action", "resource")


class ExplainForm(WhyForm):
    """Ask whether somebody may do something, and why."""

    principal = EntityField("principals", label="Who")
    field_order: tuple[str, ...] = ("principal", "action", "resource")


class ActionsForm(Circumstances):
    """Ask what somebody may do to one resource."""

    principal = EntityField("principals", label="Who")
    resource = EntityField("resources")
    field_order: tuple[str, ...] = ("principal", "resource")


class WhoForm(ActionForm):
    """Ask who may do something."""

    resource = EntityField("resources")
    kind = forms.ChoiceField(
        label="Kind of principal",
        required=False,
        choices=[
            ("", "People and services"),
            ("User", "People"),
            ("Service", "Services"),
        ],
    )
    field_order: tuple[str, ...] = ("action", "resource", "kind")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the types of principals that are asked for."""
        kind = self.cleaned_data.get("kind")
        return (str(kind),) if kind else PRINCIPAL_TYPES


class WhatForm(Circumstances):
    """Ask what somebody may do."""

    principal = EntityField("principals", label="Who")
    kind = forms.CharField(
        label="Resource type", required=False, max_length=64, help_text="Empty is all."
    )
    field_order: tuple[str, ...] = ("principal", "kind")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the types of resources that are asked for; none means all."""
        kind = self.cleaned_data.get("kind")
        return (str(kind),) if kind else ()


@dataclass(frozen=True)
class Question:
    """A form that was sent, and what was in force at the moment it names."""

    form: Circumstances
    world: World
    request: Request


def question(
    form: Circumstances, principal: EntityRef | None = None
) -> Question | None:
    """Return what is asked, or None; the form then says what is wrong with it."""
    if not form.is_bound or not form.is_valid():
        return None
    now = timezone.now()
    values = form.cleaned_data
    moment = form.moment or now
    if values.get("state") == DRAFT:
        world: World | None = live_world(now)
    else:
        world = selectors.world_at(moment)
    if world is None:
        form.add_error("at", "Nothing had been released by then.")
        return None
    who = principal or values.get("principal")
    what = values.get("resource")
    check(form, world, who if principal is None else None)
    if form.errors:
        return None
    request = Request(
        who or _NOBODY,
        str(values.get("action", "")),
        what or EntityRef("", "-"),
        moment,
        form.context,
    )
    return Question(form, world, request)


def check(form: Circumstances, world: World, who: EntityRef | None) -> None:
    """Say beside its field what the release does not know."""
    values = form.cleaned_data
    if who is not None and who not in world.engine.entities.principals:
        form.add_error("principal", f"{who.type} {who.id} was not registered then.")
    resource = values.get("resource")
    if resource is not None and resource not in world.engine.entities.groups:
        form.add_error(
            "resource", f"{resource.type} {resource.id} was not registered then."
        )
    action = values.get("action")
    if action and action not in world.engine.actions:
        form.add_error("action", "There was no such action then.")


def offered(found: Question | None) -> dict[str, Any]:
    """Return the names that the fields offer while one types."""
    if found:
        return listed(found.world)
    return listed(selectors.world_at(timezone.now()))


def listed(world: World | None) -> dict[str, Any]:
    """Return the names that a world knows."""
    world = world or live_world(timezone.now())
    return {
        "principals": [f"{p.type}::{p.id}" for p in world.principals[:MOST_LISTED]],
        "resources": [f"{r.type}::{r.id}" for r in world.resources[:MOST_LISTED]],
        "actions": world.actions[:MOST_LISTED],
    }
