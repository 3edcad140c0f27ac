"""Ask a provider, and hold its answer to every check, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.core.views import session_key_of
from apps.federation import adapters, selectors, services
from apps.federation.errors import (
    AnswerIssuerError,
    ProviderRefusedError,
    StateRefusedError,
    UnknownKeyError,
)
from apps.federation.models import IdentityProvider
from apps.federation.rules import tokens
from apps.federation.services import Admission, Attempt
from apps.signin.choices import Method
from apps.signin.permissions import enter
from apps.signin.services import Provider

_LONGEST_PARAMETER = 4096
# RFC 6749, section 4.1.2.1; others are not repeated on a page of ours.
_KNOWN_ERRORS: Mapping[str, str] = {
    "access_denied": "You, or your identity provider, said no.",
    "login_required": "Your identity provider needs you to sign in there first.",
    "unmet_authentication_requirements": (
        "Your identity provider could not ask for as strong a proof as is needed."
    ),
}


def ask(
    request: HttpRequest,
    provider: IdentityProvider,
    *,
    target: str,
    user: User | None = None,
    enrollment_link_id: Any = None,  # noqa: ANN401  # the key of the link's model
) -> str:
    """Remember a question to a provider; return where the browser goes with it."""
    refresh(provider)
    outgoing = adapters.new_outgoing()
    services.begin(
        provider=provider,
        session_key=session_key_of(request),
        state=outgoing.state,
        nonce=outgoing.nonce,
        verifier=outgoing.verifier,
        target=target,
        user=user,
        enrollment_link_id=enrollment_link_id,
    )
    redirect_uri = selectors.addresses(provider).redirect
    return adapters.authorization_url(provider, outgoing, redirect_uri=redirect_uri)


def take(request: HttpRequest, provider: IdentityProvider) -> Attempt:
    """Return the sign-in that an answer belongs to.

    1. The state is this provider's and this browser's, fresh and unused.
    """
    state = _parameter(request, "state")
    if not state or not request.session.session_key:
        raise StateRefusedError
    return services.take(
        provider=provider,
        session_key=str(request.session.session_key),
        state=state,
    )


def receive(
    request: HttpRequest, provider: IdentityProvider, attempt: Attempt
) -> tuple[str, Mapping[str, Any]]:
    """Return the subject and the claims of an answer, every check passed.

    2. The answer names the provider that was asked, if it names one (RFC 9207).
    3. The provider gives tokens for the code, to us and with our verifier.
    4. One of the provider's keys signed the ID token, with an accepted algorithm.
    5. Issuer, audience, nonce, times, authentication time and hash are what they must
       be; see `rules.tokens.check_id_token`.

    Who the subject is comes after: see `services.admit`.
    """
    tokens.check_answer_issuer(
        _parameter(request, "iss"),
        issuer=provider.issuer,
        is_advertised=provider.metadata.get(
            "authorization_response_iss_parameter_supported"
        )
        is True,
    )
    if error := _parameter(request, "error"):
        raise ProviderRefusedError(_KNOWN_ERRORS.get(error, ""))
    found = adapters.exchange(
        provider,
        code=_parameter(request, "code"),
        verifier=attempt.verifier,
        redirect_uri=selectors.addresses(provider).redirect,
        secret=services.client_secret(provider),
    )
    signed = read_signed(provider, found.id_token)
    subject = tokens.check_id_token(
        signed.claims,
        header=signed.header,
        expected=tokens.Expected(
            provider.issuer, provider.client_id, attempt.nonce_hash, attempt.max_age
        ),
        access_token=found.access_token,
        now=_now(),
    )
    return subject, signed.claims


def read_logout(provider: IdentityProvider, token: str) -> tokens.Logout:
    """Return whom a logout token names, every check passed."""
    signed = read_signed(provider, token)
    return tokens.check_logout_token(
        signed.claims,
        header=signed.header,
        expected=tokens.Expected(provider.issuer, provider.client_id),
        now=_now(),
    )


def read_signed(provider: IdentityProvider, token: str) -> adapters.Signed:
    """Return what a provider signed; an unknown key is looked for once more."""
    refresh(provider)
    if selectors.are_keys_stale(provider):
        _fetch_keys(provider)
    try:
        return adapters.read_token(token, provider.keys)
    except UnknownKeyError:
        if not selectors.may_look_for_keys(provider):
            raise
    _fetch_keys(provider)
    return adapters.read_token(token, provider.keys)


def refresh(provider: IdentityProvider) -> None:
    """Read what the provider says about itself, if that was long ago."""
    if selectors.is_metadata_stale(provider):
        metadata = adapters.discover(provider.issuer, client_auth=provider.client_auth)
        services.remember_metadata(provider=provider, metadata=metadata)


def let_in(
    request: HttpRequest,
    provider: IdentityProvider,
    admission: Admission,
    *,
    subject: str,
    claims: Mapping[str, Any],
) -> None:
    """Open the session of a person whom their provider has vouched for."""
    enter(
        request,
        user=admission.user,
        methods=[Method.FEDERATED],
        acr=admission.assurance.level,
        provider=Provider(
            name=selectors.session_name(provider),
            subject=subject,
            session=tokens.provider_session(claims),
        ),
    )


def _fetch_keys(provider: IdentityProvider) -> None:
    keys = adapters.fetch_keys(provider.metadata)
    services.remember_keys(provider=provider, keys=keys)


def _parameter(request: HttpRequest, name: str) -> str:
    """Return a parameter of the answer; one that comes twice says nothing."""
    values = request.GET.getlist(name)
    if len(values) != 1 or len(values[0]) > _LONGEST_PARAMETER:
        if values and name == "iss":
            raise AnswerIssuerError
        return ""
    return values[0]


def _now() -> int:
    return int(timezone.now().timestamp())
