"""What members lend each other: their own pages, the console, and REST.

The auditor of the walk offers the admin a role, and the approver asks somebody to stand
in. Others' delegations are as good as none for a member.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Answers, Row, signed_in
from tests.walk.table.models import listing, page, stock
from tests.walk.table.programs import NOT_BY_TOKEN, ONE_BY_TOKEN, READ_BY_TOKEN
from tests.walk.table.words import (
    ABSENT,
    EDIT,
    FORBIDDEN,
    MOVED,
    NO_METHOD,
    NOT_BY_GET,
    SHOWN,
    UNKNOWN,
)

DELEGATION, ABSENCE = "delegations.Delegation", "delegations.ApproverAbsence"
_NOT_BY_GET = signed_in(NO_METHOD, NO_METHOD, NO_METHOD)
_FORM = signed_in(SHOWN, MOVED, SHOWN)
# Writing needs the person's passkey for the act, which the walk's programs have not.
_STEP_UP = Answers(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)


def _act(why: str, about: str, post: Answers, *, acts: bool = False) -> Row:
    return Row(why, get=_NOT_BY_GET, post=post, about=[about], acts=acts)


def _by_token(why: str, about: str) -> Row:
    return Row(why, get=NOT_BY_TOKEN, post=_STEP_UP, about=[about], is_json=True)


_ONLY_DELEGATE = signed_in(ABSENT, MOVED, ABSENT, ABSENT, MOVED)
_ONLY_STAND_IN = signed_in(ABSENT, MOVED, ABSENT)
OWN_LOANS: Mapping[str, Row] = {
    "delegations:overview": Row(
        "What one lends and borrows in the chosen tenant.",
        get=_FORM,
        post=_NOT_BY_GET,
    ),
    "delegations:lend": Row(
        "Only what one holds oneself can be lent.", get=_FORM, post=_FORM
    ),
    "delegations:be_absent": Row(
        "An approver asks another one to stand in.", get=_FORM, post=_FORM
    ),
    "delegations:accept": _act(
        "Only who is offered a role accepts it.",
        DELEGATION,
        _ONLY_DELEGATE,
        acts=True,
    ),
    "delegations:decline": _act(
        "Only who is offered a role declines it.",
        DELEGATION,
        _ONLY_DELEGATE,
        acts=True,
    ),
    "delegations:revoke": _act(
        "Both sides end a delegation, and so does a security admin.",
        DELEGATION,
        signed_in(ABSENT, MOVED, MOVED, ABSENT, MOVED),
        acts=True,
    ),
    "delegations:accept_absence": _act(
        "Only who is asked agrees to stand in.", ABSENCE, _ONLY_STAND_IN
    ),
    "delegations:decline_absence": _act(
        "Only who is asked declines to stand in.", ABSENCE, _ONLY_STAND_IN
    ),
    "delegations:end_absence": _act(
        "Both sides end an absence, and so does a security admin.",
        ABSENCE,
        signed_in(ABSENT, MOVED, ABSENT, MOVED, MOVED),
        acts=True,
    ),
}
_READ_ONLY = signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)
CONSOLE_LOANS: Mapping[str, Row] = {
    **stock(DELEGATION, change=page(DELEGATION, _READ_ONLY)),
    **stock(ABSENCE, change=page(ABSENCE, _READ_ONLY)),
    **stock(
        # One page for what a tenant allows; the list leads to it.
        "delegations.DelegationPolicy",
        changelist=Row(
            "Leads to the one page there is, made of the defaults when first asked "
            "for.",
            get=signed_in(MOVED, FORBIDDEN, MOVED),
            post=signed_in(MOVED, FORBIDDEN, MOVED),
            writes=frozenset({"delegations_delegationpolicy"}),
        ),
        change=page("delegations.DelegationPolicy", EDIT),
    ),
    "admin:delegations_delegation_changelist": listing(DELEGATION),
    "admin:delegations_delegation_revoke": Row(
        "A security admin ends what others lend.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=[DELEGATION],
        acts=True,
    ),
    "admin:delegations_approverabsence_end": Row(
        "A security admin ends the absence of others.",
        get=NOT_BY_GET,
        post=signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED),
        about=[ABSENCE],
        acts=True,
    ),
}
REST_LOANS: Mapping[str, Row] = {
    **{
        f"api:{name}": Row(
            "A token reads what its person may; offering needs their passkey.",
            get=READ_BY_TOKEN,
            post=_STEP_UP,
            is_json=True,
        )
        for name in ("delegations", "absences")
    },
    "api:delegation": Row(
        "A token reads what its person may.",
        get=ONE_BY_TOKEN,
        post=NOT_BY_TOKEN,
        about=[DELEGATION],
    ),
    **{
        f"api:delegation_{name}": _by_token(
            "The person's passkey is asked for before anything is looked up.",
            DELEGATION,
        )
        for name in ("accept", "decline", "revoke")
    },
    **{
        f"api:absence_{name}": _by_token(
            "The person's passkey is asked for before anything is looked up.", ABSENCE
        )
        for name in ("accept", "decline", "end")
    },
}
LENDING: Mapping[str, Row] = {**OWN_LOANS, **CONSOLE_LOANS, **REST_LOANS}
