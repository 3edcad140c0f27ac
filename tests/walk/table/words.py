"""The words that the rows of the table are written in."""

from __future__ import annotations

from tests.walk.answers import Answer, all_get, signed_in

SHOWN, MOVED, DONE = Answer.SHOWN, Answer.MOVED, Answer.DONE
SIGN_IN, UNKNOWN = Answer.SIGN_IN, Answer.UNKNOWN
FORBIDDEN, ABSENT, NO_METHOD = Answer.FORBIDDEN, Answer.ABSENT, Answer.NO_METHOD

ANYBODY, NOT_BY_POST = all_get(SHOWN), all_get(NO_METHOD)
MEMBERS = signed_in(SHOWN, FORBIDDEN, SHOWN)
NOT_BY_GET = signed_in(NO_METHOD, FORBIDDEN, NO_METHOD)
NOBODY = signed_in(FORBIDDEN, FORBIDDEN, FORBIDDEN)
NOTHING = signed_in(ABSENT, FORBIDDEN, ABSENT)
EDIT = signed_in(ABSENT, FORBIDDEN, FORBIDDEN, FORBIDDEN, DONE)
