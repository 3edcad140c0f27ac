"""Pages of a review: who is asked answers, and security admins apply."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.reviews import selectors
from apps.reviews.choices import RunState
from apps.reviews.models import Run
from apps.roles.models import Assignment
from tests.factories.accounts import MakeUser, SignedInClient
from tests.reviews.conftest import opened


@pytest.fixture
def rita(make_user: MakeUser) -> User:
    """Return a member who is asked."""
    return make_user("rita", ["member"])


@pytest.fixture
def run(alice: User, rita: User) -> Run:
    """Return an open review that asks Rita about Alice."""
    assert alice != rita
    return opened(reviewers="named", named=(rita.pk,))


def item(run: Run) -> str:
    return str(selectors.items_of(run).get().pk)


def post(client: Client, path: str, **data: object) -> int:
    return client.post(path, data).status_code


def test_who_is_asked_sees_the_effect_and_answers(
    run: Run, rita: User, signed_in_client: SignedInClient
) -> None:
    client, path = signed_in_client(rita), f"/access/reviews/{run.pk}/"
    assert "All roles" in client.get("/access/reviews/").content.decode()
    assert "Alice: Developer" in client.get(path).content.decode()
    shown = client.post(f"{path}effect/", {"item": item(run)}).content.decode()
    assert "deploy on Namespace" in shown
    assert selectors.items_of(run).get().verdict == ""
    data = {"item": item(run), "verdict": "revoke", "reason": "She changed teams."}
    client.post(f"{path}decide/", data)
    assert selectors.items_of(run).get().verdict == "revoke"
    assert "deploy on Namespace" in client.get(path).content.decode()


def test_a_review_is_not_there_for_who_is_not_asked(
    run: Run, alice: User, signed_in_client: SignedInClient
) -> None:
    client, path = signed_in_client(alice), f"/access/reviews/{run.pk}/"
    assert client.get(path).status_code == 404
    assert post(client, f"{path}effect/", item=item(run)) == 404
    assert post(client, f"{path}decide/", item=item(run), verdict="keep") == 404


def test_a_security_admin_applies_what_was_shown(
    run: Run, rita: User, admin: User, signed_in_client: SignedInClient
) -> None:
    signed_in_client(rita).post(
        f"/access/reviews/{run.pk}/decide/",
        {"item": item(run), "verdict": "revoke", "reason": "She changed teams."},
    )
    client, path = signed_in_client(admin), f"/admin/reviews/run/{run.pk}/"
    assert "Apply: revoke 1" in client.get(f"{path}change/").content.decode()
    post(client, f"{path}apply/", confirmed=0)
    assert Assignment.objects.get().revoked_at is None
    post(client, f"{path}apply/", confirmed=1)
    assert Assignment.objects.get().revoked_at is not None
    assert selectors.run_by_id(run.pk).state == RunState.APPLIED
    report = client.get(f"{path}report.csv").content.decode()
    assert "alice,developer" in report
    assert "revoked" in report


def test_a_campaign_is_made_and_opened(
    alice: User, admin: User, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(admin)
    add = "/admin/reviews/campaign/add/"
    assert "access that nobody looked at" in client.get(add).content.decode()
    data = {
        "name": "Half a year",
        "reviewers": "owners",
        "recurrence": "0",
        "days": "14",
        "silence": "keep",
        "cap": "5",
    }
    answer = client.post(add, data)
    assert answer.status_code == 302
    client.post(answer.headers["Location"].replace("change", "open"))
    assert selectors.runs().get().campaign.name == "Half a year"
    assert client.get(answer.headers["Location"]).status_code == 200
    assert client.get("/admin/reviews/run/").status_code == 200
    assert alice.username == "alice"
