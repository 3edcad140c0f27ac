"""Sets of changes and comments over REST."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from apps.approvals import selectors
from apps.approvals.choices import ChangeSetState
from apps.approvals.models import ChangeSet
from apps.tenants.models import Tenant
from tests.approvals.test_api import BASE, Program
from tests.factories.access import build_access
from tests.factories.approvals import People
from tests.factories.changes import NIGHT, make_set

pytestmark = pytest.mark.django_db


class Author(Program):
    """A program whose person confirms each change with a passkey."""

    def change(
        self, operation: str, method: str, path: str, body: Any = None, tag: str = ""
    ) -> Any:
        text = "" if body is None else json.dumps(body)
        wish = {
            "operation": operation,
            "method": method,
            "path": f"{BASE}{path}",
            "body_digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        asked = self.send("POST", "/operation-tokens", wish).json()
        answer = {
            "ceremony": asked["ceremony"],
            "credential": self.person.authenticator.get(asked["public_key"]),
        }
        given = self.send("POST", f"/operation-tokens/{asked['id']}/assertion", answer)
        headers = {"Operation-Token": given.json()["operation_token"]}
        if tag:
            headers["If-Match"] = tag
        return self.client.generic(
            method,
            f"{BASE}{path}",
            text,
            content_type="application/json",
            headers=self.headers | headers,
        )

    def draft(self, method: str, path: str, body: Any = None, tag: str = "") -> Any:
        return self.change("policies.draft", method, path, body, tag)


@pytest.fixture
def author(in_tenant: Tenant, people: People) -> Author:  # noqa: ARG001
    build_access()
    people("anna")
    return Author(people("ada", "security_admin"))


def test_a_set_is_begun_filled_and_proposed(author: Author) -> None:
    words = {"title": "Open the night shift", "reason": "Deploys move to the night."}
    begun = author.draft("POST", "/change-sets", words)
    assert begun.status_code == 201
    path = f"/change-sets/{begun.json()['id']}"
    body = {"kind": "window", "content": NIGHT}
    assert author.draft("POST", f"{path}/items", body).status_code == 428
    filled = author.draft("POST", f"{path}/items", body, begun["ETag"])
    assert filled.status_code == 200
    assert filled.json()["items"][0]["outcome"]["sentence"].startswith("Open")
    assert filled.json()["before"] != filled.json()["after"]
    stale = author.draft("PUT", path, words, begun["ETag"])
    assert stale.status_code == 412
    tag = author.get(path)["ETag"]
    opened = author.change("approvals.open", "POST", f"{path}/submit", None, tag)
    assert opened.status_code == 201
    assert opened.json()["document"]["items"][0]["slug"] == "night-shift"
    closed = author.draft("DELETE", path, None, author.get(path)["ETag"])
    assert (closed.status_code, closed.json()["code"]) == (
        409,
        "approvals.change_set_closed",
    )


def test_a_change_is_refused_with_the_code_of_a_direct_one(author: Author) -> None:
    row = make_set(author.person.user)
    path = f"/change-sets/{row.pk}"
    content = NIGHT | {"zone": "Mars/Crater"}
    refused = author.draft(
        "POST",
        f"{path}/items",
        {"kind": "window", "content": content},
        author.get(path)["ETag"],
    )
    assert refused.status_code == 400
    assert (refused.json()["code"], refused.json()["field"]) == (
        "scopes.unknown_zone",
        "zone",
    )
    assert author.get("/change-sets?state=open").json()["results"] == []


def test_a_set_is_given_up_and_stays_to_be_read(author: Author) -> None:
    row = make_set(author.person.user)
    path = f"/change-sets/{row.pk}"
    gone = author.draft("DELETE", path, None, author.get(path)["ETag"])
    assert gone.status_code == 204
    assert ChangeSet.objects.get().state == ChangeSetState.DISCARDED
    assert author.get(path).json()["state"] == "discarded"


def test_comments_are_written_answered_and_edited_by_their_authors(
    author: Author, people: People
) -> None:
    row = make_set(author.person.user)
    anna = Author(people("anna"))
    path = f"/change-sets/{row.pk}/comments"
    asked = anna.send("POST", path, {"body": "Why <now>?"})
    assert asked.status_code == 201
    answer = {"body": "Because.", "parent_id": asked.json()["id"]}
    assert author.send("POST", path, answer).status_code == 201
    one = f"/comments/{asked.json()['id']}"
    tag = author.get(one)["ETag"]
    foreign = author.send("PUT", one, {"body": "Mine"}, **{"If-Match": tag})
    assert foreign.json()["code"] == "approvals.comment_forbidden"
    edited = anna.send("PUT", one, {"body": "Why today?"}, **{"If-Match": tag})
    assert [said["body"] for said in edited.json()["history"]] == ["Why <now>?"]
    gone = anna.send("DELETE", one, {}, **{"If-Match": edited["ETag"]})
    assert gone.status_code == 204
    assert selectors.comments_about(row, None).count() == 2
    assert author.get(path).json()["results"][0]["body"] in ("", "Because.")
