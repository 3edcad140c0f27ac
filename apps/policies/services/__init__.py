"""Acts upon policies: save a draft, freeze a version."""

from apps.policies.services.drafts import save_draft
from apps.policies.services.versions import freeze_version

__all__ = ["freeze_version", "save_draft"]
