"""Sign in with a password and a code, for people without their passkey at hand."""

from __future__ import annotations

from time import monotonic, sleep

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import services as accounts
from apps.accounts.errors import SignInRefusedError
from apps.accounts.permissions import is_signed_in
from apps.core.errors import PortwardError, status_of
from apps.core.views import next_address
from apps.limits.permissions import address_of
from apps.signin.choices import Acr, Method
from apps.signin.forms import FallbackForm
from apps.signin.models import PendingOperation, SignIn
from apps.signin.permissions import enter, prove_by_code
from apps.signin.rules.levels import level_at
from apps.signin.rules.operations import REQUIREMENTS, Operation
from apps.signin.views.confirm import go_on, pending

# Longer than a refusal takes by itself on an unburdened machine: writing one down for
# an account that exists, or comparing a code after a right password, would else show in
# the time. Throttling comes first and lets few through: waiting occupies nobody.
REFUSALS_TAKE = 0.25


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def fallback(request: HttpRequest) -> HttpResponse:
    """Ask for user name, password and code, all at once."""
    target = next_address(request)
    if is_signed_in(request):
        return redirect(target)
    form = FallbackForm(request.POST or None)
    status, began = 200, monotonic()
    if request.method == "POST" and form.is_valid():
        try:
            proof = accounts.check_fallback(
                address=address_of(request), **form.cleaned_data
            )
        except PortwardError as error:
            form.add_error(None, f"{error.message} {error.remedy}".strip())
            status = status_of(error)
            if isinstance(error, SignInRefusedError):
                sleep(max(0.0, began + REFUSALS_TAKE - monotonic()))
        else:
            methods = [Method(name) for name in proof.methods]
            enter(request, user=proof.user, methods=methods, device=proof.device)
            return redirect(target)
    context = {"title": "Sign in without a passkey", "form": form, "next": target}
    return render(request, "signin/fallback.html", context, status=status)


@sensitive_post_parameters()
@never_cache
@require_POST
@pending
def confirm_by_code(
    request: HttpRequest, row: SignIn, found: PendingOperation
) -> HttpResponse:
    """Confirm with a code what asks for two factors only."""
    operation = Operation(found.operation)
    began_with_two = level_at(row.proofs(), now=0) >= Acr.MULTI
    if REQUIREMENTS[operation].acr > Acr.MULTI or not began_with_two:
        messages.error(request, "This needs your passkey; a code is not enough.")
        return redirect("signin:confirm", found.pk)
    try:
        proof = accounts.check_code(
            user=row.user,
            code=request.POST.get("code", ""),
            address=address_of(request),
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
        return redirect("signin:confirm", found.pk)
    prove_by_code(request, [Method(name) for name in proof.methods])
    return go_on(request, found, is_automatic=True)
