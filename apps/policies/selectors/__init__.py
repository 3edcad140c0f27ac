"""Questions about policies of the tenant whose scope is open."""

from apps.policies.selectors.catalogue import (
    attributes,
    catalogue,
    catalogue_of,
    words_of,
)
from apps.policies.selectors.choosing import choices_named, find_choices
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
    spans_of,
    uses_of_scope,
    version_by_id,
    versions,
)
from apps.policies.selectors.preview import Preview, preview
from apps.policies.selectors.testing import frozen_cases, proposed_tests, run_tests

__all__ = [
    "Preview",
    "attributes",
    "catalogue",
    "catalogue_of",
    "choices_named",
    "draft_by_id",
    "drafts",
    "drafts_by_ids",
    "find_choices",
    "frozen_cases",
    "live_records",
    "live_version",
    "live_versions",
    "newest_version",
    "open_drafts",
    "policies",
    "policy_by_id",
    "policy_by_slug",
    "policy_record",
    "preview",
    "proposed_tests",
    "run_tests",
    "sentence_of",
    "spans_of",
    "uses_of_scope",
    "version_by_id",
    "versions",
    "words_of",
]
