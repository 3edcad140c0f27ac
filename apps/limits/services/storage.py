"""Statements that count whatever becomes of the transaction around them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from django.db import Error, connection
from django.db.backends.utils import CursorWrapper
from django.utils.crypto import salted_hmac

from apps.limits.errors import LimiterUnavailableError

logger = logging.getLogger(__name__)
_SALT = "apps.limits"


def digest(*parts: str) -> str:
    """Return a keyed hash, so that the tables hold no address, name or token."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()


@contextlib.contextmanager
def committed() -> Iterator[CursorWrapper]:
    """Give a cursor whose every statement commits at once.

    Inside a transaction that is a connection of its own: a rollback must not hand out
    tokens again, and a lock on a bucket must not last as long as a request.
    """
    try:
        if not connection.in_atomic_block or _is_within_test():
            with connection.cursor() as cursor:
                yield cursor
            return
        own = connection.copy()
        # Not from the pool: requests that all hold one of its connections would wait
        # for each other.
        own.settings_dict["OPTIONS"].pop("pool", None)
        try:
            with own.cursor() as cursor:
                yield cursor
        finally:
            own.close()
    except Error as error:
        logger.exception("the buckets cannot be reached")
        raise LimiterUnavailableError from error


def _is_within_test() -> bool:
    """Say whether the outermost transaction is one that Django's test case undoes."""
    return any(
        getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
    )
