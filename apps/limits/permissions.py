"""Whose address a request comes from."""

from __future__ import annotations

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Return the address of the other end."""
    return str(request.META.get("REMOTE_ADDR") or "127.0.0.1")
