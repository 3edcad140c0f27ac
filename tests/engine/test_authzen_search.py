"""AuthZEN searches: what is asked, pages that belong to their query, and refusals."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.authzen import AuthzenError
from engine.authzen_search import MOST_RESULTS, Search, parse_search, search_response
from engine.search import Found, Sought
from protocol.records import EntityRef

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SUBJECT = {"type": "User", "id": "alice"}
RESOURCE = {"type": "Node", "id": "web-1"}
ACTION = {"name": "restart"}
WHOLE: dict[Sought, dict[str, Any]] = {
    Sought.SUBJECT: {
        "subject": {"type": "User"},
        "action": ACTION,
        "resource": RESOURCE,
    },
    Sought.RESOURCE: {
        "subject": SUBJECT,
        "action": ACTION,
        "resource": {"type": "Node"},
    },
    Sought.ACTION: {"subject": SUBJECT, "resource": RESOURCE},
}
INPUTS = {
    Sought.SUBJECT: ("resource",),
    Sought.RESOURCE: ("subject",),
    Sought.ACTION: ("subject", "resource"),
}


def parse(sought: Sought, **changes: Any) -> Search:
    return parse_search(sought, {**WHOLE[sought], **changes}, NOW)


def token_of(search: Search, after: str = "m") -> str:
    found = search_response(search, Found(("a",), after, 1))
    return str(found["page"]["next_token"])


@pytest.mark.parametrize("sought", list(Sought))
def test_a_search_is_a_question_with_a_gap(sought: Sought) -> None:
    search = parse(sought)

    filled = search.query.filled("x")
    expected = {
        Sought.SUBJECT: (EntityRef("User", "x"), "restart", EntityRef("Node", "web-1")),
        Sought.RESOURCE: (
            EntityRef("User", "alice"),
            "restart",
            EntityRef("Node", "x"),
        ),
        Sought.ACTION: (EntityRef("User", "alice"), "x", EntityRef("Node", "web-1")),
    }[sought]
    assert (filled.principal, filled.action, filled.resource) == expected
    assert (search.limit, search.after) == (MOST_RESULTS, None)


def test_the_id_of_what_is_searched_for_is_ignored() -> None:
    with_id = parse(Sought.SUBJECT, subject=SUBJECT)

    assert with_id == parse(Sought.SUBJECT)


def test_an_action_in_a_search_for_actions_is_ignored() -> None:
    assert parse(Sought.ACTION, action={"name": 7}) == parse(Sought.ACTION)


@pytest.mark.parametrize("sought", list(Sought))
@pytest.mark.parametrize("missing", ["subject", "action", "resource"])
def test_every_member_is_required(sought: Sought, missing: str) -> None:
    if missing not in WHOLE[sought]:
        return
    body = {name: v for name, v in WHOLE[sought].items() if name != missing}

    with pytest.raises(AuthzenError):
        parse_search(sought, body, NOW)


@pytest.mark.parametrize("sought", list(Sought))
def test_what_is_given_needs_an_id(sought: Sought) -> None:
    for name in INPUTS[sought]:
        with pytest.raises(AuthzenError, match=f"{name}.id"):
            parse(sought, **{name: {"type": "User"}})


@pytest.mark.parametrize("sought", [Sought.SUBJECT, Sought.RESOURCE])
def test_what_is_searched_for_needs_a_type(sought: Sought) -> None:
    with pytest.raises(AuthzenError, match=f"{sought.value}.type"):
        parse(sought, **{sought.value: {}})


@pytest.mark.parametrize(
    "page",
    [
        "x",
        {"limit": 0},
        {"limit": -1},
        {"limit": True},
        {"limit": "5"},
        {"token": 7},
        {"token": "not base64!"},
        {"token": base64.urlsafe_b64encode(b"{}").decode()},
        {"token": base64.urlsafe_b64encode(b"nonsense").decode()},
        {"token": "A" * 5000},
    ],
    ids=str,
)
def test_a_page_of_the_wrong_shape_is_refused(page: object) -> None:
    with pytest.raises(AuthzenError, match="page"):
        parse(Sought.SUBJECT, page=page)


def test_a_token_goes_on_where_the_page_ended_with_the_same_limit() -> None:
    first = parse(Sought.SUBJECT, page={"limit": 3})

    second = parse(Sought.SUBJECT, page={"token": token_of(first, "m")})

    assert (second.after, second.limit) == ("m", 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": {"name": "stop"}}, "another search"),
        ({"context": {"mfa": 2}}, "another search"),
        ({"subject": {"type": "Service"}}, "another search"),
        ({"page": {"limit": 4}}, "stay the same"),
    ],
    ids=["action", "context", "subject", "limit"],
)
def test_a_token_belongs_to_its_search(changes: dict[str, Any], reason: str) -> None:
    token = token_of(parse(Sought.SUBJECT, page={"limit": 3}))
    page = {"token": token, **changes.pop("page", {})}

    with pytest.raises(AuthzenError, match=reason):
        parse(Sought.SUBJECT, **changes, page=page)


def test_a_token_is_for_one_kind_of_search() -> None:
    token = token_of(parse(Sought.RESOURCE))

    with pytest.raises(AuthzenError, match="another search"):
        parse(Sought.ACTION, page={"token": token})


def test_a_limit_beyond_the_most_is_the_most() -> None:
    assert parse(Sought.SUBJECT, page={"limit": 10**6}).limit == MOST_RESULTS


def test_an_answer_that_is_whole_has_no_page() -> None:
    answer = search_response(parse(Sought.SUBJECT), Found(("alice",), None, 1))

    assert answer == {"results": [{"type": "User", "id": "alice"}]}


def test_an_answer_that_is_not_whole_has_a_page_even_if_none_was_asked_for() -> None:
    answer = search_response(parse(Sought.ACTION), Found(("read",), "read", 1))

    assert answer["results"] == [{"name": "read"}]
    assert answer["page"]["next_token"]
    assert answer["page"]["count"] == 1


def test_the_last_page_has_an_empty_token() -> None:
    search = parse(Sought.RESOURCE, page={"limit": 1})

    answer = search_response(search, Found(("web-1",), None, 1))

    assert answer["page"] == {"next_token": "", "count": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(Sought), json_values)
def test_any_body_is_a_search_or_a_400(sought: Sought, body: object) -> None:
    for given_body in (body, {**WHOLE[sought], "page": body, "context": {"x": body}}):
        try:
            search = parse_search(sought, given_body, NOW)
        except AuthzenError:
            continue
        answer = search_response(search, Found((), None, 0))
        assert json.dumps(answer)
