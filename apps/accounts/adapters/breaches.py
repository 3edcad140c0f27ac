"""Look a password up in a list of breached ones, without reading the list whole.

The file holds SHA-1 hashes in capitals, ordered, one a line, each followed by a colon
and a count: the form in which breach services hand such lists out. SHA-1 is theirs.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_HASH_LENGTH = 40


class BreachedPasswordValidator:
    """Refuse passwords of the list at PORTWARD_BREACHED_PASSWORDS, if there is one."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError for a breached password."""
        del user
        path = str(settings.PORTWARD_BREACHED_PASSWORDS)
        if path and is_breached(password, Path(path)):
            raise ValidationError(
                _("This password appeared in a data breach."), code="password_breached"
            )

    def get_help_text(self) -> str:
        """Say what is refused."""
        return _("Passwords from known data breaches are refused.")


def is_breached(password: str, path: Path) -> bool:
    """Say whether a list holds the password; binary search over the file.

    Raises OSError when the list cannot be read: a check that cannot be made fails.
    """
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            start, found = _line_at(file, middle, low)
            if found == wanted:
                return True
            if found and found < wanted:
                low = max(file.tell(), middle + 1)
            else:
                high = min(start, middle)
    return False


def _line_at(file: BinaryIO, position: int, lowest: int) -> tuple[int, str]:
    """Return where the line around a position begins, and its hash."""
    start = max(lowest, position - 2 * _HASH_LENGTH)
    file.seek(start)
    before = file.read(position - start)
    start += before.rfind(b"\n") + 1
    file.seek(start)
    return start, file.readline()[:_HASH_LENGTH].decode("ascii", "replace").upper()
