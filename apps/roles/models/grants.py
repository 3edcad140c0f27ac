"""Rights on single objects: the one module that knows django-guardian.

guardian gives the rows their shape and checks that a permission belongs to the
object's class. Its own tables know no tenant, no end and no trail, so its settings name
this table, which row level security guards.
What a grant is worth is answered by apps.roles.selectors, and never by guardian: it
would ignore the end, and believe the superuser flag. See ADR 0019.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from guardian.models import UserObjectPermissionAbstract
from typing_extensions import override

from apps.accounts.models import User
from apps.core.models import TimestampedModel
from apps.roles.choices import GrantAction
from apps.roles.models.registry import PrincipalGroup
from apps.tenants.models import TenantModel


class ObjectGrant(TenantModel, TimestampedModel, UserObjectPermissionAbstract):
    """A person or a group may do something to one object, or to those that fit.

    A trigger lets a row be made and revoked, and nothing else. `parent` is the grant
    that this one was passed on from: it never reaches further than that.
    """

    user = models.ForeignKey(  # type: ignore[assignment]  # guardian wants one always
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    group = models.ForeignKey(
        PrincipalGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="object_grants",
    )
    permission = models.ForeignKey(
        Permission, on_delete=models.PROTECT, related_name="object_grants"
    )
    content_type = models.ForeignKey(
        ContentType, on_delete=models.PROTECT, related_name="+"
    )
    object_pk = models.CharField(  # type: ignore[assignment]  # noqa: DJ001  # no object is not one without a name
        "object", max_length=255, null=True, blank=True
    )
    constraint = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    may_pass_on = models.BooleanField("may be passed on", default=False)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="passed_on",
    )
    until = models.DateTimeField()
    reason = models.CharField(max_length=200)
    granted_by = models.UUIDField(null=True)
    granted_by_name = models.CharField("granted by", max_length=150)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by_name = models.CharField(max_length=150, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "delegated right"
        indexes = [
            models.Index(fields=["user", "until"], name="roles_grant_user"),
            models.Index(fields=["group", "until"], name="roles_grant_group"),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(user__isnull=True, group__isnull=False)
                | Q(user__isnull=False, group__isnull=True),
                name="roles_grant_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(object_pk__isnull=False, constraint__isnull=True)
                | Q(object_pk__isnull=True, constraint__isnull=False),
                name="roles_grant_object_or_constraint",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True)
                | Q(granted_by__isnull=True)
                | ~Q(user=F("granted_by")),
                name="roles_grant_not_to_oneself",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | Q(may_pass_on=False),
                name="roles_grant_passed_on_once",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="roles_grant_reason_set"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user or self.group} may {self.action} {self.kind}"

    @override
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep guardian's check; without an object there is none to compare."""
        if self.object_pk:
            super().save(*args, **kwargs)
        else:
            models.Model.save(self, *args, **kwargs)

    @property
    def action(self) -> str:
        """Return what may be done."""
        return self.permission.codename.partition("_")[0]

    @property
    def action_label(self) -> str:
        """Return what may be done, for people."""
        return str(GrantAction(self.action).label)

    @property
    def admin_address(self) -> str:
        """Return how the pages of the objects begin their names."""
        kind = self.content_type
        return f"admin:{kind.app_label}_{kind.model}"

    @property
    def kind(self) -> str:
        """Return what the objects are called."""
        model = self.content_type.model_class()
        named = model._meta.verbose_name_plural if model else self.model_name  # noqa: SLF001  # Django's documented model API
        return str(named)

    @property
    def model_name(self) -> str:
        """Return to what kind of objects, as app and model."""
        return f"{self.content_type.app_label}.{self.content_type.model}"
