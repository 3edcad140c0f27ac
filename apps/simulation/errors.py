"""Failures of simulations."""

from __future__ import annotations

from apps.core.errors import InvalidError, NotFoundError


class EvidenceNotFoundError(NotFoundError):
    """There is no such evidence."""

    code = "simulation.evidence_not_found"
    default_message = "There is no such evidence."


class NothingChangesError(InvalidError):
    """Evidence is about a change, and none was named."""

    code = "simulation.nothing_changes"
    default_message = "Nothing would change."
    default_remedy = "Name a draft that says something else than what is live."


class DraftUnknownError(InvalidError):
    """A draft that was named does not exist."""

    code = "simulation.draft_unknown"
    default_message = "There is no such draft."
    default_remedy = "Name policies by their short names."
