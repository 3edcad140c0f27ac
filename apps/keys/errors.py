"""Failures of key stores."""

from apps.core.errors import ConflictError, MisconfiguredError


class KeyMissingError(MisconfiguredError):
    """The store lacks a key that the database knows."""

    code = "keys.missing"
    default_message = "A signing key is not in the key store."
    default_remedy = "Restore the key folder from its backup, or rotate the key."


class KeyUnsafeError(MisconfiguredError):
    """A key file can be read by others."""

    code = "keys.unsafe"
    default_message = "A key file can be read by others than its owner."
    default_remedy = "Set mode 0600 on key files and 0700 on their folder."


class KeyMismatchError(MisconfiguredError):
    """The store holds something else than the key that the database knows."""

    code = "keys.mismatch"
    default_message = "The key store holds another key than the one recorded."
    default_remedy = "Restore the key folder from its backup, or rotate the key."


class KeyTooYoungError(ConflictError):
    """The next key was not published long enough for everybody to know it."""

    code = "keys.too_young"
    default_message = "The next key was published less than an hour ago."
    default_remedy = "Wait, so that whoever verifies tokens has read the new key set."
