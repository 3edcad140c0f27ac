"""Failures of questions."""

from __future__ import annotations

from apps.core.errors import NotFoundError


class SubjectNotFoundError(NotFoundError):
    """There is no such draft, version or change."""

    code = "dashboard.subject_not_found"
    default_message = "There is no such draft, version or change."
