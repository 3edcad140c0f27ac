"""Acts upon requests for access."""

from apps.arap.services.following import cancel, follow
from apps.arap.services.requests import Submission, submit

__all__ = ["Submission", "cancel", "follow", "submit"]
