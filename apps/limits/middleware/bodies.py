"""Read no more of a body than its route needs."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from django.http import HttpRequest
from typing_extensions import override

from apps.limits.errors import BodyTooLargeError


class CappedBody(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self.is_exceeded = False

    @override
    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes. Raises BodyTooLargeError past the limit."""
        return self._paid(self._stream.read(self._wanted(size)))

    @override
    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line. Raises BodyTooLargeError past the limit."""
        return self._paid(self._stream.readline(self._wanted(size)))

    def _wanted(self, size: int | None) -> int:
        # One byte more than allowed is enough to know.
        most = self._left + 1
        return most if size is None or size < 0 else min(size, most)

    def _paid(self, chunk: bytes) -> bytes:
        self._left -= len(chunk)
        if self._left < 0:
            self.is_exceeded = True
            raise BodyTooLargeError
        return chunk


def cap_body(request: HttpRequest, limit: int) -> CappedBody:
    """Refuse an announced body that is too large, and watch what is read.

    Raises BodyTooLargeError.
    """
    # Not from request.headers, where a Content_Length could stand in its place.
    announced = str(request.META.get("CONTENT_LENGTH", ""))
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLargeError(f"The body exceeds {limit} bytes.")
    body = CappedBody(request._stream, limit)  # noqa: SLF001  # no public way leads in
    request._stream = cast("BinaryIO", body)  # noqa: SLF001  # no public way leads in
    return body
