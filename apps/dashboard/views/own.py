"""Why may I do this? Everybody may ask that about themselves."""

from __future__ import annotations

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.permissions import user_of, verified
from apps.dashboard import selectors
from apps.dashboard.forms import WhyForm, offered, question
from apps.dashboard.rules import sheet_of_steps
from apps.dashboard.views import asking
from apps.dashboard.views.pictures import picture
from apps.roles.selectors import principal_of_user
from apps.tenants.services import current_tenant_id
from protocol.records import EntityRef


@verified
@never_cache
@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Explain a decision about the person who asks, and about nobody else."""
    context = {**site.each_context(request), "title": "Why may I, or may I not?"}
    row = None
    if current_tenant_id() is not None:
        row = principal_of_user(user_of(request).pk)
    context["principal"] = row
    if row is not None:
        me = EntityRef(row.type, row.key)
        form = asking.form_of(WhyForm, request)
        found = question(form, principal=me)
        context |= {"form": form, "found": found}
        if found is not None:
            explanation = found.world.explainer.explain(found.request)
            if asking.wants_csv(request):
                return asking.csv_response("why", *sheet_of_steps(explanation))
            context |= {
                "csv_address": asking.csv_address(request, form),
                "picture": picture(explanation, None, row.name),
                "remedies": selectors.remedies(
                    found.world, explanation, timezone.now()
                ),
            }
        names = offered(found)
        context |= {"resources": names["resources"], "actions": names["actions"]}
    return TemplateResponse(request, "dashboard/why.html", context)
