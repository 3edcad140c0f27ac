"""Failures of the app."""

from __future__ import annotations

from apps.core.errors import (
    InvalidError,
    MisconfiguredError,
    ThrottledError,
    TooLargeError,
)


class TooManyRequestsError(ThrottledError):
    """A bucket is empty."""

    code = "limits.too_many_requests"
    default_message = "There were too many requests in a short time."


class SignInThrottledError(ThrottledError):
    """Somebody tried to sign in too often; the text is the same for every account."""

    code = "limits.sign_in_throttled"
    default_message = "There were too many attempts to sign in."


class LimiterUnavailableError(MisconfiguredError):
    """The buckets cannot be read, so nobody is let through."""

    code = "limits.unavailable"
    default_message = "The portal cannot answer now."
    default_remedy = "Try again in a few seconds."


class RateLimitsInvalidError(MisconfiguredError):
    """PORTWARD_RATE_LIMITS does not say what it should."""

    code = "limits.settings_invalid"
    default_message = "A rate limit in PORTWARD_RATE_LIMITS is not valid."
    default_remedy = 'Write each as name: "rate per second/burst", such as "10/50".'


class ForwardedUntrustedError(InvalidError):
    """An address was forwarded although no proxy is trusted."""

    code = "limits.forwarded_untrusted"
    default_message = "X-Forwarded-For was sent, but no proxy is trusted here."
    default_remedy = (
        "Behind a proxy, set PORTWARD_TRUSTED_PROXIES to how many proxies there are; "
        "without one, do not send the header."
    )


class ForwardedInvalidError(InvalidError):
    """The chain of forwarded addresses is malformed or too short."""

    code = "limits.forwarded_invalid"
    default_message = "X-Forwarded-For does not name the address of the client."
    default_remedy = (
        "Compare PORTWARD_TRUSTED_PROXIES with the number of proxies, each of which "
        "must append the address it sees."
    )


class AddressUnknownError(InvalidError):
    """The connection has no address."""

    code = "limits.address_unknown"
    default_message = "The connection does not say where it comes from."
    default_remedy = "Behind a proxy on a socket, set PORTWARD_TRUSTED_PROXIES to 1."


class HostRefusedError(InvalidError):
    """The Host header names none of the portal's hosts."""

    code = "limits.host_refused"
    default_message = "The portal does not answer under this host name."
    default_remedy = "Add the name to PORTWARD_ALLOWED_HOSTS if it is one of yours."


class BodyTooLargeError(TooLargeError):
    """The body exceeds what the route reads."""

    code = "limits.body_too_large"
    default_message = "The body of the request is too large."


class DependencyDownError(ThrottledError):
    """What we depend on failed too often lately, so it is left alone for a while."""

    code = "limits.dependency_down"
    status = 503
    default_message = "Something that the portal depends on does not answer."
