"""Reasons why a policy is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProblemCode(StrEnum):
    """Every reason, as machines match it."""

    FIELD_UNKNOWN = "policies.field_unknown"
    FIELD_MISSING = "policies.field_missing"
    FIELD_TYPE = "policies.field_type"
    NAME_INVALID = "policies.name_invalid"
    UNKNOWN_EFFECT = "policies.unknown_effect"
    UNKNOWN_TIER = "policies.unknown_tier"
    UNKNOWN_PRINCIPAL_TYPE = "policies.unknown_principal_type"
    UNKNOWN_ROLE = "policies.unknown_role"
    UNKNOWN_PRINCIPAL = "policies.unknown_principal"
    UNKNOWN_ACTION = "policies.unknown_action"
    ACTIONS_MISSING = "policies.actions_missing"
    ACTION_NOT_APPLICABLE = "policies.action_not_applicable"
    ACTION_BEYOND_ROLE = "policies.action_beyond_role"
    UNKNOWN_RESOURCE_TYPE = "policies.unknown_resource_type"
    UNKNOWN_RESOURCE = "policies.unknown_resource"
    UNKNOWN_WINDOW = "policies.unknown_window"
    UNKNOWN_LOCATION = "policies.unknown_location"
    UNKNOWN_ATTRIBUTE = "policies.unknown_attribute"
    WRONG_OPERATOR = "policies.wrong_operator"
    WRONG_VALUE = "policies.wrong_value"
    TIER_TOO_LOW = "policies.tier_too_low"
    TOO_LARGE = "policies.too_large"
    OBLIGATION_TWICE = "policies.obligation_twice"
    OBLIGATION_OF_FORBID = "policies.obligation_of_forbid"
    OWNER_MISSING = "policies.owner_missing"
    TIME_INVALID = "policies.time_invalid"
    SCHEMA = "policies.schema"
    CEDAR_SYNTAX = "policies.cedar_syntax"
    CEDAR_MIXED = "policies.cedar_mixed"
    CEDAR_EFFECT = "policies.cedar_effect"
    CEDAR_ANNOTATED = "policies.cedar_annotated"
    CEDAR_UNBOUNDED = "policies.cedar_unbounded"
    TEST_INVALID = "policies.test_invalid"
    TEST_NAME_TAKEN = "policies.test_name_taken"
    TEST_FAILED = "policies.test_failed"
    FORBID_UNTESTED = "policies.forbid_untested"
    NEVER_TRUE = "lint.never_true"
    NEVER_OPEN = "lint.never_open"
    OVER_BROAD = "lint.over_broad"


@dataclass(frozen=True)
class Problem:
    """One reason: where, why, and what to do."""

    code: ProblemCode
    field: str
    message: str
    remedy: str

    @property
    def form_field(self) -> str:
        """Return the top-level field, such as conditions of conditions[0].value."""
        return self.field.split("[", 1)[0].split(".", 1)[0]
