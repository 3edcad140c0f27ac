"""Forms about channels and preferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.notifications.choices import ChannelKind, Event, Mail
from apps.notifications.models import Channel
from apps.notifications.rules.preferences import FORCED, default_of
from apps.notifications.services import ChannelSpec

_ADDRESS = forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"})


class ChannelForm(forms.Form):
    """Where a channel leads, and what goes there."""

    name = forms.CharField(
        max_length=Channel.NAME_LENGTH, help_text="For example On-call in Slack."
    )
    url = forms.CharField(
        label="Address",
        max_length=2000,
        required=False,
        widget=_ADDRESS,
        help_text="An https address on the public internet. Empty keeps what is there.",
    )
    events = forms.MultipleChoiceField(
        label="What goes there",
        choices=[(event.value, event.label) for event in Event],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen means everything.",
    )

    def spec(self) -> ChannelSpec:
        """Return what was entered."""
        return ChannelSpec(
            name=self.cleaned_data["name"],
            url=self.cleaned_data["url"].strip(),
            events=self.cleaned_data["events"],
        )


class NewChannelForm(ChannelForm):
    """A channel that is added; what it is stays."""

    kind = forms.ChoiceField(choices=ChannelKind.choices)

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=_ADDRESS,
        help_text="An https address on the public internet.",
    )

    field_order = ("name", "kind", "url", "events")


class PreferencesForm(forms.Form):
    """One choice for each event that leaves one."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, chosen: Mapping[str, str]
    ) -> None:
        super().__init__(data)
        for event in Event:
            if event not in FORCED:
                self.fields[_name(event)] = forms.ChoiceField(
                    label=event.label,
                    choices=Mail.choices,
                    initial=chosen.get(event, default_of(event)),
                )

    def chosen(self) -> dict[Event, Mail]:
        """Return what was chosen."""
        return {
            event: Mail(self.cleaned_data[_name(event)])
            for event in Event
            if event not in FORCED
        }


def _name(event: Event) -> str:
    return event.value.replace(".", "-")
