"""OpenID AuthZEN Authorization API 1.0, the three searches: requests, pages, answers.

A token names the query it belongs to and the place to go on from. It holds no secret:
whoever makes one up learns nothing that asking would not tell them.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.authzen import AuthzenError, parse_evaluation
from engine.obligations import Duty, as_json
from engine.search import Found, Query, Sought
from protocol.canonical import digest

MOST_RESULTS = 1000
_DOMAIN = "portward-search-v1"
_LONGEST_TOKEN = 4096
_NOT_OURS = "page.token: not a token of ours"
_ANYTHING = "-"
_SENT = ("subject", "action", "resource", "context")


@dataclass(frozen=True)
class Search:
    """A query, and which page of its results is asked for."""

    query: Query
    digest: str
    limit: int
    after: str | None
    is_paged: bool


def parse_search(sought: Sought, body: object, now: dt.datetime) -> Search:
    """Return the query of a search request; raises AuthzenError."""
    if not isinstance(body, Mapping):
        raise AuthzenError("request: an object is required")
    members = {name: body[name] for name in _SENT if name in body}
    members |= _gap(sought, members.get(sought.value))
    query = Query(sought, parse_evaluation(members, now))
    page = body.get("page")
    if page is None:
        page = {}
    if not isinstance(page, Mapping):
        raise AuthzenError("page: an object is required")
    bound = digest(_DOMAIN, {"sought": sought.value, **_told(members)}).hex()
    token = read_token(page.get("token"), bound)
    limit = _limit(page.get("limit"), token)
    after = None if token is None else token.after
    return Search(query, bound, limit, after, is_paged=bool(page))


def search_response(search: Search, found: Found) -> dict[str, Any]:
    """Return the answer to a search; a page whenever more may follow."""
    request = search.query.request
    match search.query.sought:
        case Sought.SUBJECT:
            kind = request.principal.type
            results = [{"type": kind, "id": name} for name in found.names]
        case Sought.RESOURCE:
            kind = request.resource.type
            results = [{"type": kind, "id": name} for name in found.names]
        case _:
            results = [{"name": name} for name in found.names]
    answer: dict[str, Any] = {
        "results": [
            _with_obligations(result, found.obligations.get(name, ()))
            for result, name in zip(results, found.names, strict=True)
        ]
    }
    if search.is_paged or found.after is not None:
        answer["page"] = {
            "next_token": next_token(search.digest, found.after, search.limit),
            "count": len(results),
        }
    return answer


def _with_obligations(
    result: dict[str, Any], duties: tuple[Duty, ...]
) -> dict[str, Any]:
    return result | ({"obligations": as_json(duties)} if duties else {})


def next_token(bound: str, after: str | None, limit: int) -> str:
    """Return what asks for the page after this one; empty at the end."""
    if after is None:
        return ""
    body = json.dumps({"after": after, "limit": limit, "query": bound})
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


@dataclass(frozen=True)
class Token:
    """Where a page begins, and how many results it may have."""

    after: str
    limit: int


def read_token(value: object, bound: str) -> Token | None:
    """Return what a token says, or None when there is none; raises AuthzenError."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN:
        raise AuthzenError(_NOT_OURS)
    try:
        padded = value + "=" * (-len(value) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise AuthzenError(_NOT_OURS) from error
    match found:
        case {"after": str(after), "limit": int(limit), "query": str(query)}:
            if not 1 <= limit <= MOST_RESULTS:
                raise AuthzenError(_NOT_OURS)
            if query != bound:
                raise AuthzenError("page.token: belongs to another search")
            return Token(after, limit)
        case _:
            raise AuthzenError(_NOT_OURS)


def _gap(sought: Sought, given: object) -> dict[str, Any]:
    """Return the member that is searched for, whatever id it came with."""
    if sought is Sought.ACTION:
        return {"action": {"name": _ANYTHING}}
    if not isinstance(given, Mapping):
        raise AuthzenError(f"{sought.value}: an object is required")
    return {sought.value: {**given, "id": _ANYTHING}}


def _told(members: Mapping[str, Any]) -> dict[str, str]:
    """Return members as texts that are the same for the same members.

    As text, since canonical JSON has no place for the fractions a context may hold.
    """
    return {name: json.dumps(value, sort_keys=True) for name, value in members.items()}


def _limit(value: object, token: Token | None) -> int:
    """Return how many results a page may have; a token keeps what was said before."""
    if value is None:
        return token.limit if token else MOST_RESULTS
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise AuthzenError("page.limit: a number above 0 is required")
    limit = min(value, MOST_RESULTS)
    if token is not None and limit != token.limit:
        raise AuthzenError("page.limit: must stay the same from page to page")
    return limit
