"""What an address answers to whom, in words a table can be read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from django.http.response import HttpResponseBase

SIGN_IN_PAGE = "/admin/login/"


class Answer(StrEnum):
    """The classes of answers; a server error is in none of them."""

    SHOWN = "shown"
    MOVED = "led elsewhere"
    DONE = "taken up"
    SIGN_IN = "led to the sign-in page"
    UNKNOWN = "401"
    FORBIDDEN = "403"
    ABSENT = "404"
    NO_METHOD = "405"

    def covers(self, response: HttpResponseBase) -> bool:
        """Say whether a response is of this class."""
        status = response.status_code
        is_sign_in = status in MOVES and _target(response).startswith(SIGN_IN_PAGE)
        match self:
            case Answer.SHOWN:
                return status == 200
            case Answer.MOVED:
                return status in MOVES and not is_sign_in
            case Answer.SIGN_IN:
                return is_sign_in
            case Answer.DONE:
                # What is incomplete or late was looked at, so it counts too.
                return (
                    status in {200, 201, 202, 204, *MOVES, 400, 409} and not is_sign_in
                )
            case _:
                return str(status) == self.value


MOVES = (301, 302, 303)
REFUSALS = {
    Answer.SIGN_IN,
    Answer.UNKNOWN,
    Answer.FORBIDDEN,
    Answer.ABSENT,
    Answer.NO_METHOD,
}


class Answers(NamedTuple):
    """What each person gets; whoever is frozen is tested apart."""

    anonymous: Answer
    stranger: Answer
    former: Answer
    auditor: Answer
    approver: Answer
    admin: Answer


@dataclass(frozen=True)
class Row:
    """One line of the table: what an address answers, and why that is right."""

    why: str
    get: Answers
    post: Answers
    # What stands for the parameters, in their order: a model or a word of the world.
    about: Sequence[str] = ()
    # What is posted, so that the right person's act happens.
    body: Mapping[str, Any] = field(default_factory=dict)
    is_json: bool = False
    # Tables that anybody who may ask writes to.
    writes: frozenset[str] = frozenset()
    # What else than GET and POST the address knows; tests of its own hold these.
    other_methods: frozenset[str] = frozenset()
    # Whether pages of other origins may read the answer.
    is_for_all_origins: bool = False
    # An act must leave something behind when the right person does it.
    acts: bool = False


def all_get(answer: Answer) -> Answers:
    """Return the same answer for everybody, signed in or not."""
    return Answers(*([answer] * len(Answers._fields)))


def signed_in(  # one argument a kind of person
    stranger: Answer,
    former: Answer,
    auditor: Answer,
    approver: Answer | None = None,
    admin: Answer | None = None,
) -> Answers:
    """Return answers of the console; an approver is as an auditor if not said."""
    approver = approver or auditor
    return Answers(
        Answer.SIGN_IN, stranger, former, auditor, approver, admin or approver
    )


def _target(response: HttpResponseBase) -> str:
    return str(response.headers.get("Location", ""))
