"""Forms about windows and locations. What is valid is for the rules to say."""

from __future__ import annotations

from django import forms

from apps.scopes.choices import Weekday


class WindowForm(forms.Form):
    """A time window."""

    slug = forms.CharField(
        label="Short name", max_length=63, help_text="Policies refer to it for good."
    )
    name = forms.CharField(max_length=120)
    zone = forms.CharField(
        label="Time zone", max_length=64, help_text="IANA name, such as Europe/Berlin."
    )
    weekdays = forms.TypedMultipleChoiceField(
        choices=Weekday.choices, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    start = forms.CharField(max_length=5, help_text="From 00:00.")
    end = forms.CharField(max_length=5, help_text="Up to 24:00; not included.")
    is_overnight = forms.BooleanField(label="Runs past midnight", required=False)
    date_from = forms.DateField(
        label="First date", required=False, help_text="Such as 2026-12-31, or empty."
    )
    date_until = forms.DateField(label="Last date", required=False)


class LocationForm(forms.Form):
    """A location."""

    slug = forms.CharField(
        label="Short name", max_length=63, help_text="Policies refer to it for good."
    )
    name = forms.CharField(max_length=120)
    cidrs = forms.CharField(
        label="Address ranges",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One a line, such as 10.1.0.0/16 or 2001:db8::/32.",
    )
    countries = forms.CharField(
        required=False, help_text="Two-letter codes, such as DE, FR."
    )
