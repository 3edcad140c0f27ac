"""What is one's own: passkeys, codes, tokens, sessions, devices."""

from __future__ import annotations

from collections.abc import Mapping

from apps.notifications.choices import Event
from apps.notifications.rules.preferences import FORCED
from tests.walk.answers import Answers, Row, signed_in
from tests.walk.table.words import (
    ABSENT,
    DONE,
    FORBIDDEN,
    MOVED,
    NO_METHOD,
    NOT_BY_POST,
    SHOWN,
    UNKNOWN,
)

# What a person may choose about each event that leaves a choice.
MAILED = {
    event.value.replace(".", "-"): "digest" for event in Event if event not in FORCED
}
OWN: Mapping[str, Row] = {
    "objects:administering": Row(
        "What is delegated to oneself, in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=NOT_BY_POST,
    ),
    "federation:own_links": Row(
        "One's own accounts elsewhere, in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
    ),
    "federation:begin_link": Row(
        "A member links their own account by a provider of the tenant.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, SHOWN),
        about=["federation.IdentityProvider"],
        acts=True,
    ),
    "federation:end_link": Row(
        "Only one's own links are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["link of the admin"],
        acts=True,
    ),
    "signin:state": Row(
        "Tells a page whether its own session lives; without one it says only that.",
        get=Answers(UNKNOWN, *([SHOWN] * 5)),
        post=NOT_BY_POST,
    ),
    "signin:confirm": Row(
        "What waits for a signature is shown to whoever is about to do it.",
        get=signed_in(ABSENT, ABSENT, ABSENT, ABSENT, SHOWN),
        post=NOT_BY_POST,
        about=["operation of the admin"],
    ),
    "signin:confirm_options": Row(
        "Only one's own operations are found.",
        get=NOT_BY_POST,
        post=signed_in(ABSENT, ABSENT, ABSENT, ABSENT, DONE),
        about=["operation of the admin"],
        acts=True,
    ),
    "signin:confirm_verify": Row(
        "Only one's own operations are found; the signature is what counts.",
        get=NOT_BY_POST,
        post=signed_in(ABSENT, ABSENT, ABSENT, ABSENT, MOVED),
        about=["operation of the admin"],
    ),
    "signin:confirm_by_code": Row(
        "Only one's own operations are found; the code is what counts.",
        get=NOT_BY_POST,
        post=signed_in(ABSENT, ABSENT, ABSENT, ABSENT, MOVED),
        about=["operation of the admin"],
    ),
    "signin:confirm_presence": Row(
        "Leads to the confirmation of one's own presence.",
        get=NOT_BY_POST,
        post=Answers(FORBIDDEN, *([MOVED] * 5)),
    ),
    "signin:end_elevation": Row(
        "Ends one's own elevation.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        acts=True,
    ),
    "signin:appeal": Row(
        "Only one's own freezes are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["freeze of the frozen"],
    ),
    "signin:sessions": Row(
        "One's own sessions and devices.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
    ),
    "signin:end_others": Row(
        "Ends one's own other sessions.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
    ),
    "signin:end_session": Row(
        "Only one's own sessions are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["session of the admin"],
        acts=True,
    ),
    "signin:trust_device": Row(
        "Only one's own devices are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["device of the admin"],
        acts=True,
    ),
    "signin:forget_device": Row(
        "Only one's own devices are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["device of the admin"],
        acts=True,
    ),
    "accounts:account": Row(
        "One's own passkeys, whatever tenant one belongs to.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
    ),
    "accounts:new_code_device": Row(
        "Anybody may add an authenticator to their own account.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(SHOWN, SHOWN, SHOWN),
        writes=frozenset({"accounts_codedevice"}),
    ),
    "accounts:confirm_code_device": Row(
        "Only one's own authenticators are found; others' are as good as none.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["number of nothing"],
    ),
    "accounts:remove_code_device": Row(
        "Only one's own authenticators are found; others' are as good as none.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["number of nothing"],
    ),
    "accounts:recovery_codes": Row(
        "Anybody may make recovery codes for their own account.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(SHOWN, SHOWN, SHOWN),
        writes=frozenset(
            {"accounts_recoverycode", "audit_audithead", "audit_auditentry"}
        ),
    ),
    "accounts:set_password": Row(
        "Only one's own password is set.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
    ),
    "accounts:remove_password": Row(
        "Only one's own password is removed.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        writes=frozenset({"accounts_user", "audit_audithead", "audit_auditentry"}),
    ),
    "accounts:rename_passkey": Row(
        "Only one's own passkeys are found; others' are as good as none.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["passkey of the admin"],
        body={"name": "Blue key"},
        acts=True,
    ),
    "signin:remove_passkey": Row(
        "Only one's own passkeys are found; others' are as good as none.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["passkey of the admin"],
        acts=True,
    ),
    "accounts:api_tokens": Row(
        "One's own tokens in the chosen tenant; without one there is none to choose.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(SHOWN, MOVED, SHOWN),
    ),
    "accounts:revoke_api_token": Row(
        "Only one's own tokens are found; ending another's changes nothing.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        about=["token of the admin"],
        acts=True,
    ),
    "dashboard:why": Row(
        "Explains decisions about oneself only.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
    ),
    "notifications:inbox": Row(
        "One's own notifications in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
    ),
    "notifications:preferences": Row(
        "What one is mailed oneself.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(MOVED, MOVED, MOVED),
        body=MAILED,
        acts=True,
    ),
    "notifications:open": Row(
        "Only one's own notifications are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["notification of the admin"],
        acts=True,
    ),
    "notifications:read": Row(
        "Only one's own notifications are found.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["notification of the admin"],
        acts=True,
    ),
    "notifications:read_all": Row(
        "Only one's own notifications are marked.",
        get=signed_in(NO_METHOD, NO_METHOD, NO_METHOD),
        post=signed_in(MOVED, MOVED, MOVED),
        acts=True,
    ),
    "access:home": Row(
        "What one holds and may ask for in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
    ),
    "access:current": Row(
        "One's own elevations, as they change.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
    ),
    "access:live": Row(
        "The banner of one's own elevations, as it changes.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
    ),
    "policies:owned": Row(
        "One's own policies that wait for a decision, in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
    ),
    "policies:decide": Row(
        "Only one's own policies are found.",
        get=signed_in(ABSENT, MOVED, ABSENT),
        post=signed_in(ABSENT, MOVED, ABSENT),
        about=["policies.Policy", "act upon a policy"],
    ),
    "access:requests": Row(
        "What waits for one's own vote in the chosen tenant.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
    ),
    "access:decide": Row(
        "Only those whom the flow names, or who are behind the request, see it.",
        get=signed_in(ABSENT, MOVED, ABSENT, SHOWN, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
        about=["approvals.ApprovalRequest"],
    ),
    "access:prove": Row(
        "Whom a request concerns has its evidence computed; it changes nothing.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, MOVED, MOVED),
        about=["approvals.ApprovalRequest"],
    ),
    "access:progress": Row(
        "Whom a request concerns sees how far its evidence is.",
        get=signed_in(ABSENT, MOVED, ABSENT, SHOWN, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
        about=["approvals.ApprovalRequest"],
    ),
    "access:vote_options": Row(
        "Whom the flow names votes; who proposed may not.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body={"verdict": "approve"},
        is_json=True,
        writes=frozenset({"accounts_ceremony"}),
    ),
    "access:vote": Row(
        "A vote counts with the signature of a passkey of whom the flow names.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, DONE, FORBIDDEN),
        about=["approvals.ApprovalRequest"],
        body={
            "verdict": "approve",
            "ceremony": "00000000-0000-4000-8000-000000000000",
            "credential": {"id": "none"},
        },
        is_json=True,
    ),
    "access:request": Row(
        "Only what is offered to oneself can be asked for.",
        get=signed_in(ABSENT, MOVED, ABSENT, ABSENT, SHOWN),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, SHOWN),
        about=["elevations.Eligibility"],
    ),
    "access:elevation": Row(
        "Only one's own elevations are found.",
        get=signed_in(ABSENT, MOVED, ABSENT, ABSENT, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
        about=["elevations.Elevation"],
    ),
    "access:state": Row(
        "Only one's own elevations are found.",
        get=signed_in(ABSENT, MOVED, ABSENT, ABSENT, SHOWN),
        post=signed_in(NO_METHOD, MOVED, NO_METHOD),
        about=["elevations.Elevation"],
    ),
    "access:activate": Row(
        "Only one's own elevations are found; what is not approved stays as it is.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["elevations.Elevation"],
    ),
    "access:extend": Row(
        "Only one's own elevations are found; what is not active is not extended.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["elevations.Elevation"],
    ),
    "access:cancel": Row(
        "Only one's own elevations are withdrawn.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["elevations.Elevation"],
        acts=True,
    ),
    "access:end": Row(
        "Only one's own elevations are given up.",
        get=signed_in(NO_METHOD, MOVED, NO_METHOD),
        post=signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED),
        about=["elevations.Elevation"],
        acts=True,
    ),
    "accounts:choose_tenant": Row(
        "One's own tenants; only a member's choice counts.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(SHOWN, SHOWN, SHOWN),
    ),
}
