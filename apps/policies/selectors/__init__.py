"""Questions about policies of the tenant whose scope is open."""

from apps.policies.selectors.catalogue import catalogue
from apps.policies.selectors.policies import (
    draft_by_id,
    drafts,
    drafts_by_ids,
    live_records,
    live_version,
    live_versions,
    newest_version,
    open_drafts,
    policies,
    policy_by_id,
    policy_by_slug,
    policy_record,
    sentence_of,
    uses_of_scope,
    version_by_id,
    versions,
)

__all__ = [
    "catalogue",
    "draft_by_id",
    "drafts",
    "drafts_by_ids",
    "live_records",
    "live_version",
    "live_versions",
    "newest_version",
    "open_drafts",
    "policies",
    "policy_by_id",
    "policy_by_slug",
    "policy_record",
    "sentence_of",
    "uses_of_scope",
    "version_by_id",
    "versions",
]
