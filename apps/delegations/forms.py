"""Forms for lending, for being away, and for what a tenant allows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django import forms
from django.http import QueryDict
from django.utils import timezone

from apps.accounts.models import User
from apps.delegations import selectors
from apps.delegations.rules import MOST_DAYS, MOST_DEPTH, Limits, Times
from apps.delegations.services import OfferSpec
from apps.roles.models import Principal, Role
from apps.roles.rules import effective_permissions
from apps.roles.selectors import role_graph
from protocol.records import EntityRef

EVERYWHERE = "everywhere"
_BROWSER = "%Y-%m-%dT%H:%M"
_FORMATS = [_BROWSER, "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]


def _moment(label: str, help_text: str, *, required: bool) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_BROWSER)
    return forms.DateTimeField(
        label=label,
        required=required,
        input_formats=_FORMATS,
        widget=widget,
        help_text=help_text,
    )


class EndForm(forms.Form):
    """Why something is ended."""

    reason = forms.CharField(max_length=200, required=False)


class LendForm(forms.Form):
    """What is lent, to whom, where and how long. Only what one holds is offered."""

    right = forms.ChoiceField(label="What you lend")
    place = forms.CharField(
        label="Only for",
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"list": "places", "autocomplete": "off"}),
        help_text="A resource or group inside of that, as Node::web-1. Empty: all "
        "of it.",
    )
    delegate = forms.ChoiceField(label="To whom")
    start = _moment("From", "UTC. Empty: as soon as it is accepted.", required=False)
    end = _moment("Until", "", required=True)
    reason = forms.CharField(
        max_length=200, help_text="Both of you and the audit log keep it."
    )
    may_redelegate = forms.BooleanField(label="May be passed on once", required=False)

    def __init__(
        self, data: QueryDict | None, *, principal: Principal | None, now: dt.datetime
    ) -> None:
        super().__init__(data, initial={"end": now + dt.timedelta(days=1)})
        self.limits = selectors.limits()
        self.rights = selectors.lendable(principal, now) if principal else []
        user_id = principal.user_id if principal else None
        people = selectors.borrowers(user_id) if user_id else []
        names = dict(Role.objects.values_list("slug", "name"))
        choose(self, "right", [_right(*pair, names) for pair in self.rights])
        choose(self, "delegate", [(row.key, f"{row} ({row.key})") for row in people])
        end = self.fields["end"]
        end.help_text = f"UTC, at most {self.limits.max_days} days later."
        if self.limits.max_depth < MOST_DEPTH:
            del self.fields["may_redelegate"]

    def clean_place(self) -> EntityRef | None:
        """Return the resource that was named, if one was."""
        text = str(self.cleaned_data["place"]).strip()
        if not text:
            return None
        kind, _, key = text.partition("::")
        if not key:
            raise forms.ValidationError("Write type and key, such as Node::web-1.")
        return EntityRef(kind, key)

    def spec(self) -> OfferSpec:
        """Return what the service asks for."""
        chosen = self.cleaned_data
        role, _, scope = chosen["right"].partition("@")
        kind, _, key = scope.partition("::")
        whole = EntityRef(kind, key) if scope != EVERYWHERE else None
        return OfferSpec(
            delegate=EntityRef("User", chosen["delegate"]),
            role=role,
            scope=chosen["place"] or whole,
            start=chosen["start"],
            end=chosen["end"],
            reason=chosen["reason"],
            may_redelegate=chosen.get("may_redelegate", False),
        )


class AbsenceForm(forms.Form):
    """When an approver is away, and who stands in."""

    stand_in = forms.ChoiceField(
        label="Who stands in", help_text="Another approver, who has to agree."
    )
    start = _moment("From", "UTC. Empty: as soon as they agree.", required=False)
    end = _moment("Until", "UTC, at most 90 days later.", required=True)
    reason = forms.CharField(max_length=200, help_text="For example: on holiday.")

    def __init__(self, data: QueryDict | None, *, user: User, now: dt.datetime) -> None:
        super().__init__(data, initial={"end": now + dt.timedelta(days=7)})
        self.people = {str(row.pk): row for row in selectors.other_approvers(user)}
        choose(
            self,
            "stand_in",
            [
                (pk, f"{row.display_name} ({row.username})")
                for pk, row in self.people.items()
            ],
        )

    def person(self) -> User:
        """Return who was chosen."""
        return self.people[self.cleaned_data["stand_in"]]

    def times(self) -> Times:
        """Return from when until when."""
        chosen = self.cleaned_data
        return Times(chosen["start"] or timezone.now(), chosen["end"])


class PolicyForm(forms.Form):
    """What may be lent in a tenant."""

    is_allowed = forms.BooleanField(
        label="Members may lend what they hold",
        required=False,
        help_text="Switching it off ends everything that is lent, at once.",
    )
    max_days = forms.IntegerField(
        label="For at most so many days",
        min_value=1,
        max_value=MOST_DAYS,
        help_text=f"1 to {MOST_DAYS}.",
    )
    max_depth = forms.TypedChoiceField(
        label="Passing on",
        coerce=int,
        choices=[
            (1, "What is borrowed is never passed on"),
            (2, "Who lends may allow passing it on once"),
        ],
    )

    def limits(self) -> Limits:
        """Return what was chosen."""
        return Limits(**self.cleaned_data)


def choose(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    """Set what a field offers."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
    field.choices = choices


def _right(role: str, scope: str, names: Mapping[str, str]) -> tuple[str, str]:
    where = f"on {scope}" if scope else "everywhere"
    return f"{role}@{scope or EVERYWHERE}", f"{names[role]} {where}"


def permissions_of(roles: set[str]) -> list[tuple[str, list[str]]]:
    """Return what each role lets its holder do, in words."""
    graph = role_graph()
    names = dict(Role.objects.values_list("slug", "name"))
    return [
        (
            names[role],
            sorted(
                f"{each.action} on {each.resource_type}"
                for each in effective_permissions(graph, role)
            ),
        )
        for role in sorted(roles)
    ]
