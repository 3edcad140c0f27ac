"""What is wrong with policies that compile: findings, and what to do about each."""

from apps.policies.rules.lint.alone import lint_content
from apps.policies.rules.lint.findings import Finding, LintCode, Severity
from apps.policies.rules.lint.together import Neighbor, Neighborhood, lint_together

__all__ = [
    "Finding",
    "LintCode",
    "Neighbor",
    "Neighborhood",
    "Severity",
    "lint_content",
    "lint_together",
]
