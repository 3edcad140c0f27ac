"""Constraints: what they may say, and that memory and database agree."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.roles import rules, selectors
from apps.roles.errors import (
    ConstraintFieldError,
    ConstraintInvalidError,
    ConstraintLookupError,
    ConstraintTypeError,
)
from apps.roles.models import AttributeDefinition, Resource, ResourceGroupMembership
from apps.roles.rules import Kind, ScopeField
from apps.tenants.models import Tenant

FIELDS = {
    "tier": ScopeField("tier", "tier", Kind.TEXT, ("read_only", "operator", "admin")),
    "slug": ScopeField("slug", "slug", Kind.TEXT),
    "size": ScopeField("size", "size", Kind.NUMBER),
    "live": ScopeField("live", "live", Kind.YES_NO),
    "at": ScopeField("at", "at", Kind.MOMENT),
    "group": ScopeField("group", "groups__key", Kind.TEXT, is_many=True),
}


@pytest.mark.parametrize(
    ("document", "error", "field"),
    [
        ("tier", ConstraintInvalidError, "constraint"),
        ([], ConstraintInvalidError, "constraint"),
        ({}, ConstraintInvalidError, "constraint"),
        ([{"slug": "a"}] * 11, ConstraintInvalidError, "constraint"),
        ([{"slug": "a"}, {}], ConstraintInvalidError, "constraint.1"),
        ({"password": "x"}, ConstraintFieldError, "constraint.password"),
        ({"tenant__slug": "x"}, ConstraintFieldError, "constraint.tenant__slug"),
        ({"user__email": "x"}, ConstraintFieldError, "constraint.user__email"),
        ({"slug__regex": "x"}, ConstraintLookupError, "constraint.slug__regex"),
        ({"live__in": [True]}, ConstraintLookupError, "constraint.live__in"),
        ({"slug__gt": "x"}, ConstraintLookupError, "constraint.slug__gt"),
        (
            {"group": "a", "group__startswith": "b"},
            ConstraintLookupError,
            "constraint.group",
        ),
        ({"slug": 1}, ConstraintTypeError, "constraint.slug"),
        ({"slug": None}, ConstraintTypeError, "constraint.slug"),
        ({"slug": ""}, ConstraintTypeError, "constraint.slug"),
        ({"slug": "a\0"}, ConstraintTypeError, "constraint.slug"),
        ({"slug__startswith": ""}, ConstraintTypeError, "constraint.slug__startswith"),
        ({"slug__in": "ab"}, ConstraintTypeError, "constraint.slug__in"),
        ({"slug__in": []}, ConstraintTypeError, "constraint.slug__in"),
        ({"tier": "root"}, ConstraintTypeError, "constraint.tier"),
        ({"size": True}, ConstraintTypeError, "constraint.size"),
        ({"size": 2**40}, ConstraintTypeError, "constraint.size"),
        ({"live": 1}, ConstraintTypeError, "constraint.live"),
        ({"at__lt": "2026-01-01T00:00:00"}, ConstraintTypeError, "constraint.at__lt"),
        ([{"slug": "a"}, {"tier": 1}], ConstraintTypeError, "constraint.1.tier"),
    ],
)
def test_a_constraint_that_does_not_fit_names_the_place(
    document: object, error: type[ConstraintInvalidError], field: str
) -> None:
    with pytest.raises(error) as refused:
        rules.read_constraint(document, FIELDS)
    assert (refused.value.field, type(refused.value)) == (field, error)


@pytest.mark.parametrize(
    ("document", "values", "expected"),
    [
        ({"tier": "operator"}, {"tier": "operator"}, True),
        ({"tier": "operator"}, {"tier": "admin"}, False),
        ({"tier": "operator"}, {}, False),
        ({"slug__in": ["a", "b"]}, {"slug": "b"}, True),
        ({"slug__startswith": "db-"}, {"slug": "db-1"}, True),
        ({"slug__endswith": "-1"}, {"slug": "db-1"}, True),
        ({"slug__startswith": "db-"}, {"slug": "DB-1"}, False),
        ({"size": 1}, {"size": True}, False),
        ({"size__gte": 3, "slug": "a"}, {"size": 3, "slug": "b"}, False),
        ([{"size__lt": 3}, {"slug": "b"}], {"size": 3, "slug": "b"}, True),
        ({"group": "web"}, {"group": ("db", "web")}, True),
        ({"group": "web"}, {"group": ()}, False),
        (
            {"at__lte": "2026-01-01T00:00:00+00:00"},
            {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
            True,
        ),
    ],
)
def test_all_conditions_of_one_alternative_hold(
    document: object,
    values: dict[str, Any],
    expected: bool,  # noqa: FBT001
) -> None:
    assert rules.matches(rules.read_constraint(document, FIELDS), values) is expected


def test_a_constraint_is_said_in_words() -> None:
    said = rules.say_constraint([{"tier": "read_only"}, {"slug__startswith": "db-"}])
    assert said == "tier is read_only or slug starts with db-"


WORDS = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "a%",
        "a_",
        "\\a",
        "A",
        "é",
        "e\u0301",
        "ß",
        '"',
        "1",
        "true",
        " a",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["stage", "size", "live"]),
    st.one_of(WORDS, st.integers(-2, 2), st.booleans(), st.none()),
)
ROWS = st.lists(
    st.tuples(
        WORDS,
        WORDS | st.just(""),
        ATTRIBUTES,
        st.sets(st.sampled_from(["web", "db"])),
    ),
    max_size=4,
)
TEXT = st.one_of(
    st.tuples(st.just("__startswith"), WORDS),
    st.tuples(st.just("__endswith"), WORDS),
    st.tuples(st.just("__in"), st.lists(WORDS, min_size=1, max_size=3)),
    st.tuples(st.just(""), WORDS),
)
CONDITION = st.one_of(
    st.tuples(st.sampled_from(["key", "name", "group"]), TEXT).map(
        lambda p: (p[0] + p[1][0], p[1][1])
    ),
    st.tuples(st.just("group"), st.sampled_from(["web", "db"])),
    st.tuples(st.just("attributes__stage"), WORDS),
    st.tuples(
        st.just("attributes__stage__in"), st.lists(WORDS, min_size=1, max_size=3)
    ),
    st.tuples(st.just("attributes__size"), st.integers(-2, 2)),
    st.tuples(st.just("attributes__live"), st.booleans()),
)
CONSTRAINT = st.lists(
    st.lists(CONDITION, min_size=1, max_size=3).map(
        lambda pairs: dict(
            {
                (k.split("__")[0] if k.startswith("group") else k): (k, v)
                for k, v in pairs
            }.values()
        )
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.django_db
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, document=CONSTRAINT)
def test_memory_and_database_select_the_same_rows(
    in_tenant: Tenant, rows: list[Any], document: list[dict[str, Any]]
) -> None:
    ResourceGroupMembership.objects.all().delete()
    Resource.objects.all().delete()
    for name, kind in (("stage", "string"), ("size", "long"), ("live", "bool")):
        AttributeDefinition.objects.get_or_create(
            tenant=in_tenant, entity_type="Node", name=name, defaults={"type": kind}
        )
    groups = {
        key: Resource.objects.create(tenant=in_tenant, type="ResourceGroup", key=key)
        for key in ("web", "db")
    }
    for place, (key, name, attributes, inside) in enumerate(rows):
        row = Resource.objects.create(
            tenant=in_tenant,
            type=f"Node{place}",
            key=key,
            name=name,
            attributes=attributes,
        )
        for group in inside:
            ResourceGroupMembership.objects.create(
                tenant=in_tenant, resource=row, group=groups[group]
            )
    constraint = rules.read_constraint(document, selectors.scope_fields(Resource))
    wanted = Q(pk__in=[])
    for alternative in constraint:
        wanted |= Q(*(Q(one.argument) for one in alternative))
    in_database = set(Resource.objects.filter(wanted).values_list("pk", flat=True))
    in_memory = {
        row.pk
        for row in Resource.objects.all()
        if rules.matches(constraint, selectors.values_of(row, constraint))
    }
    assert in_memory == in_database
