"""Which standing assignments could become rights to ask."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from apps.roles.choices import AssignmentSource
from apps.roles.models import Assignment
from apps.roles.selectors import live_assignments


def convertible() -> QuerySet[Assignment]:
    """Return the standing assignments of people who could ask for their role."""
    return live_assignments(timezone.now()).filter(
        source=AssignmentSource.STANDING, principal__user__isnull=False
    )
