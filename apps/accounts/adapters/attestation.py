"""Read the certificates of makers of authenticators that this installation trusts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings


def attestation_roots() -> Mapping[str, Sequence[bytes]]:
    """Return PEM certificates by attestation format, as the setting names their files.

    Raises OSError for a file that cannot be read: what should be verified must be.
    """
    named: Mapping[str, Sequence[str]] = settings.PORTWARD_ATTESTATION_ROOTS
    return {
        form: [Path(path).read_bytes() for path in paths]
        for form, paths in named.items()
    }
