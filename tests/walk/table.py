"""The one table of all addresses: who gets what, and why.

Every route of the URLconf has a row here, or the walk fails. Deny by default: an
address that lets anonymous people in stands in PUBLIC with a sentence why.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Answer, Answers, Row, all_get, signed_in

SHOWN, MOVED, DONE = Answer.SHOWN, Answer.MOVED, Answer.DONE
SIGN_IN, UNKNOWN = Answer.SIGN_IN, Answer.UNKNOWN
FORBIDDEN, ABSENT, NO_METHOD = Answer.FORBIDDEN, Answer.ABSENT, Answer.NO_METHOD

# Tables that any request may write to, because of what they are for.
BOOKKEEPING = {
    "limits_bucketlevel": "every request takes tokens from its buckets",
    "limits_refusal": "what is refused early is counted",
    "django_session": "a session remembers its tenant and its notices",
    "accounts_apitoken": "a token remembers when it was last used",
    "signin_signin": "a session remembers when and from where it was last used",
    "limits_knownaddress": "an address that failed before is remembered",
    "signin_pendingoperation": "what waits for a passkey is kept until it is signed",
}

ANYBODY, NOT_BY_POST = all_get(SHOWN), all_get(NO_METHOD)
MEMBERS = signed_in(SHOWN, FORBIDDEN, SHOWN)
NOT_BY_GET = signed_in(NO_METHOD, FORBIDDEN, NO_METHOD)
NOBODY = signed_in(FORBIDDEN, FORBIDDEN, FORBIDDEN)
NOTHING = signed_in(ABSENT, FORBIDDEN, ABSENT)

# What a frozen person may still do: read why, appeal, prove who they are, and leave.
WHILE_FROZEN = {
    *("admin:login", "admin:logout", "admin:jsi18n", "signin:state", "signin:appeal"),
    *("signin:confirm", "signin:confirm_options", "signin:confirm_verify"),
    *("signin:confirm_presence", "signin:confirm_by_code"),
}

# Acts that need no fresh proof, because of what they are.
UNCONFIRMED = {
    "signin:confirm_options": "it is the way to the proof",
    "signin:end_elevation": "it gives rights up",
}

PUBLIC: Mapping[str, Row] = {
    "healthz": Row(
        "A supervisor asks whether the process lives; it says ok and nothing else.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "favicon": Row(
        "Browsers ask for the mark before anybody has signed in.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
    ),
    "home": Row(
        "The bare address leads to the console, which asks who is there.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
    ),
    "clients:token": Row(
        "Programs have no session: what they send is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:revoke": Row(
        "Whoever sends a token may end it; a client's own asks for its proof.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:introspect": Row(
        "Programs have no session: what they send is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:jwks": Row(
        "Public keys are for everybody who verifies a token.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
        is_for_all_origins=True,
    ),
    "clients:metadata": Row(
        "Clients read it before they have a token; it names addresses and no data.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
        is_for_all_origins=True,
    ),
    "api:schema": Row(
        "What the interface looks like holds no data of anybody.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "api:docs": Row(
        "The same description, to read; it holds no data of anybody.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "api:none": Row(
        "What is no address of the interface is not there, for anybody.",
        get=all_get(ABSENT),
        post=all_get(ABSENT),
    ),
    "admin:login": Row(
        "Signing in is what people do who are not signed in.",
        get=Answers(SHOWN, MOVED, MOVED, MOVED, MOVED, MOVED),
        post=Answers(SHOWN, MOVED, MOVED, MOVED, MOVED, MOVED),
    ),
    "admin:logout": Row(
        "Whoever is out already is led to the console, which asks who is there.",
        get=Answers(MOVED, *([NO_METHOD] * 5)),
        post=Answers(MOVED, *([SIGN_IN] * 5)),
        writes=frozenset({"audit_audithead", "audit_auditentry"}),
    ),
    "signin:enroll": Row(
        "Who holds the link has no passkey yet: the link is what they prove.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["enrollment token"],
    ),
    "signin:login_options": Row(
        "A sign-in begins with a challenge, which is worth nothing without a key.",
        get=NOT_BY_POST,
        post=all_get(DONE),
        writes=frozenset({"accounts_ceremony"}),
    ),
    "signin:login_verify": Row(
        "The answer to the challenge is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "signin:fallback": Row(
        "Signing in with password and code is for people who are not signed in.",
        get=Answers(SHOWN, *([MOVED] * 5)),
        post=Answers(SHOWN, *([MOVED] * 5)),
    ),
    "signin:registration_options": Row(
        "Registering asks for a link in the body, or for a session.",
        get=NOT_BY_POST,
        post=Answers(FORBIDDEN, *([DONE] * 5)),
        is_json=True,
        writes=frozenset({"accounts_ceremony"}),
    ),
    "signin:registration_verify": Row(
        "The challenge came from a link or a session; the answer names it.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "federation:organization": Row(
        "A short name that is typed leads to its page, whether there is one or not.",
        get=all_get(SIGN_IN),
        post=NOT_BY_POST,
    ),
    "federation:choices": Row(
        "How an organization signs in is for who knows its name; unknown ones look so.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
    ),
    "federation:start": Row(
        "Signing in is what people do who are not signed in.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"federation_signinattempt"}),
    ),
    "federation:callback": Row(
        "The provider's answer is the proof of who asks; without one nobody comes in.",
        get=all_get(FORBIDDEN),
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"limits_refusalcount"}),
    ),
    "federation:signed_out": Row(
        "Whoever signed out is told where else they are signed in.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
    ),
    "federation:keys": Row(
        "A provider reads the public half of our key.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
    ),
    "federation:backchannel_logout": Row(
        "The provider's signed token is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"limits_refusalcount"}),
    ),
}

OWN: Mapping[str, Row] = {
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
    "accounts:remove_passkey": Row(
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
    "accounts:choose_tenant": Row(
        "One's own tenants; only a member's choice counts.",
        get=signed_in(SHOWN, SHOWN, SHOWN),
        post=signed_in(SHOWN, SHOWN, SHOWN),
    ),
}

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
    "dashboard:fleet": Row("Nodes of one's own tenant.", get=MEMBERS, post=NOT_BY_GET),
    "dashboard:fleet-live": Row(
        "The same, as it changes.", get=MEMBERS, post=NOT_BY_GET
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
    "admin:breakglass_breakglassaccount_retire": Row(
        "Retiring is a security admin's act, refused while a review is due.",
        get=NOT_BY_GET,
        post=signed_in(MOVED, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=["breakglass.BreakGlassAccount"],
    ),
    "admin:approvals_propose": Row(
        "Proposing is a security admin's act, upon drafts of their own tenant.",
        get=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
        post=signed_in(SHOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, SHOWN),
    ),
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
        post=signed_in(ABSENT, FORBIDDEN, SHOWN),
        about=["bundles.Release"],
    ),
}

# Models whose rows security admins add and change, and everybody else reads.
EDITED = (
    *("scopes.TimeWindow", "scopes.Location", "roles.ResourceType"),
    *("roles.Permission", "roles.AttributeDefinition", "roles.Principal"),
    *("roles.Resource", "roles.Role", "policies.Policy", "clients.ApiClient"),
)
# Models whose rows come from services only; nobody edits them in the console.
READ = (
    *("audit.AuditEntry", "outbox.OutboxMessage", "keys.SigningKey"),
    *("policies.PolicyVersion", "nodes.Node", "nodes.NodeGroup", "nodes.JoinToken"),
    "accounts.ApiToken",
)


def listing(model: str) -> Row:
    """Return the row of a list; posting to it does nothing without an action."""
    return Row(f"The {model} of one's own tenant.", get=MEMBERS, post=MEMBERS)


def closed(model: str, what: str) -> Row:
    """Return the row of a page that Django has and we do not."""
    return Row(f"Nobody may {what} {model} by hand.", get=NOBODY, post=NOBODY)


def page(model: str, post: Answers) -> Row:
    """Return the row of the page of one thing."""
    return Row(
        f"One {model}, for members of its tenant.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=post,
        about=[model],
    )


def adding(model: str) -> Row:
    """Return the row of a page that adds to one's own tenant."""
    only_admins = signed_in(DONE, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE)
    return Row(f"Security admins add {model}.", get=only_admins, post=only_admins)


def stock(model: str, about: str = "", **pages: Row) -> dict[str, Row]:
    """Return the rows of what Django's admin has for each model."""
    app, _, name = model.lower().partition(".")
    moved = signed_in(MOVED, FORBIDDEN, MOVED)
    rows = {
        "changelist": listing(model),
        "add": closed(model, "add"),
        "delete": closed(model, "delete"),
        "history": Row("The history is the audit log.", get=NOTHING, post=NOTHING),
        "change": page(model, NOBODY),
    } | pages
    named = {f"admin:{app}_{name}_{what}": row for what, row in rows.items()}
    short = f"admin/{app}/{name}/<path:object_id>/"
    named[short] = Row("Leads to the page, which asks.", get=moved, post=moved)
    return {
        name: row
        if row.about or name.endswith(("_changelist", "_add"))
        else Row(row.why, row.get, row.post, about=[about or model])
        for name, row in named.items()
    }


EDIT = signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE)
MODELS: dict[str, Row] = {}
for _model in READ:
    MODELS |= stock(_model)
for _model in EDITED:
    MODELS |= stock(_model, add=adding(_model), change=page(_model, EDIT))
MODELS |= stock(
    # An assignment is revoked and made anew, so only its addition is open.
    "roles.Assignment",
    add=adding("roles.Assignment"),
    change=page("roles.Assignment", signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)),
)
MODELS |= stock(
    "accounts.Membership",
    add=adding("accounts.Membership"),
    change=page("accounts.Membership", EDIT),
    delete=Row("People are removed by an act of its own.", get=NOTHING, post=NOTHING),
)
MODELS |= stock(
    # Pages of our own, which read what was posted nowhere.
    "approvals.ApprovalRequest",
    change=page("approvals.ApprovalRequest", signed_in(ABSENT, FORBIDDEN, SHOWN)),
)
MODELS |= stock(
    "bundles.Release",
    change=page("bundles.Release", signed_in(ABSENT, FORBIDDEN, SHOWN)),
)

MODELS |= stock(
    "accounts.Freeze",
    add=adding("accounts.Freeze"),
    change=page("accounts.Freeze", signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)),
)
MODELS |= stock(
    "federation.IdentityProvider",
    add=adding("federation.IdentityProvider"),
    change=page("federation.IdentityProvider", EDIT),
)
MODELS |= {
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
MODELS |= stock(
    "breakglass.BreakGlassAccount",
    add=adding("breakglass.BreakGlassAccount"),
    change=page(
        "breakglass.BreakGlassAccount",
        signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ),
)
MODELS |= stock("breakglass.Activation", change=page("breakglass.Activation", EDIT))
MODELS |= stock(
    # Sessions belong to people; those of members are shown.
    "signin.SignIn",
    about="session of the auditor",
    change=Row(
        "A session of a member, for members.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN),
        about=["session of the auditor"],
    ),
)

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
        "roles",
        "policies",
        "versions",
        "releases",
        "nodes",
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
        "role": "roles.Role",
        "policy": "policies.Policy",
        "version": "policies.PolicyVersion",
        "release": "bundles.Release",
        "node": "nodes.Node",
    }.items()
}
OPERATIONS: Mapping[str, Row] = {
    "api:session": Row(
        "A session of a member; ending it is the only act.",
        get=ONE_BY_TOKEN,
        post=Answers(UNKNOWN, FORBIDDEN, UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
        about=["session of the auditor"],
        other_methods=frozenset({"delete"}),
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
    "api:freeze_lift": Row(
        "Lifting needs a security admin's token, and their passkey for the act.",
        get=NOT_BY_TOKEN,
        post=Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, FORBIDDEN, UNKNOWN),
        about=["accounts.Freeze"],
        is_json=True,
    ),
}

TABLE: Mapping[str, Row] = {**PUBLIC, **OWN, **CONSOLE, **MODELS, **REST, **OPERATIONS}
