"""Failures of identity providers and of signing in by them.

Each check of an answer has a class of its own, so that a log tells which one refused.
"""

from __future__ import annotations

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
)

_AGAIN = "Start the sign-in again."
_ASK = "Ask a security admin of your organization to check the identity provider."


class ProviderNotFoundError(NotFoundError):
    """There is no such provider, it is suspended, or its tenant is unknown."""

    code = "federation.provider_not_found"
    default_message = "Nobody can sign in by this address."
    default_remedy = "Check the short name of your organization."


class ProviderInvalidError(InvalidError):
    """A provider is described in a way that cannot be accepted."""

    code = "federation.provider_invalid"


class ProviderTakenError(ConflictError):
    """Another provider of the tenant has this name or this issuer."""

    code = "federation.provider_taken"
    default_message = "Another provider has this short name or this issuer."
    default_remedy = "Choose another one, or change the provider that is there."


class MappingInvalidError(InvalidError):
    """A mapping of claims cannot be accepted."""

    code = "federation.mapping_invalid"


class LinkTakenError(ConflictError):
    """The account at the provider, or the person, is linked already."""

    code = "federation.link_taken"
    default_message = "This account is linked to a person already."
    default_remedy = "Remove the other link first."


class LinkNotFoundError(NotFoundError):
    """There is no such link."""

    code = "federation.link_not_found"
    default_message = "There is no such link."


class AddressRefusedError(InvalidError):
    """An address is one that the portal does not fetch from."""

    code = "federation.address_refused"
    default_remedy = "Use an https address on the public internet."


class ProviderUnreachableError(MisconfiguredError):
    """The provider did not answer in time, or not as it should."""

    code = "federation.provider_unreachable"
    default_message = "The identity provider does not answer."
    default_remedy = "Try again in a moment, or sign in with a passkey."


class DiscoveryInvalidError(InvalidError):
    """What a provider says about itself cannot be relied on."""

    code = "federation.discovery_invalid"
    default_remedy = _ASK


class SignInRefusedError(ForbiddenError):
    """The provider's answer does not let anybody in."""

    code = "federation.sign_in_refused"
    default_message = "The answer of your identity provider was refused."
    default_remedy = _AGAIN


class StateRefusedError(SignInRefusedError):
    """The answer belongs to no sign-in that is under way in this browser."""

    code = "federation.state_refused"
    default_message = "This sign-in is over, was used, or began in another browser."


class AnswerIssuerError(SignInRefusedError):
    """The answer comes from another provider than the one that was asked."""

    code = "federation.answer_issuer"
    default_message = "The answer does not come from the provider that was asked."


class ProviderRefusedError(SignInRefusedError):
    """The provider itself refused."""

    code = "federation.provider_refused"
    default_message = "Your identity provider did not sign you in."


class ExchangeRefusedError(SignInRefusedError):
    """The provider did not give tokens for the code."""

    code = "federation.exchange_refused"
    default_message = "Your identity provider did not accept our request."
    default_remedy = _ASK


class TokenMalformedError(SignInRefusedError):
    """A token is not a signed JWT with the claims it must have."""

    code = "federation.token_malformed"
    default_message = "The token of the identity provider is malformed."


class AlgorithmRefusedError(SignInRefusedError):
    """A token is not signed, or in a way that is not accepted."""

    code = "federation.algorithm_refused"
    default_message = "The token is not signed with an accepted algorithm."
    default_remedy = _ASK


class UnknownKeyError(SignInRefusedError):
    """A token is signed by a key that the provider does not publish."""

    code = "federation.unknown_key"
    default_message = "The token is signed by an unknown key."


class SignatureRefusedError(SignInRefusedError):
    """A token's signature does not hold."""

    code = "federation.signature_refused"
    default_message = "The signature of the token does not hold."


class WrongIssuerError(SignInRefusedError):
    """A token was issued by somebody else."""

    code = "federation.wrong_issuer"
    default_message = "The token was issued by another provider."


class WrongAudienceError(SignInRefusedError):
    """A token was issued for somebody else."""

    code = "federation.wrong_audience"
    default_message = "The token was issued for another application."


class WrongNonceError(SignInRefusedError):
    """A token belongs to another sign-in."""

    code = "federation.wrong_nonce"
    default_message = "The token belongs to another sign-in."


class TokenExpiredError(SignInRefusedError):
    """A token is too old."""

    code = "federation.token_expired"
    default_message = "The token has expired."


class TokenFromFutureError(SignInRefusedError):
    """A token was issued later than now: one of the clocks is wrong."""

    code = "federation.token_from_future"
    default_message = "The token was issued in the future."
    default_remedy = "Compare the clocks of the portal and of the provider."


class AuthenticationStaleError(SignInRefusedError):
    """The person proved themselves to the provider too long ago."""

    code = "federation.authentication_stale"
    default_message = "You signed in to your identity provider too long ago."
    default_remedy = "Sign out there, then start again."


class AccessTokenHashError(SignInRefusedError):
    """The access token is not the one that the ID token was issued with."""

    code = "federation.access_token_hash"
    default_message = "The tokens of the identity provider do not belong together."


class NotLinkedError(SignInRefusedError):
    """No person of the tenant is linked with the account at the provider."""

    code = "federation.not_linked"
    default_message = "This account is not linked with a person in Portward."
    default_remedy = (
        "Sign in with your passkey and link it on your account page, or ask a "
        "security admin for an enrollment link."
    )


class PersonInactiveError(SignInRefusedError):
    """The linked person is switched off."""

    code = "federation.person_inactive"
    default_message = "This account is switched off."
    default_remedy = "Ask a security admin."


class NoMembershipError(SignInRefusedError):
    """The linked person does not belong to the provider's tenant."""

    code = "federation.no_membership"
    default_message = "You are not a member of this organization in Portward."
    default_remedy = "Ask a security admin."


class LogoutRefusedError(InvalidError):
    """A logout token does not end anything (Back-Channel Logout 1.0, section 2.8)."""

    code = "federation.logout_refused"
    default_message = "The logout token was refused."
