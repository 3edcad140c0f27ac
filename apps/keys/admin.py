"""Keys, to look at."""

from __future__ import annotations

import hashlib

from django.contrib import admin
from django.http import HttpRequest
from typing_extensions import override

from apps.keys.models import SigningKey


@admin.register(SigningKey)
class SigningKeyAdmin(admin.ModelAdmin[SigningKey]):
    """Show which keys sign; private halves are not here to show."""

    list_display = ["purpose", "algorithm", "state", "fingerprint", "created_at"]
    fields = (*("purpose", "algorithm", "state", "fingerprint", "created_at"),)
    readonly_fields = fields

    @admin.display(description="SHA-256 of the public key")
    def fingerprint(self, key: SigningKey) -> str:
        """Return the digest that identifies the public key."""
        return hashlib.sha256(bytes(key.public_key)).hexdigest()

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: SigningKey | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: SigningKey | None = None
    ) -> bool:
        return False
