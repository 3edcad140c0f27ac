"""What people fill in about a request."""

from __future__ import annotations

from django import forms


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
