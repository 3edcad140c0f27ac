"""What the pages show, read across the apps."""

from apps.dashboard.selectors.access import (
    Answers,
    Remedy,
    Rows,
    actions,
    remedies,
    rows_of,
    what,
    who,
)
from apps.dashboard.selectors.cases import case_of, policies_about
from apps.dashboard.selectors.exports import (
    export_of,
    exportable,
    policies_named,
    recent_revisions,
)
from apps.dashboard.selectors.fleet import (
    TARGET,
    FleetFilter,
    FleetState,
    NodeRow,
    consistency_over_time,
    fleet_state,
    group_choices,
)
from apps.dashboard.selectors.standing import (
    DAYS,
    Holding,
    Standing,
    holders_of,
    standing_roles,
)
from apps.dashboard.selectors.subjects import (
    LIVE,
    changes_named,
    offered_subjects,
    world_named,
)
from apps.dashboard.selectors.worlds import world_at

__all__ = [
    "DAYS",
    "LIVE",
    "TARGET",
    "Answers",
    "FleetFilter",
    "FleetState",
    "Holding",
    "NodeRow",
    "Remedy",
    "Rows",
    "Standing",
    "actions",
    "case_of",
    "changes_named",
    "consistency_over_time",
    "export_of",
    "exportable",
    "fleet_state",
    "group_choices",
    "holders_of",
    "offered_subjects",
    "policies_about",
    "policies_named",
    "recent_revisions",
    "remedies",
    "rows_of",
    "standing_roles",
    "what",
    "who",
    "world_at",
    "world_named",
]
