"""Registration of the app with Django."""

from django.apps import AppConfig
from typing_extensions import override


class ApprovalsConfig(AppConfig):
    """Change requests, votes signed with passkeys, quorums."""

    name = "apps.approvals"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Tell lint who could approve what."""
        from apps.approvals.selectors.approvers import (
            findings_about_policies,
            findings_about_tenant,
        )
        from apps.policies.selectors import LintSource, register_findings

        register_findings(LintSource(findings_about_policies, findings_about_tenant))
