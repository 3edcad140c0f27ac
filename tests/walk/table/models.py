"""The lists and pages that Django's admin has for each model."""

from __future__ import annotations

from tests.walk.answers import Answers, Row, signed_in
from tests.walk.table.words import (
    ABSENT,
    DONE,
    EDIT,
    FORBIDDEN,
    MEMBERS,
    MOVED,
    NOBODY,
    NOTHING,
    SHOWN,
)

# Models whose rows security admins add and change, and everybody else reads.
EDITED = (
    *("scopes.TimeWindow", "scopes.HolidayCalendar", "scopes.Location"),
    "roles.ResourceType",
    *("roles.Permission", "roles.AttributeDefinition", "roles.Principal"),
    *("roles.PrincipalGroup", "roles.SeparationSet"),
    *("roles.Resource", "roles.Role", "policies.Policy", "clients.ApiClient"),
    "notifications.Channel",
    "elevations.Eligibility",
    "approvals.ApprovalFlow",
)
# Models whose rows come from services only; nobody edits them in the console.
READ = (
    *("audit.AuditEntry", "outbox.OutboxMessage", "keys.SigningKey"),
    *("policies.PolicyVersion", "nodes.Node", "nodes.NodeGroup", "nodes.JoinToken"),
    *("accounts.ApiToken", "notifications.Delivery", "distribution.DecisionRecord"),
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


MODELS: dict[str, Row] = {}
for _model in READ:
    MODELS |= stock(_model)
for _model in EDITED:
    MODELS |= stock(_model, add=adding(_model), change=page(_model, EDIT))
_LEADS_ON = signed_in(MOVED, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED)
MODELS |= stock(
    # An assignment is asked for and revoked; nobody writes one alone.
    "roles.Assignment",
    add=Row("Leads to the request for one.", get=_LEADS_ON, post=_LEADS_ON),
    change=page("roles.Assignment", signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)),
)
MODELS |= stock(
    "roles.SeparationException",
    add=adding("roles.SeparationException"),
    change=page(
        "roles.SeparationException",
        signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ),
)
MODELS |= stock(
    # A right is given and revoked, never edited.
    "roles.ObjectGrant",
    add=adding("roles.ObjectGrant"),
    change=page(
        "roles.ObjectGrant", signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)
    ),
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
    "approvals.ChangeSet",
    add=adding("approvals.ChangeSet"),
    change=page("approvals.ChangeSet", EDIT),
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
MODELS |= stock(
    # One page for what a tenant asks; the list leads to it.
    "accounts.SignInPolicy",
    changelist=Row(
        "Leads to the one page there is, made of the defaults when first asked for.",
        get=signed_in(MOVED, FORBIDDEN, MOVED),
        post=signed_in(MOVED, FORBIDDEN, MOVED),
        writes=frozenset({"accounts_signinpolicy"}),
    ),
    change=page("accounts.SignInPolicy", EDIT),
)
MODELS |= stock(
    "breakglass.BreakGlassAccount",
    add=adding("breakglass.BreakGlassAccount"),
    change=page(
        "breakglass.BreakGlassAccount",
        signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ),
)
MODELS |= stock("elevations.Elevation", change=page("elevations.Elevation", EDIT))
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
