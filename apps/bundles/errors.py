"""Failures of building and signing releases."""

from apps.core.errors import ConflictError, MisconfiguredError, NotFoundError


class ReleaseNotFoundError(NotFoundError):
    """There is no such release in this tenant."""

    code = "bundles.release_not_found"
    default_message = "There is no such release here."


class ReleaseSupersededError(ConflictError):
    """A newer release took the place of one that was never signed."""

    code = "bundles.release_superseded"
    default_message = "A newer release took the place of this one."
    default_remedy = "Nothing needs to be done: the newer one carries the change."


class TimestampOutdatedError(ConflictError):
    """Another worker stored a timestamp first; signing the next number is needed."""

    code = "bundles.timestamp_outdated"
    default_message = "Another worker signed a timestamp first."
    default_remedy = "Sign again with the next number."


class ReleaseContentionError(ConflictError):
    """Other workers kept building releases while this one tried."""

    code = "bundles.release_contention"
    default_message = "Other workers are building releases of this tenant."
    default_remedy = "The message is delivered again by itself."


class SignatureRefusedError(MisconfiguredError):
    """What came back from the key store does not verify, so it is not stored."""

    code = "bundles.signature_refused"
    default_message = "The signatures made for this release do not verify."
    default_remedy = "Check the key store: its keys differ from the registered ones."


class KeysMissingError(MisconfiguredError):
    """The tenant has no key for one of the purposes of a release."""

    code = "bundles.keys_missing"
    default_remedy = "Create the tenant's keys; the message is delivered again."
