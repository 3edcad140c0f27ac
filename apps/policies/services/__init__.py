"""Acts upon policies: save a draft, change its tests, freeze a version."""

from apps.policies.services.drafts import save_draft
from apps.policies.services.testing import (
    add_test,
    change_test,
    keep_proposals,
    remove_test,
)
from apps.policies.services.versions import freeze_version

__all__ = [
    "add_test",
    "change_test",
    "freeze_version",
    "keep_proposals",
    "remove_test",
    "save_draft",
]
