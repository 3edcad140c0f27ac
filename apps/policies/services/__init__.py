"""Acts upon policies: what they say, their tests, their versions and their life."""

from apps.policies.services.drafts import compile_content, discard_policy, save_draft
from apps.policies.services.lifecycle import (
    decide_end,
    resume_policy,
    retire_policy,
    suspend_policy,
)
from apps.policies.services.reminders import tend_policies
from apps.policies.services.rollbacks import roll_back, why_not_roll_back
from apps.policies.services.testing import (
    add_test,
    change_test,
    keep_proposals,
    remove_test,
)
from apps.policies.services.versions import Approval, freeze_version

__all__ = [
    "Approval",
    "add_test",
    "change_test",
    "compile_content",
    "decide_end",
    "discard_policy",
    "freeze_version",
    "keep_proposals",
    "remove_test",
    "resume_policy",
    "retire_policy",
    "roll_back",
    "save_draft",
    "suspend_policy",
    "tend_policies",
    "why_not_roll_back",
]
