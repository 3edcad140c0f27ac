"""What rights on single objects are worth: which objects somebody may touch now.

Models offer themselves by `constraint_fields`: a mapping of the names that constraints
may use to where the value is kept. Models without one are never delegated.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.choices import Scope
from apps.accounts.models import User
from apps.accounts.rules import role_allows
from apps.accounts.selectors import roles_in_scope
from apps.roles import rules
from apps.roles.choices import AttributeType, GrantAction, GrantState
from apps.roles.errors import (
    ConstraintInvalidError,
    GrantInvalidError,
    GrantNotFoundError,
)
from apps.roles.models import AttributeDefinition, ObjectGrant, PrincipalGroup
from apps.roles.rules import Constraint, Kind, ScopeField
from apps.tenants.models import TenantModel
from apps.tenants.services import current_tenant_id

M = TypeVar("M", bound=models.Model)
_ATTRIBUTES = "attributes"
# How the scopes of tokens call what an app holds.
_SCOPES = {
    "roles": "roles",
    "scopes": "scopes",
    "policies": "policies",
    "approvals": "requests",
}
_CACHE = "_portward_grants"
_ATTRIBUTE_KINDS = {
    AttributeType.TEXT: Kind.JSON_TEXT,
    AttributeType.INTEGER: Kind.JSON_NUMBER,
    AttributeType.YES_NO: Kind.JSON_YES_NO,
}


def grantable_models() -> dict[str, type[TenantModel]]:
    """Return the models whose objects may be delegated, by app and model."""
    found = {
        model._meta.label_lower: model  # noqa: SLF001  # Django's documented model API
        for model in apps.get_models()
        if issubclass(model, TenantModel) and hasattr(model, "constraint_fields")
    }
    return dict(sorted(found.items()))


def grantable_model(name: str) -> type[TenantModel]:
    """Return a model that may be delegated. Raises GrantInvalidError."""
    model = grantable_models().get(name.lower())
    if model is None:
        raise GrantInvalidError(
            f"Nothing of “{name:.60}” can be delegated.",
            field="model",
            remedy=f"Use one of {', '.join(grantable_models())}.",
        )
    return model


def scope_fields(model: type[models.Model]) -> dict[str, ScopeField]:
    """Return what constraints of a model may ask for, in the open tenant."""
    named: Mapping[str, str] = getattr(model, "constraint_fields", {})
    found = {name: _scope_field(model, name, path) for name, path in named.items()}
    attributes = found.pop(_ATTRIBUTES, None)
    if attributes is not None:
        found |= _attribute_fields()
    return found


def constraint_of(grant: ObjectGrant) -> Constraint:
    """Return what a grant asks of objects; nothing fits one that no longer reads."""
    model = grant.content_type.model_class()
    if grant.constraint is None or model is None:
        return ()
    try:
        return rules.read_constraint(grant.constraint, scope_fields(model))
    except ConstraintInvalidError:
        return ()


def grants() -> QuerySet[ObjectGrant]:
    """Return all grants of the tenant, newest first."""
    return ObjectGrant.objects.select_related(
        "user", "group", "permission__content_type", "content_type", "parent"
    ).order_by("-created_at", "id")


def grant_by_id(grant_id: uuid.UUID) -> ObjectGrant:
    """Return a grant or raise GrantNotFoundError."""
    row = grants().filter(pk=grant_id).first()
    if row is None:
        raise GrantNotFoundError
    return row


def grants_in(state: str, now: dt.datetime) -> Q:
    """Return what selects the grants that are in a state at a moment."""
    match GrantState(state):
        case GrantState.REVOKED:
            return Q(revoked_at__isnull=False)
        case GrantState.EXPIRED:
            return Q(revoked_at__isnull=True, until__lte=now)
        case GrantState.NOW:
            return Q(revoked_at__isnull=True, until__gt=now)


def live_grants(now: dt.datetime) -> QuerySet[ObjectGrant]:
    """Return the grants that hold at a moment."""
    return grants().filter(grants_in(GrantState.NOW, now))


def grants_of(user_id: uuid.UUID, now: dt.datetime) -> QuerySet[ObjectGrant]:
    """Return the grants that a person holds at a moment, also through groups."""
    mine = PrincipalGroup.objects.filter(members__user_id=user_id)
    return live_grants(now).filter(Q(user_id=user_id) | Q(group__in=mine))


def carries_grants(group_id: uuid.UUID, now: dt.datetime) -> bool:
    """Say whether membership of a group gives rights on objects."""
    return live_grants(now).filter(group_id=group_id).exists()


def held(user: User, now: dt.datetime) -> list[ObjectGrant]:
    """Return what a person holds at a moment; read once for a request's person.

    Who is no member, frozen or sealed holds nothing.
    """
    tenant_id = current_tenant_id()
    if tenant_id is None or not user.is_active or not roles_in_scope(user):
        return []
    cache: dict[uuid.UUID, list[ObjectGrant]] = user.__dict__.setdefault(_CACHE, {})
    if tenant_id not in cache:
        cache[tenant_id] = list(grants_of(user.pk, now))
    return [row for row in cache[tenant_id] if row.until > now]


def has_some(user: User, permission: str) -> bool:
    """Say whether a person may do something to any object of a model."""
    return bool(_relevant(user, permission, timezone.now()))


def holds_any(user: User, app_label: str = "") -> bool:
    """Say whether anything, or anything of one app, is delegated to a person."""
    return any(
        row.content_type.app_label == app_label or not app_label
        for row in held(user, timezone.now())
    )


def holds(user: User, permission: str, obj: models.Model) -> bool:
    """Say whether a person's grants let them do something to an object now."""
    label = obj._meta.label_lower  # noqa: SLF001  # Django's documented model API
    return _model_of(permission) == label and any(
        covers(row, obj) for row in _relevant(user, permission, timezone.now())
    )


def covers(grant: ObjectGrant, obj: models.Model) -> bool:
    """Say whether an object is in the scope of a grant, and of what it came from."""
    if grant.parent is not None and not covers(grant.parent, obj):
        return False
    if grant.object_pk:
        return grant.object_pk == str(obj.pk)
    constraint = constraint_of(grant)
    return rules.matches(constraint, values_of(obj, constraint))


def visible(user: User, permission: str, rows: QuerySet[M]) -> QuerySet[M]:
    """Return only the rows that a person's grants let them do something to now."""
    if _model_of(permission) != rows.model._meta.label_lower:  # noqa: SLF001  # Django's documented model API
        return rows.none()
    wanted = Q(pk__in=[])
    for grant in _relevant(user, permission, timezone.now()):
        wanted |= _selects(grant)
    # By key: a join to what an object has several of would repeat it.
    keys = rows.model._default_manager.filter(wanted).values("pk")  # noqa: SLF001  # Django's documented model API
    return rows.filter(pk__in=keys)


def concerning(user_id: uuid.UUID) -> Q:
    """Return what selects the grants that a person holds, or gave."""
    mine = PrincipalGroup.objects.filter(members__user_id=user_id)
    return Q(user_id=user_id) | Q(group__in=mine) | Q(granted_by=user_id)


def covered(grant: ObjectGrant) -> QuerySet[Any]:
    """Return the objects that a grant is about, while it holds."""
    model = grant.content_type.model_class()
    if model is None:
        return ObjectGrant.objects.none()
    rows = model._default_manager  # noqa: SLF001  # Django's documented model API
    return rows.filter(pk__in=rows.filter(_selects(grant)).values("pk"))


def say_scope(grant: ObjectGrant) -> str:
    """Return which objects a grant is about, in words."""
    if not grant.object_pk:
        return f"{grant.kind} where {rules.say_constraint(grant.constraint)}"
    model = grant.content_type.model_class()
    name = model._meta.verbose_name if model else grant.model_name  # noqa: SLF001  # Django's documented model API
    return f"{name} “{grant.content_object or 'that is gone'}”"


def values_of(obj: models.Model, constraint: Constraint) -> dict[str, Any]:
    """Return the values of the fields that a constraint asks an object for."""
    fields = {one.field.name: one.field for part in constraint for one in part}
    return {name: _value(obj, field) for name, field in fields.items()}


def object_scopes(user: User) -> frozenset[str]:
    """Return the scopes that a person's grants give a token, for their objects only."""
    found: set[str] = set()
    for row in held(user, timezone.now()):
        name = _SCOPES.get(row.content_type.app_label, "")
        verbs = ["read"] if row.action == GrantAction.VIEW else ["read", "write"]
        found.update(f"{name}.{verb}" for verb in verbs)
    return frozenset(found) & frozenset(Scope.values)


def acts_on_all(user: User, action: str) -> bool:
    """Say whether a person's roles let them do something to everything."""
    return role_allows(roles_in_scope(user), action)


def _relevant(user: User, permission: str, now: dt.datetime) -> list[ObjectGrant]:
    action, model = _action_of(permission), _model_of(permission)
    actions = {action}
    if action == GrantAction.VIEW:
        actions.update({GrantAction.CHANGE, GrantAction.ADD})
    return [
        row
        for row in held(user, now)
        if row.action in actions and row.model_name == model
    ]


def _selects(grant: ObjectGrant) -> Q:
    if grant.object_pk:
        own = Q(pk=grant.object_pk)
    else:
        own = Q(pk__in=[])
        for alternative in constraint_of(grant):
            own |= Q(*(Q(one.argument) for one in alternative))
    return own if grant.parent is None else own & _selects(grant.parent)


def _action_of(permission: str) -> str:
    return permission.partition(".")[2].partition("_")[0]


def _model_of(permission: str) -> str:
    app, _, codename = permission.partition(".")
    return f"{app}.{codename.partition('_')[2]}"


def _scope_field(model: type[models.Model], name: str, path: str) -> ScopeField:
    if name == _ATTRIBUTES:
        return ScopeField(name, path, Kind.JSON_TEXT)
    found: Any = None
    is_many, owner = False, model
    for part in path.split("__"):
        if isinstance(found, models.JSONField):
            return ScopeField(name, path, Kind.JSON_TEXT)
        found = owner._meta.get_field(part)  # noqa: SLF001  # Django's documented model API
        is_many = is_many or bool(found.many_to_many)
        owner = cast("type[models.Model]", found.related_model or owner)
    choices = tuple(str(value) for value, _ in found.choices or ())
    return ScopeField(name, path, _kind_of(found), choices, is_many)


def _kind_of(field: models.Field[Any, Any]) -> Kind:
    match field:
        case models.BooleanField():
            return Kind.YES_NO
        case models.IntegerField():
            return Kind.NUMBER
        case models.DateTimeField():
            return Kind.MOMENT
        case models.CharField() | models.TextField():
            return Kind.TEXT
        case _:
            raise TypeError(f"{field} cannot stand in a constraint")


def _attribute_fields() -> dict[str, ScopeField]:
    rows = AttributeDefinition.objects.values_list("name", "type").order_by("name")
    found: dict[str, ScopeField] = {}
    clashing = set()
    for name, kind in rows:
        if kind not in _ATTRIBUTE_KINDS:
            continue
        path = f"{_ATTRIBUTES}__{name}"
        field = ScopeField(path, path, _ATTRIBUTE_KINDS[AttributeType(kind)])
        if found.setdefault(path, field) != field:
            clashing.add(path)
    # One name of two types on two kinds of things says nothing certain.
    return {path: field for path, field in found.items() if path not in clashing}


def _value(obj: models.Model, field: ScopeField) -> Any:  # noqa: ANN401  # of the field's type
    found: list[Any] = [obj]
    for part in field.path.split("__"):
        found = [after for one in found for after in _step(one, part)]
    if field.is_many:
        return tuple(found)
    return found[0] if found else None


def _step(value: Any, part: str) -> Iterable[Any]:  # noqa: ANN401  # of the field's type
    if isinstance(value, Mapping):
        return [value[part]] if part in value else []
    after: Any = getattr(value, part, None)
    if hasattr(after, "all"):
        return cast("Iterable[Any]", after.all())
    return [] if after is None else [after]
