"""What people fill in about a request."""

from __future__ import annotations

from django import forms

from apps.elevations.models import Eligibility
from apps.elevations.rules import default_minutes


class ProposeForm(forms.Form):
    """The words that go with a set of drafts."""

    title = forms.CharField(
        max_length=160, help_text="What changes, in one line. Approvers see it first."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Why the change is needed; a ticket, if there is one.",
    )


class CancelForm(forms.Form):
    """Why a request is withdrawn."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)


class ElevationForm(forms.Form):
    """Why somebody needs a role, and for how long."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What happened, and what you are going to do. Approvers read this.",
    )
    ticket = forms.CharField(max_length=64, required=False)
    minutes = forms.IntegerField(label="For how many minutes")

    def __init__(
        self, *args: object, eligibility: Eligibility, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        terms = eligibility.terms
        minutes, ticket = self.fields["minutes"], self.fields["ticket"]
        minutes.initial = default_minutes(terms)
        minutes.widget.attrs |= {"min": 1, "max": terms.longest}
        minutes.help_text = f"At most {terms.longest}. It ends by itself."
        if terms.ticket_pattern:
            ticket.help_text = f"Needed here. It looks like {terms.ticket_pattern}."
        else:
            ticket.label = "Ticket (if there is one)"
