"""The REST interface: what a token reads, and what its person signs."""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Answers, Row, all_get
from tests.walk.table.words import ABSENT, DONE, FORBIDDEN, NO_METHOD, SHOWN, UNKNOWN

READ_BY_TOKEN = Answers(UNKNOWN, SHOWN, UNKNOWN, SHOWN, SHOWN, SHOWN)
ONE_BY_TOKEN = Answers(UNKNOWN, ABSENT, UNKNOWN, SHOWN, SHOWN, SHOWN)
NOT_BY_TOKEN = Answers(UNKNOWN, NO_METHOD, UNKNOWN, NO_METHOD, NO_METHOD, NO_METHOD)
REST: Mapping[str, Row] = {
    f"api:{name}": Row(
        "A token reads its own tenant.", get=READ_BY_TOKEN, post=NOT_BY_TOKEN
    )
    for name in (
        "tenants",
        "audit",
        "sessions",
        "assignments",
        "versions",
        "releases",
        "nodes",
        "notifications",
        "deliveries",
        "approver_keys",
    )
} | {
    f"api:{name}": Row(
        "A token reads its own tenant; others' things are not there.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=[about],
    )
    for name, about in {
        "bundle": "slug of the tenant",
        "request": "approvals.ApprovalRequest",
        "assignment": "roles.Assignment",
        "version": "policies.PolicyVersion",
        "release": "bundles.Release",
        "node": "nodes.Node",
    }.items()
}
_ADDED = Row(
    "Reading needs a token; drafting, a security admin's and their passkey.",
    get=READ_BY_TOKEN,
    post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
    is_json=True,
)
_REPLACED = Row(
    "Reading needs a token; drafting, a security admin's and their passkey.",
    get=ONE_BY_TOKEN,
    post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    about=["policies.Policy"],
    other_methods=frozenset({"put"}),
)
# What security admins write over REST, each act confirmed by its person's passkey.
WRITTEN = (
    {"api:policies": _ADDED, "api:policy": _REPLACED}
    | {
        f"api:{name}s": Row(
            "Reading needs a token; adding, a security admin's and their passkey.",
            get=READ_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            is_json=True,
        )
        for name in (
            "role",
            "permission",
            "attribute",
            "principal",
            "group",
            "resource",
        )
    }
    | {
        "api:channels": Row(
            "Reading needs a token; adding, a security admin's and their passkey.",
            get=READ_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            is_json=True,
        ),
        "api:channel": Row(
            "Reading needs a token; changing, a security admin's and their passkey.",
            get=ONE_BY_TOKEN,
            post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
            about=["notifications.Channel"],
            other_methods=frozenset({"put", "delete"}),
        ),
        "api:channel_secret": Row(
            "A new secret needs a security admin's token and their passkey.",
            get=NOT_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            about=["notifications.Channel"],
            is_json=True,
        ),
        "api:separations": Row(
            "Reading needs a token; adding, a security admin's and their passkey.",
            get=READ_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            is_json=True,
        ),
        "api:separation": Row(
            "Reading needs a token; changing, a security admin's and their passkey.",
            get=ONE_BY_TOKEN,
            post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
            about=["roles.SeparationSet"],
            other_methods=frozenset({"put", "delete"}),
        ),
    }
    | {
        f"api:{name}": Row(
            "Reading needs a token; replacing, a security admin's and their passkey.",
            get=ONE_BY_TOKEN,
            post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
            about=[about],
            other_methods=frozenset({"put"}),
        )
        for name, about in {
            "role": "roles.Role",
            "permission": "roles.Permission",
            "attribute": "roles.AttributeDefinition",
            "principal": "roles.Principal",
            "group": "roles.PrincipalGroup",
            "resource": "roles.Resource",
        }.items()
    }
)
STEPS_UP = Answers(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
_VOTE = {
    "verdict": "approve",
    "ceremony": "00000000-0000-4000-8000-000000000000",
    "credential": {"id": "none"},
}
_SIGNED = Answers(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
# The addresses of a draft, which is off unless the installation switches it on; what
# they answer then is held by tests/arap.
DRAFT: Mapping[str, Row] = {
    f"arap:{name}": Row(
        "There is no such address while the draft is off.",
        get=all_get(ABSENT),
        post=all_get(ABSENT),
        about=about,
    )
    for name, about in {
        "requests": (),
        "task": ("arap of nobody",),
        "cancel": ("arap of nobody",),
    }.items()
}
_ASKED_BY_TOKEN = Answers(UNKNOWN, DONE, UNKNOWN, DONE, DONE, DONE)
ASKED: Mapping[str, Row] = {
    f"api:access_{name}": Row(
        "A token asks about its own tenant; without a question it is told so.",
        get=_ASKED_BY_TOKEN,
        post=NOT_BY_TOKEN,
    )
    for name in ("explain", "subjects", "resources", "actions")
} | {
    "api:policy_tests": Row(
        "A token runs the tests of its own tenant, and changes nothing.",
        get=NOT_BY_TOKEN,
        post=_ASKED_BY_TOKEN,
        is_json=True,
    ),
    "api:impact": Row(
        "A token measures drafts of its own tenant, and changes nothing.",
        get=NOT_BY_TOKEN,
        post=_ASKED_BY_TOKEN,
        is_json=True,
    ),
    "api:evidence": Row(
        "A token reads its own tenant's evidence; others' is not there.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["simulation.Evidence"],
    ),
    "api:export": Row(
        "The export of one's own tenant's release.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["target of an export"],
    ),
    "api:simulate": Row(
        "A token asks about its own tenant, and changes nothing.",
        get=NOT_BY_TOKEN,
        post=_ASKED_BY_TOKEN,
        is_json=True,
    ),
}
OPERATIONS: Mapping[str, Row] = WRITTEN | {
    **DRAFT,
    **{
        f"api:policy_{act}": Row(
            "Acting upon a policy needs a security admin's passkey for the act.",
            get=NOT_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            about=["policies.Policy"],
            is_json=True,
        )
        for act in ("suspend", "resume", "retire", "rollback", "end")
    },
    "api:eligibilities": Row(
        "What the token's person may ask for.", get=READ_BY_TOKEN, post=NOT_BY_TOKEN
    ),
    "api:elevations": Row(
        "Asking needs the person's passkey for the act.",
        get=READ_BY_TOKEN,
        post=_SIGNED,
        is_json=True,
    ),
    "api:elevation": Row(
        "A token reads its own tenant; others' things are not there.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["elevations.Elevation"],
    ),
    "api:elevation_activate": Row(
        "Activating needs the person's passkey for the act.",
        get=NOT_BY_TOKEN,
        post=_SIGNED,
        about=["elevations.Elevation"],
        is_json=True,
    ),
    "api:elevation_extend": Row(
        "Asking for more time needs the person's passkey for the act.",
        get=NOT_BY_TOKEN,
        post=_SIGNED,
        about=["elevations.Elevation"],
        is_json=True,
    ),
    "api:elevation_end": Row(
        "Its holder, its approvers and security admins end an elevation.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, FORBIDDEN, FORBIDDEN, DONE),
        about=["elevations.Elevation"],
        is_json=True,
        acts=True,
    ),
    **{
        f"api:{name}": Row(
            "A token reads its own tenant; a change needs a security admin's passkey.",
            get=READ_BY_TOKEN,
            post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
            is_json=True,
        )
        for name in ("windows", "calendars", "locations")
    },
    **{
        f"api:{name}": Row(
            "A token reads its own tenant; others' things are not there.",
            get=ONE_BY_TOKEN,
            post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
            about=[f"scopes.{model}"],
            other_methods=frozenset({"put", "delete"}),
        )
        for name, model in {
            "window": "TimeWindow",
            "calendar": "HolidayCalendar",
            "location": "Location",
        }.items()
    },
    "api:role_file": Row(
        "A token reads its own tenant's roles; bringing some in needs a passkey.",
        get=READ_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        is_json=True,
    ),
    "api:lint": Row(
        "A token reads its own tenant's findings; a file that is none is refused.",
        get=READ_BY_TOKEN,
        post=Answers(UNKNOWN, DONE, UNKNOWN, FORBIDDEN, FORBIDDEN, DONE),
        is_json=True,
    ),
    "api:tenant_file": Row(
        "A token reads its own tenant as a file.",
        get=READ_BY_TOKEN,
        post=NOT_BY_TOKEN,
    ),
    **{
        f"api:tenant_file_{name}": Row(
            "Planning changes nothing; a file that is none is refused.",
            get=NOT_BY_TOKEN,
            post=Answers(UNKNOWN, DONE, UNKNOWN, FORBIDDEN, FORBIDDEN, DONE),
            is_json=True,
        )
        for name in ("plan", "tests")
    },
    "api:tenant_file_apply": Row(
        "Applying a file needs a security admin's passkey.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        is_json=True,
    ),
    "api:window_transitions": Row(
        "A token reads its own tenant; others' things are not there.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["scopes.TimeWindow"],
    ),
    "api:requests": Row(
        "Members read; asking needs the passkey of the token's person.",
        get=READ_BY_TOKEN,
        post=STEPS_UP,
        is_json=True,
    ),
    "api:request_cancel": Row(
        "Withdrawing needs the passkey of the token's person.",
        get=NOT_BY_TOKEN,
        post=STEPS_UP,
        about=["approvals.ApprovalRequest"],
        is_json=True,
    ),
    "api:request_call_off": Row(
        "Calling off needs the passkey of the token's person.",
        get=NOT_BY_TOKEN,
        post=STEPS_UP,
        about=["approvals.ApprovalRequest"],
        is_json=True,
    ),
    **{
        f"api:{name}_evidence": Row(
            "Members of the tenant read evidence and have it computed again.",
            get=ONE_BY_TOKEN,
            post=Answers(UNKNOWN, ABSENT, UNKNOWN, DONE, DONE, DONE),
            about=[f"approvals.{model}"],
            is_json=True,
            acts=name == "change_set",
        )
        for name, model in {
            "request": "ApprovalRequest",
            "change_set": "ChangeSet",
        }.items()
    },
    "api:change_sets": Row(
        "Members read; beginning a set needs a security admin and their proof.",
        get=READ_BY_TOKEN,
        post=STEPS_UP,
        is_json=True,
    ),
    "api:change_set": Row(
        "A token reads its own tenant; changing a set needs its person's proof.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
        about=["approvals.ChangeSet"],
        other_methods=frozenset({"put", "delete"}),
    ),
    "api:change_set_items": Row(
        "Changing a set needs the proof of the token's person.",
        get=NOT_BY_TOKEN,
        post=STEPS_UP,
        about=["approvals.ChangeSet"],
        is_json=True,
    ),
    "api:change_set_item": Row(
        "Changing a set needs the proof of the token's person.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
        about=["approvals.ChangeSet", "approvals.ChangeItem"],
        other_methods=frozenset({"delete"}),
    ),
    "api:change_set_submit": Row(
        "Proposing needs the passkey of the token's person.",
        get=NOT_BY_TOKEN,
        post=STEPS_UP,
        about=["approvals.ChangeSet"],
        is_json=True,
    ),
    "api:change_set_comments": Row(
        "Members of the tenant read and speak.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, DONE, DONE, DONE),
        about=["approvals.ChangeSet"],
        body={"body": "Fine by me."},
        is_json=True,
        acts=True,
    ),
    "api:request_comments": Row(
        "Members of the tenant read and speak.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, DONE, DONE, DONE),
        about=["approvals.ApprovalRequest"],
        body={"body": "Fine by me."},
        is_json=True,
        acts=True,
    ),
    "api:comment": Row(
        "A token reads its own tenant; only its author changes a comment.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["approvals.Comment"],
        other_methods=frozenset({"put", "delete"}),
    ),
    "api:vote_options": Row(
        "Approvers vote; who proposed may not, whatever roles they hold.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, FORBIDDEN, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body=_VOTE,
        is_json=True,
        writes=frozenset({"accounts_ceremony"}),
    ),
    "api:votes": Row(
        "A vote counts with the signature of an approver's passkey only.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, FORBIDDEN, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body=_VOTE,
        is_json=True,
    ),
    "api:flows": Row(
        "Members read; changing needs the passkey of a security admin.",
        get=READ_BY_TOKEN,
        post=STEPS_UP,
        is_json=True,
    ),
    "api:flow": Row(
        "One flow of one's own tenant; changing it needs a passkey.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
        about=["approvals.ApprovalFlow"],
        other_methods=frozenset({"put"}),
    ),
    "api:session": Row(
        "A session of a member; ending it is the only act.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
        about=["session of the auditor"],
        other_methods=frozenset({"delete"}),
    ),
    "api:notification_read": Row(
        "Only one's own notifications are found; reading changes nothing else.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, ABSENT, ABSENT, DONE),
        about=["notification of the admin"],
        acts=True,
    ),
    "api:operation_tokens": Row(
        "A person's program asks for one act; the person's passkey grants it.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, DONE, UNKNOWN, DONE, DONE, DONE),
        is_json=True,
    ),
    "api:operation_token": Row(
        "Only the token that asked for an operation finds it.",
        get=Answers(UNKNOWN, ABSENT, UNKNOWN, ABSENT, ABSENT, ABSENT),
        post=NOT_BY_TOKEN,
        about=["operation of the admin"],
    ),
    "api:operation_assertion": Row(
        "Only the token that asked for an operation finds it.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, ABSENT, UNKNOWN, ABSENT, ABSENT, ABSENT),
        about=["operation of the admin"],
        body={"ceremony": "00000000-0000-4000-8000-000000000000", "credential": {}},
        is_json=True,
    ),
    "api:freezes": Row(
        "Freezing needs a security admin's token, and their passkey for the act.",
        get=READ_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        is_json=True,
    ),
    "api:object_grants": Row(
        "Reading needs a token; giving, a security admin's and their passkey.",
        get=READ_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        is_json=True,
    ),
    "api:object_grant": Row(
        "A token reads its own tenant; others' things are not there.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=["roles.ObjectGrant"],
    ),
    "api:object_grant_revoke": Row(
        "Revoking needs a security admin's token, and their passkey for the act.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        about=["roles.ObjectGrant"],
        is_json=True,
    ),
    "api:freeze_lift": Row(
        "Lifting needs a security admin's token, and their passkey for the act.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        about=["accounts.Freeze"],
        is_json=True,
    ),
}
