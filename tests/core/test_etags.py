"""A change over REST names the state that it is about."""

from __future__ import annotations

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.core.api import etag_of, require_match, with_etag
from apps.core.errors import ChangedMeanwhileError, MatchRequiredError

STATE = {"name": "Operator", "tier": "operator"}


def request(tag: str | None) -> Request:
    headers = {} if tag is None else {"If-Match": tag}
    return Request(APIRequestFactory().put("/", headers=headers))


def test_the_tag_of_the_state_is_accepted_alone_or_among_others() -> None:
    require_match(request(etag_of(STATE)), STATE)
    require_match(request(f'"other", {etag_of(STATE)}'), STATE)


def test_an_answer_carries_the_tag_to_name_later() -> None:
    require_match(request(with_etag(STATE)["ETag"]), STATE)


@pytest.mark.parametrize("tag", ["*", '"other"', ""], ids=["any", "other", "empty"])
def test_another_tag_is_refused(tag: str) -> None:
    with pytest.raises(ChangedMeanwhileError):
        require_match(request(tag), STATE)


def test_a_changed_state_is_refused() -> None:
    with pytest.raises(ChangedMeanwhileError):
        require_match(request(etag_of(STATE)), STATE | {"tier": "admin"})


def test_no_tag_is_refused_in_its_own_way() -> None:
    with pytest.raises(MatchRequiredError):
        require_match(request(None), STATE)
