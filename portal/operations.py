"""Which address does which operation: the one table that the sign-in middleware reads.

An unsafe method of an address that is not listed counts as a change like any other, so
that a new page is protected before anybody thinks of it. `None` means that no proof is
asked for: the method is part of signing in or changes nothing. `ANY` marks addresses
that a session may use before its person has proven enough, or while they are frozen.
What the operations ask for stands in apps.signin.rules.operations.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.signin.rules.operations import Operation

Route = Mapping[str, Operation | None]

# On the way in or out, or part of a confirmation itself.
_OPEN: Route = {"ANY": None, "POST": None}
# Begins a signature, which changes nothing before it is sent.
_BEGINS: Route = {"POST": None}


def _post(operation: Operation) -> Route:
    return {"POST": operation}


def _pages(model: str, operation: Operation, *pages: str) -> dict[str, Route]:
    return {f"admin:{model}_{page}": _post(operation) for page in pages}


ROUTES: Mapping[str, Route] = {
    "healthz": _OPEN,
    "favicon": _OPEN,
    "home": _OPEN,
    "admin:login": _OPEN,
    "admin:logout": _OPEN,
    "admin:jsi18n": _OPEN,
    "signin:enroll": _OPEN,
    "signin:login_options": _OPEN,
    "signin:login_verify": _OPEN,
    "signin:state": _OPEN,
    "signin:confirm": _OPEN,
    "signin:confirm_options": _OPEN,
    "signin:confirm_verify": _OPEN,
    "signin:confirm_presence": _OPEN,
    "signin:confirm_by_code": _OPEN,
    "signin:fallback": _OPEN,
    "signin:appeal": _OPEN,
    "signin:end_elevation": _BEGINS,
    "federation:organization": _OPEN,
    "federation:choices": _OPEN,
    "federation:start": _OPEN,
    "federation:callback": _OPEN,
    "federation:signed_out": _OPEN,
    "federation:keys": _OPEN,
    "federation:backchannel_logout": _OPEN,
    "federation:begin_link": _post(Operation.LINK_PROVIDER),
    "federation:end_link": _post(Operation.LINK_PROVIDER),
    "accounts:choose_tenant": _BEGINS,
    # Who comes by an enrollment link has no session; the views ask for one or a link.
    "signin:registration_options": _post(Operation.ADD_CREDENTIAL),
    "signin:registration_verify": _post(Operation.ADD_CREDENTIAL),
    "accounts:new_code_device": _post(Operation.ADD_CREDENTIAL),
    "accounts:confirm_code_device": _post(Operation.ADD_CREDENTIAL),
    "accounts:remove_code_device": _post(Operation.REMOVE_CREDENTIAL),
    "accounts:recovery_codes": _post(Operation.ADD_CREDENTIAL),
    "accounts:set_password": _post(Operation.ADD_CREDENTIAL),
    "accounts:remove_password": _post(Operation.REMOVE_CREDENTIAL),
    "accounts:rename_passkey": _post(Operation.ADD_CREDENTIAL),
    "signin:remove_passkey": _post(Operation.REMOVE_CREDENTIAL),
    "accounts:api_tokens": _post(Operation.ISSUE_TOKEN),
    "accounts:revoke_api_token": _post(Operation.REVOKE_TOKEN),
    "signin:end_session": _post(Operation.END_SESSION),
    "signin:end_others": _post(Operation.END_SESSION),
    "signin:trust_device": _post(Operation.TRUST_DEVICE),
    "signin:forget_device": _post(Operation.END_SESSION),
    "admin:audit_auditentry_changelist": {"GET": Operation.VIEW_AUDIT},
    "admin:audit_auditentry_change": {"GET": Operation.VIEW_AUDIT},
    **_pages("accounts_membership", Operation.INVITE_PERSON, "add", "link"),
    **_pages("accounts_membership", Operation.CHANGE_PERSON, "change", "revoke"),
    **_pages("signin_signin", Operation.END_SESSION, "end"),
    **_pages(
        *("federation_identityprovider", Operation.CHANGE_PROVIDER),
        *("add", "change", "mapping", "suspend", "resume", "unlink"),
    ),
    **_pages("accounts_freeze", Operation.FREEZE, "add"),
    **_pages("accounts_freeze", Operation.LIFT_FREEZE, "lift"),
    **_pages("accounts_apitoken", Operation.REVOKE_TOKEN, "revoke"),
    **_pages(
        *("clients_apiclient", Operation.CHANGE_CLIENT),
        *("add", "change", "keys", "state", "remove"),
    ),
    **_pages("scopes_timewindow", Operation.CHANGE_ACCESS, "add", "change", "remove"),
    **_pages(
        *("scopes_holidaycalendar", Operation.CHANGE_ACCESS),
        *("add", "change", "remove"),
    ),
    # Shows what a file holds; saving it is the calendar's own page.
    "admin:scopes_holidaycalendar_import": _BEGINS,
    **_pages("scopes_location", Operation.CHANGE_ACCESS, "add", "change", "remove"),
    **_pages("roles_role", Operation.CHANGE_ACCESS, "add", "change", "import"),
    **_pages("roles_permission", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_principal", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_resource", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_resourcetype", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_attributedefinition", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_principalgroup", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_separationset", Operation.CHANGE_ACCESS, "add", "change"),
    **_pages("roles_separationexception", Operation.CHANGE_ACCESS, "add", "end"),
    **_pages("roles_objectgrant", Operation.DELEGATE_RIGHTS, "add", "revoke"),
    **_pages("roles_assignment", Operation.CHANGE_ACCESS, "add", "change", "revoke"),
    "delegations:lend": _post(Operation.LEND),
    "delegations:accept": _post(Operation.LEND),
    "delegations:decline": _post(Operation.END_LOAN),
    "delegations:revoke": _post(Operation.END_LOAN),
    "delegations:be_absent": _post(Operation.LEND),
    "delegations:accept_absence": _post(Operation.LEND),
    "delegations:decline_absence": _post(Operation.END_LOAN),
    "delegations:end_absence": _post(Operation.END_LOAN),
    **_pages("delegations_delegation", Operation.END_LOAN, "revoke"),
    **_pages("delegations_approverabsence", Operation.END_LOAN, "end"),
    **_pages("delegations_delegationpolicy", Operation.CHANGE_LENDING, "change"),
    # Shows the effect, and changes nothing.
    "reviews:effect": _BEGINS,
    "reviews:decide": _post(Operation.DECIDE_REVIEW),
    **_pages("reviews_campaign", Operation.CHANGE_CAMPAIGN, "add", "change", "open"),
    **_pages("reviews_run", Operation.APPLY_REVIEW, "apply", "cancel"),
    **_pages("policies_policy", Operation.DRAFT_POLICY, "add", "change", "tests"),
    # Says what was typed, and changes nothing.
    "admin:policies_policy_preview": _BEGINS,
    "policies:act": _post(Operation.ACT_ON_POLICY),
    "policies:decide": _post(Operation.ACT_ON_POLICY),
    "policies:rollback": _post(Operation.ACT_ON_POLICY),
    "dashboard:save-test": _post(Operation.DRAFT_POLICY),
    # Computes what drafts would do, and changes nothing that counts.
    "simulation:measure": _BEGINS,
    "simulation:again": _BEGINS,
    **_pages("nodes_node", Operation.CHANGE_NODE, "add", "change", "revoke"),
    **_pages("nodes_nodegroup", Operation.CHANGE_NODE, "add", "change"),
    **_pages("nodes_jointoken", Operation.ENROLL_NODE, "new"),
    **_pages(
        *("notifications_channel", Operation.CHANGE_ACCESS),
        *("add", "change", "test", "rotate", "state", "remove"),
    ),
    # Programs bring tokens; a session opens nothing there.
    "arap:requests": _BEGINS,
    "arap:cancel": _BEGINS,
    "breakglass:open": _post(Operation.OPEN_BREAK_GLASS),
    # Ending gives rights up, and reading a notice changes nothing else.
    "breakglass:end": _BEGINS,
    # A brake: who may pull it is asked, a passkey is not.
    "distribution:end_grant": _BEGINS,
    "breakglass:acknowledge": _BEGINS,
    "notifications:preferences": _post(Operation.CHANGE_ANYTHING),
    "dashboard:convert": _post(Operation.OPEN_REQUEST),
    "access:vote_options": _BEGINS,
    "access:prove": _BEGINS,
    "access:vote": _post(Operation.VOTE),
    "access:request": _post(Operation.REQUEST_ELEVATION),
    "access:extend": _post(Operation.EXTEND_ELEVATION),
    "access:activate": _post(Operation.ACTIVATE_ELEVATION),
    # To give rights up, a session is enough.
    "access:cancel": _BEGINS,
    "access:end": _BEGINS,
    "admin:elevations_elevation_change": _BEGINS,
    **_pages("elevations_eligibility", Operation.CHANGE_ACCESS, "add", "change"),
    "notifications:open": _BEGINS,
    "notifications:read": _BEGINS,
    "notifications:read_all": _BEGINS,
    **_pages(
        *("breakglass_breakglassaccount", Operation.SEAL_BREAK_GLASS),
        *("add", "retire", "seal"),
    ),
    **_pages("accounts_signinpolicy", Operation.CHANGE_SIGN_IN_SETTINGS, "change"),
    **_pages("breakglass_activation", Operation.REVIEW_BREAK_GLASS, "change"),
    **_pages("approvals_approvalflow", Operation.CHANGE_ACCESS, "add", "change"),
    "admin:approvals_flow_text": _post(Operation.CHANGE_ACCESS),
    "admin:approvals_flow_remove": _post(Operation.CHANGE_ACCESS),
    "admin:approvals_request_assignment": _post(Operation.OPEN_REQUEST),
    "admin:approvals_propose": _post(Operation.OPEN_REQUEST),
    "admin:approvals_cancel": _post(Operation.OPEN_REQUEST),
    "admin:approvals_call_off": _post(Operation.OPEN_REQUEST),
    **_pages("approvals_changeset", Operation.DRAFT_POLICY, "add", "change"),
    **_pages(
        *("approvals_set", Operation.DRAFT_POLICY),
        *("discard", "remove", "conflict"),
    ),
    "admin:approvals_set_submit": _post(Operation.OPEN_REQUEST),
    # To compute and to speak changes nothing that counts; a session is enough.
    "admin:approvals_set_prove": _BEGINS,
    "admin:approvals_request_prove": _BEGINS,
    "admin:approvals_set_say": _BEGINS,
    "admin:approvals_request_say": _BEGINS,
    "admin:approvals_comment_edit": _BEGINS,
    "admin:approvals_comment_delete": _BEGINS,
    "admin:approvals_vote_options": _BEGINS,
    "admin:approvals_vote": _post(Operation.VOTE),
}
