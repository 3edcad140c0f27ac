"""People who sign in."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from typing_extensions import override

USERNAME = RegexValidator(
    r"^[a-z0-9][a-z0-9._@+-]{0,149}$", "Use a-z, 0-9 and . _ @ + -"
)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Belongs to tenants through memberships; signs in with a passkey."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150, unique=True, validators=[USERNAME])
    display_name = models.CharField(max_length=150)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BaseUserManager["User"]()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    class Meta:
        ordering = ["username"]

    @override
    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_staff(self) -> bool:
        """Say whether the admin may be entered at all; rights come from memberships."""
        return self.is_active
