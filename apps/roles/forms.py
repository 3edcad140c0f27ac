"""Forms of this app. What is valid is for the rules to say."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from typing_extensions import override

from apps.accounts.selectors import members
from apps.roles import rules, selectors
from apps.roles.choices import (
    AttributeSource,
    AttributeType,
    GrantAction,
    PrincipalType,
    SeparationKind,
    Tier,
)
from apps.roles.models import RESOURCE_GROUP
from protocol.canonical import parse_json
from protocol.errors import CanonicalError

# More than this nobody finds in a list; a constraint says it better.
MOST_OBJECTS = 500
_MANY = forms.SelectMultiple(attrs={"size": 10})
Choices = Sequence[tuple[str, str]]


def _types() -> Choices:
    return [(name, name) for name in _type_names()]


def _resource_types() -> Choices:
    return [*_types(), (RESOURCE_GROUP, "Resource group")]


def _entity_types() -> Choices:
    return [*PrincipalType.choices, *_types()]


def _type_names() -> list[str]:
    return list(selectors.resource_types().values_list("name", flat=True))


def _permissions() -> Choices:
    return [
        (f"{row.resource_type.name}::{row.action}", f"{row} ({row.get_tier_display()})")
        for row in selectors.permissions()
    ]


def _roles() -> Choices:
    return list(selectors.roles().values_list("slug", "name"))


def _groups() -> Choices:
    rows = selectors.resources().filter(type=RESOURCE_GROUP)
    return [(row.key, str(row)) for row in rows]


def _principals() -> Choices:
    return [(f"{p.type}::{p.key}", f"{p} ({p.type})") for p in selectors.principals()]


def _users() -> Choices:
    """Offer people only: a service neither manages nor owns."""
    rows = selectors.principals().filter(type=PrincipalType.USER)
    return [("", "Nobody"), *((f"{p.type}::{p.key}", str(p)) for p in rows)]


def _owners() -> Choices:
    return [choice for choice in _users() if choice[0]]


def _members() -> Choices:
    rows = [(str(m.user_id), str(m.user)) for m in members()]
    return [("", "Nobody"), *rows]


def _holders() -> Choices:
    people = [(f"user:{m.user_id}", str(m.user)) for m in members()]
    groups = [(f"group:{row.pk}", f"{row} (group)") for row in selectors.groups()]
    return [("", "Choose somebody"), *people, *groups]


def _separations() -> Choices:
    return [(str(row.pk), row.name) for row in selectors.separations()]


def _scopes() -> Choices:
    rows = [(f"{r.type}::{r.key}", f"{r.type} {r}") for r in selectors.resources()]
    return [("", "Everywhere"), *rows]


class AttributesField(forms.CharField):
    """Attributes as a JSON object, each in the type that its definition asks for."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text='A JSON object, such as {"clearance": 3}.',
        )

    @override
    def clean(self, value: Any) -> Any:  # Django's signature
        """Return the object that was typed."""
        text = super().clean(value)
        if not text:
            return {}
        try:
            found = parse_json(text.encode())
        except CanonicalError as error:
            raise forms.ValidationError(f"{error.message}.") from error
        if not isinstance(found, dict):
            raise forms.ValidationError("Write a JSON object in braces.")
        return found

    @override
    def prepare_value(self, value: Any) -> Any:  # Django's signature
        """Return the text to edit."""
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False, indent=1) if value else ""
        return value


class ConstraintField(forms.CharField):
    """A constraint as JSON; what it may say is for the rules."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=8192,
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
            help_text='JSON, such as {"tier": "read_only"}; a list means one of them.',
        )

    @override
    def clean(self, value: Any) -> Any:  # Django's signature
        """Return what was typed, or nothing."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_json(text.encode())
        except CanonicalError as error:
            raise forms.ValidationError(f"{error.message}.") from error


class ResourceTypeForm(forms.Form):
    """A resource type."""

    name = forms.CharField(max_length=63)
    description = forms.CharField(max_length=200, required=False)


class PermissionForm(forms.Form):
    """An action on a resource type."""

    action = forms.CharField(max_length=63)
    resource_type = forms.ChoiceField(choices=_types)
    tier = forms.ChoiceField(choices=Tier.choices)
    description = forms.CharField(max_length=200, required=False)


class AttributeForm(forms.Form):
    """An attribute of a type."""

    entity_type = forms.ChoiceField(label="Belongs to", choices=_entity_types)
    name = forms.CharField(max_length=63)
    type = forms.ChoiceField(choices=AttributeType.choices)
    values = forms.CharField(
        label="Allowed values",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One on each line, for texts. Left empty, any value may be given.",
    )
    source = forms.ChoiceField(
        choices=AttributeSource.choices,
        required=False,
        initial=AttributeSource.PORTAL,
    )
    freshness = forms.IntegerField(
        label="Old after (seconds)",
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="How long a value from its source can be relied on.",
    )
    description = forms.CharField(max_length=200, required=False)

    def clean_source(self) -> str:
        """Return where the values come from; by default they are kept here."""
        return str(self.cleaned_data["source"] or AttributeSource.PORTAL)

    def clean_values(self) -> list[str]:
        """Return the lines that hold something."""
        lines = self.cleaned_data["values"].splitlines()
        return [line.strip() for line in lines if line.strip()]


class RoleForm(forms.Form):
    """A role."""

    slug = forms.CharField(
        label="Short name", max_length=63, help_text="Policies refer to it for good."
    )
    name = forms.CharField(max_length=120)
    description = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tier = forms.ChoiceField(choices=Tier.choices, help_text="It holds nothing above.")
    permissions = forms.MultipleChoiceField(
        choices=_permissions,
        required=False,
        widget=_MANY,
        help_text="What it holds by itself: a ceiling that policies may permit.",
    )
    parents = forms.MultipleChoiceField(
        label="Inherits from", choices=_roles, required=False, widget=_MANY
    )


class PrincipalForm(forms.Form):
    """A user or service."""

    type = forms.ChoiceField(choices=PrincipalType.choices)
    key = forms.CharField(
        max_length=255, help_text="User name or SPIFFE id; it never changes."
    )
    name = forms.CharField(max_length=150, required=False)
    attributes = AttributesField()
    user = forms.ChoiceField(
        label="Signs in as",
        choices=_members,
        required=False,
        help_text="The member of this tenant that the principal is in the console.",
    )
    manager = forms.ChoiceField(
        label="Reports to",
        choices=_users,
        required=False,
        help_text="Whom approval flows mean by “manager”.",
    )


class GroupForm(forms.Form):
    """A group of principals."""

    slug = forms.CharField(
        label="Short name", max_length=63, help_text="Approval flows refer to it."
    )
    name = forms.CharField(max_length=120)
    members = forms.MultipleChoiceField(
        choices=_principals, required=False, widget=_MANY
    )


class SeparationForm(forms.Form):
    """Roles that are kept apart."""

    slug = forms.CharField(
        label="Short name", max_length=63, help_text="It never changes."
    )
    name = forms.CharField(max_length=120, help_text="Say it as a rule for people.")
    kind = forms.ChoiceField(
        choices=SeparationKind.choices,
        help_text="Not held: refused when assigned. Not used: both may be held, but "
        "they do not count at the same time for the same resource.",
    )
    roles = forms.MultipleChoiceField(
        choices=_roles, widget=_MANY, help_text="What a role inherits counts as well."
    )
    limit = forms.IntegerField(label="At most together", min_value=1, initial=1)
    owner = forms.ChoiceField(choices=_users, help_text="Who answers for the rule.")
    is_active = forms.BooleanField(label="In force", required=False, initial=True)


class ExceptionForm(forms.Form):
    """An exception from a separation of duties."""

    separation = forms.ChoiceField(label="From", choices=_separations)
    principal = forms.ChoiceField(label="For", choices=_principals)
    owner = forms.ChoiceField(
        choices=_users, help_text="Who answers for it; somebody else."
    )
    reason = forms.CharField(max_length=200)
    until = forms.DateTimeField(help_text="UTC, such as 2026-12-31 08:00.")


class ResourceForm(forms.Form):
    """A resource or resource group."""

    type = forms.ChoiceField(choices=_resource_types)
    key = forms.CharField(max_length=255, help_text="It never changes.")
    name = forms.CharField(max_length=150, required=False)
    attributes = AttributesField()
    groups = forms.MultipleChoiceField(choices=_groups, required=False, widget=_MANY)
    owners = forms.MultipleChoiceField(
        choices=_owners,
        required=False,
        widget=_MANY,
        help_text="Who answers for it; owners of a group, for all that lies in it.",
    )


class AssignmentForm(forms.Form):
    """A principal's role."""

    principal = forms.ChoiceField(choices=_principals)
    role = forms.ChoiceField(choices=_roles)
    scope = forms.ChoiceField(label="Where", choices=_scopes, required=False)
    start = forms.DateTimeField(
        required=False, help_text="UTC, such as 2026-12-31 08:00; empty: at once."
    )
    end = forms.DateTimeField(required=False, help_text="Empty: until it is revoked.")
    reason = forms.CharField(max_length=200, required=False)


class RevokeForm(forms.Form):
    """Why an assignment ends."""

    reason = forms.CharField(
        max_length=200, help_text="It stays in the history of the assignment."
    )


class GrantForm(forms.Form):
    """A right on one object of a model, or on those that fit."""

    holder = forms.ChoiceField(label="For", choices=_holders)
    action = forms.ChoiceField(label="May", choices=GrantAction.choices)
    object_id = forms.TypedChoiceField(
        label="One object", required=False, coerce=uuid.UUID, empty_value=None
    )
    constraint = ConstraintField()
    until = forms.DateTimeField(
        help_text="UTC, such as 2026-12-31 08:00; a year from now at most."
    )
    reason = forms.CharField(max_length=200, help_text="It stays in the audit trail.")
    may_pass_on = forms.BooleanField(
        label="May pass a part of it on",
        required=False,
        help_text="To others, at most as long, and not any further from there.",
    )
    model = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        rows: QuerySet[Any],
        initial: Mapping[str, str],
    ) -> None:
        super().__init__(data, initial=dict(initial))
        named = sorted((str(row), str(row.pk)) for row in rows[:MOST_OBJECTS])
        chooser = self.fields["object_id"]
        assert isinstance(chooser, forms.ChoiceField)  # noqa: S101  # declared above
        chooser.choices = [
            ("", "All that fit the constraint below"),
            *((key, name) for name, key in named),
        ]
        self.scope_fields = [
            (field, rules.LOOKUPS[field.kind])
            for field in selectors.scope_fields(rows.model).values()
        ]


class RoleFileForm(forms.Form):
    """A file of roles, as text."""

    text = forms.CharField(
        label="Roles as YAML or JSON",
        max_length=256 * 1024,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "false"}),
        help_text="Nothing is written before you have seen what would change.",
    )
