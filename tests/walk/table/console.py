"""Pages of the console, and the acts of security admins and approvers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Row, signed_in
from tests.walk.table.words import (
    ABSENT,
    DONE,
    FORBIDDEN,
    MEMBERS,
    MOVED,
    NO_METHOD,
    NOBODY,
    NOT_BY_GET,
    NOTHING,
    SHOWN,
)

CONSOLE: Mapping[str, Row] = {
    "admin:index": Row(
        "The overview of one's own tenant; who left sees an empty one.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(SHOWN, SHOWN, SHOWN),
    ),
    "admin:search": Row("Finds rows of one's own tenant.", get=MEMBERS, post=MEMBERS),
    "admin:area": Row(
        "Links to what one may see.",
        get=MEMBERS,
        post=MEMBERS,
        about=["slug of an area"],
    ),
    "admin:app_list": Row(
        "An old name of an area.",
        get=signed_in(MOVED, FORBIDDEN, MOVED),
        post=signed_in(MOVED, FORBIDDEN, MOVED),
        about=["label of an app"],
    ),
    "admin:jsi18n": Row(
        "Words for the date fields; no data.",
        get=MEMBERS,
        post=NOT_BY_GET,
    ),
    "admin:autocomplete": Row(
        "No page offers it, so it is closed.",
        get=NOBODY,
        post=NOT_BY_GET,
    ),
    "admin:view_on_site": Row(
        "No row has a page elsewhere.",
        get=NOTHING,
        post=NOTHING,
        about=["content type", "content type"],
    ),
    "admin/(?P<url>.*)$": Row(
        "What is no page is not there, also for who is not let in.",
        get=NOTHING,
        post=NOTHING,
        about=["anything"],
    ),
    "policies:as_of": Row(
        "What was in force in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "policies:timeline": Row(
        "The life of a policy, for members of its tenant.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["policies.Policy"],
    ),
    "policies:act": Row(
        "Security admins suspend and retire; what is incomplete is shown again.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["policies.Policy", "act upon a policy"],
    ),
    "policies:rollback": Row(
        "Security admins roll back; what is incomplete is shown again.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["policies.Policy", "number of a version"],
    ),
    "dashboard:exports": Row(
        "What Istio, Kubernetes and OPA get, for members.",
        get=MEMBERS,
        post=NOT_BY_GET,
    ),
    "dashboard:export-file": Row(
        "The same as files, of one's own tenant.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["number of a release", "target of an export", "file of an export"],
    ),
    "dashboard:fleet": Row("Nodes of one's own tenant.", get=MEMBERS, post=NOT_BY_GET),
    "dashboard:fleet-live": Row(
        "The same, as it changes.", get=MEMBERS, post=NOT_BY_GET
    ),
    "dashboard:explain": Row(
        "Decisions of one's own tenant, and why.", get=MEMBERS, post=NOT_BY_GET
    ),
    "dashboard:standing": Row(
        "Who holds what for good in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "dashboard:convert": Row(
        "A security admin asks; people decide on it.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["roles.Role"],
    ),
    "dashboard:who": Row(
        "Who may do what in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "dashboard:simulator": Row(
        "What would be decided in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "dashboard:save-test": Row(
        "Who may change policies keeps a question as a test.",
        get=NOT_BY_GET,
        post=signed_in(MOVED, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
    ),
    "simulation:overview": Row(
        "What was measured in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "simulation:measure": Row(
        "Members measure drafts of their own tenant; it changes nothing.",
        get=NOT_BY_GET,
        post=signed_in(MOVED, FORBIDDEN, MOVED),
        writes=frozenset({"simulation_evidence"}),
    ),
    "simulation:evidence": Row(
        "Evidence of one's own tenant.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["simulation.Evidence"],
    ),
    "simulation:progress": Row(
        "How far evidence of one's own tenant is.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["simulation.Evidence"],
    ),
    "simulation:again": Row(
        "Begins again what failed in one's own tenant.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, MOVED),
        about=["simulation.Evidence"],
    ),
    "dashboard:what": Row(
        "What somebody of one's own tenant may do.", get=MEMBERS, post=NOT_BY_GET
    ),
    "distribution:grants": Row(
        "Who is elevated in one's own tenant.", get=MEMBERS, post=NOT_BY_GET
    ),
    "distribution:grant": Row(
        "What is decided under one elevation.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["elevations.Elevation"],
    ),
    "distribution:grant_live": Row(
        "The same, as it changes.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["elevations.Elevation"],
    ),
    "distribution:end_grant": Row(
        "Who may not end it is told so on its page; so is who is too early.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, MOVED),
        about=["elevations.Elevation"],
    ),
    **{
        f"admin:scopes_{name.lower()}_remove": Row(
            "Deleting what nothing refers to is a security admin's act.",
            get=NOT_BY_GET,
            post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
            about=[f"scopes.{name}"],
            acts=True,
        )
        for name in ("TimeWindow", "HolidayCalendar", "Location")
    },
    "admin:scopes_holidaycalendar_import": Row(
        "Shows a security admin what a file would change, and saves nothing.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["scopes.HolidayCalendar"],
    ),
    "admin:accounts_membership_link": Row(
        "A new link lets somebody in, so only security admins make one.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE),
        about=["membership of the auditor"],
        acts=True,
    ),
    "admin:accounts_membership_revoke": Row(
        "Removing a person is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["membership of the auditor"],
        acts=True,
    ),
    "admin:signin_signin_end": Row(
        "Ending a member's session is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["session of the auditor"],
        acts=True,
    ),
    "admin:accounts_freeze_lift": Row(
        "Lifting a freeze is an act of a security admin who did not freeze.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["accounts.Freeze"],
        body={"reason": "It was a false alarm."},
        acts=True,
    ),
    "admin:roles_role_export": Row(
        "Roles as a file, for whoever may read them.",
        get=MEMBERS,
        post=NOT_BY_GET,
        about=["yaml"],
    ),
    "admin:roles_role_import": Row(
        "Security admins bring roles in.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
    ),
    "admin:policies_policy_find": Row(
        "Finds what a policy can name.",
        get=MEMBERS,
        post=NOT_BY_GET,
        about=["resources"],
    ),
    "admin:policies_policy_tests": Row(
        "Members see how tests fare; drafting is for those who may draft.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["policies.Policy"],
        body={"do": "remove", "name": "none", "lock": "1"},
    ),
    "admin:policies_policy_starters": Row(
        "Templates, for whom drafts policies.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
    ),
    "admin:policies_policy_preview": Row(
        "Says what a typed policy would do, and changes nothing.",
        get=NOT_BY_GET,
        post=MEMBERS,
    ),
    "admin:roles_role_tree": Row("The tree of roles.", get=MEMBERS, post=NOT_BY_GET),
    "admin:policies_policy_findings": Row(
        "What lint finds in the policies.", get=MEMBERS, post=NOT_BY_GET
    ),
    "admin:roles_separationset_violations": Row(
        "Who holds roles that are kept apart.", get=MEMBERS, post=NOT_BY_GET
    ),
    "admin:roles_separationexception_end": Row(
        "Ending an exception is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["roles.SeparationException"],
        acts=True,
    ),
    "admin:roles_objectgrant_revoke": Row(
        "Taking a delegated right back is for security admins, and who gave it.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["roles.ObjectGrant"],
        body={"reason": "The walk is over."},
        acts=True,
    ),
    "admin:roles_assignment_revoke": Row(
        "Taking a role away is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["roles.Assignment"],
        acts=True,
    ),
    "admin:accounts_apitoken_revoke": Row(
        "Ending somebody else's token is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["accounts.ApiToken"],
        acts=True,
    ),
    "admin:clients_apiclient_keys": Row(
        "The keys that count for a client are a security admin's to change.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE),
        about=["clients.ApiClient"],
        body={"make_pair": "on"},
        acts=True,
    ),
    "admin:clients_apiclient_state": Row(
        "Suspending a client is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["clients.ApiClient"],
        acts=True,
    ),
    "admin:clients_apiclient_remove": Row(
        "Deleting a client is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["clients.ApiClient"],
        acts=True,
    ),
    "notifications:dependencies": Row(
        "What the tenant's channels and the installation call.",
        get=MEMBERS,
        post=NOT_BY_GET,
    ),
    **{
        f"admin:notifications_channel_{act}": Row(
            "What is told elsewhere is a security admin's to decide.",
            get=NOT_BY_GET,
            post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, answer),
            about=["notifications.Channel"],
            acts=True,
        )
        for act, answer in {
            "test": MOVED,
            "rotate": SHOWN,
            "state": MOVED,
            "remove": MOVED,
        }.items()
    },
    "admin:nodes_node_revoke": Row(
        "Putting a node out is a security admin's act.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["nodes.Node"],
        acts=True,
    ),
    "admin:nodes_jointoken_new": Row(
        "A join token lets a node in; a stranger makes one of their own tenant.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(DONE, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE),
        body={"name": "web-2"},
        acts=True,
    ),
    "breakglass:open": Row(
        "Only the holder of a sealed account has a glass to break.",
        get=signed_in(ABSENT, ABSENT, ABSENT),
        post=signed_in(ABSENT, ABSENT, ABSENT),
    ),
    "breakglass:end": Row(
        "What has ended is not found; who may end a running one is tested apart.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(ABSENT, ABSENT, ABSENT),
        about=["breakglass.Activation"],
    ),
    "breakglass:acknowledge": Row(
        "One's own notices are read; others' stay as they are.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, FORBIDDEN, MOVED),
        about=["breakglass.Notice"],
        writes=frozenset({"breakglass_notice"}),
    ),
    "admin:breakglass_breakglassaccount_seal": Row(
        "Sealing is a security admin's act, refused while a review is due.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["breakglass.BreakGlassAccount"],
    ),
    "admin:breakglass_breakglassaccount_retire": Row(
        "Retiring is a security admin's act, refused while a review is due.",
        get=NOT_BY_GET,
        post=signed_in(MOVED, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["breakglass.BreakGlassAccount"],
    ),
    "admin:approvals_coverage": Row(
        "Who could decide when, for members of the tenant.", get=MEMBERS, post=MEMBERS
    ),
    "admin:approvals_flow_text": Row(
        "A flow as JSON; security admins change it.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["approvals.ApprovalFlow"],
    ),
    "admin:approvals_flow_remove": Row(
        "Removing a flow is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["approvals.ApprovalFlow"],
        acts=True,
    ),
    "admin:approvals_request_assignment": Row(
        "Asking for an assignment is a security admin's act, in their own tenant.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
    ),
    "admin:approvals_propose": Row(
        "Proposing is a security admin's act, upon drafts of their own tenant.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
    ),
    **{
        f"admin:approvals_set_{name}": Row(
            "Sets of changes are written and proposed by security admins.",
            get=NOT_BY_GET,
            post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
            about=["approvals.ChangeSet", *about],
            acts=True,
        )
        for name, about in {
            "submit": (),
            "discard": (),
            "remove": ("approvals.ChangeItem",),
        }.items()
    },
    "admin:approvals_call_off": Row(
        "Calling off what is to come into force is a security admin's act.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        about=["approvals.ApprovalRequest"],
    ),
    "admin:approvals_set_conflict": Row(
        "Members see both sides of a conflict; security admins settle it.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["approvals.ChangeSet", "approvals.ChangeItem"],
        acts=True,
    ),
    **{
        f"admin:approvals_{name}_prove": Row(
            "Members of the tenant have evidence computed; it changes nothing.",
            get=NOT_BY_GET,
            post=signed_in(ABSENT, FORBIDDEN, MOVED),
            about=[f"approvals.{model}"],
            acts=name == "set",
        )
        for name, model in {"set": "ChangeSet", "request": "ApprovalRequest"}.items()
    },
    "admin:approvals_set_say": Row(
        "Members of the tenant speak about a change.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, MOVED),
        about=["approvals.ChangeSet"],
        body={"body": "Fine by me."},
        acts=True,
    ),
    "admin:approvals_request_say": Row(
        "Members of the tenant speak about a request.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, MOVED),
        about=["approvals.ApprovalRequest"],
        body={"body": "Fine by me."},
        acts=True,
    ),
    **{
        f"admin:approvals_comment_{name}": Row(
            "Only its author changes a comment.",
            get=NOT_BY_GET,
            post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
            about=["approvals.Comment"],
            body={"body": "Is this too wide?"},
            acts=True,
        )
        for name in ("edit", "delete")
    },
    "admin:approvals_cancel": Row(
        "The opener and security admins withdraw a request; an approver votes on it.",
        get=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["approvals.ApprovalRequest"],
        body={"reason": "It came too early."},
        acts=True,
    ),
    "admin:approvals_vote_options": Row(
        "Approvers vote; who proposed may not, whatever roles they hold.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body={"verdict": "approve"},
        is_json=True,
        writes=frozenset({"accounts_ceremony"}),
    ),
    "admin:approvals_vote": Row(
        "A vote counts with the signature of an approver's passkey only.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body={
            "verdict": "approve",
            "ceremony": "00000000-0000-4000-8000-000000000000",
            "credential": {"id": "none"},
        },
        is_json=True,
    ),
    "admin:bundles_release_snapshot": Row(
        "The bytes that nodes get, for members.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=NOT_BY_GET,
        about=["bundles.Release"],
    ),
}

PROVIDERS: Mapping[str, Row] = {
    f"admin:federation_identityprovider_{act}": Row(
        "Who may vouch for people is a security admin's to say.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN) if act == "mapping" else NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["federation.IdentityProvider"],
        body={"acr_map": "", "amr_map": "", "group_claim": "", "group_map": ""},
        acts=True,
    )
    for act in ("mapping", "suspend")
} | {
    "admin:federation_identityprovider_resume": Row(
        "Who may vouch for people is a security admin's to say.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["federation.IdentityProvider"],
    ),
    "admin:federation_identityprovider_unlink": Row(
        "Ending another person's link is a security admin's act.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["federation.IdentityProvider", "link of the admin"],
        acts=True,
    ),
}
