"""Access reviews: who is asked answers, security admins open and apply."""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Answers, Row, signed_in
from tests.walk.table.models import adding, listing, page, stock
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

RUN, CAMPAIGN = "reviews.Run", "reviews.Campaign"
_NO_POST = signed_in(NO_METHOD, NO_METHOD, NO_METHOD)
_ADMINS = signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, MOVED)
# The walk's admin and approver are asked; to others the review is not there.
_ASKED = signed_in(ABSENT, MOVED, ABSENT, SHOWN, SHOWN)
_STEP_UP = Answers(UNKNOWN, UNKNOWN, UNKNOWN, FORBIDDEN, UNKNOWN, UNKNOWN)
REVIEWING: Mapping[str, Row] = {
    "reviews:overview": Row(
        "The reviews that wait for oneself.",
        get=signed_in(SHOWN, MOVED, SHOWN),
        post=_NO_POST,
    ),
    "reviews:answer": Row(
        "Only who is asked sees what is asked.", get=_ASKED, post=_NO_POST, about=[RUN]
    ),
    "reviews:effect": Row(
        "Shows who is asked the effect of an answer, and changes nothing.",
        get=_NO_POST,
        post=signed_in(ABSENT, MOVED, ABSENT, MOVED, MOVED),
        about=[RUN],
    ),
    "reviews:decide": Row(
        "Only who is asked answers.",
        get=_NO_POST,
        post=signed_in(ABSENT, MOVED, ABSENT, MOVED, MOVED),
        about=[RUN],
    ),
    **stock(CAMPAIGN, add=adding(CAMPAIGN), change=page(CAMPAIGN, EDIT)),
    **stock(
        RUN,
        change=page(RUN, signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN)),
    ),
    "admin:reviews_run_changelist": listing(RUN),
    "admin:reviews_campaign_open": Row(
        "Security admins open a review by hand; one that is open is not opened twice.",
        get=NOT_BY_GET,
        post=_ADMINS,
        about=[CAMPAIGN],
    ),
    "admin:reviews_run_apply": Row(
        "Security admins apply a review, if they saw its effect.",
        get=NOT_BY_GET,
        post=_ADMINS,
        about=[RUN],
    ),
    "admin:reviews_run_cancel": Row(
        "Security admins end a review without effect.",
        get=NOT_BY_GET,
        post=_ADMINS,
        about=[RUN],
        acts=True,
    ),
    "admin:reviews_run_report": Row(
        "Who sees a review reads its report.",
        get=signed_in(ABSENT, FORBIDDEN, SHOWN),
        post=signed_in(NO_METHOD, FORBIDDEN, NO_METHOD),
        about=[RUN],
    ),
    "api:reviews": Row(
        "A token reads its own tenant.", get=READ_BY_TOKEN, post=NOT_BY_TOKEN
    ),
    **{
        f"api:review{name}": Row(
            "A token reads its own tenant; others' reviews are not there.",
            get=ONE_BY_TOKEN,
            post=NOT_BY_TOKEN,
            about=[RUN],
        )
        for name in ("", "_items", "_effect")
    },
    **{
        f"api:review_{name}": Row(
            "Needs the scope, and the person's passkey for the act.",
            get=NOT_BY_TOKEN,
            post=_STEP_UP,
            about=[RUN],
            is_json=True,
        )
        for name in ("decisions", "apply")
    },
}
