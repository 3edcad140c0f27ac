"""Who gets in where people see to what is their own."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from apps.accounts.permissions import verified
from apps.tenants.services import current_tenant_id

View = Callable[..., HttpResponse]


def own_page(view: View) -> View:
    """Let members in; whoever has several tenants chooses one first."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if current_tenant_id() is None:
            return redirect("accounts:choose_tenant")
        return view(request, *args, **kwargs)

    return never_cache(verified(inner))
