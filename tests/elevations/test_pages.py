"""What people see of their own access, and what the pages refuse."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.services import actor_for
from apps.elevations import services
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.tasks import settle
from apps.notifications.models import Notification
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec
from protocol.records import EntityRef
from tests.factories.accounts import sign_in
from tests.factories.approvals import People, Person
from tests.factories.elevations import (
    REASON,
    SYSTEM,
    ask,
    make_principal,
    offer,
    request_of,
    shop,
)

Browse = Callable[[Person], Client]
HOME = "/access/"


@pytest.fixture
def browse() -> Browse:
    def client_of(person: Person) -> Client:
        client = Client()
        sign_in(client, person.user, person.passkey)
        return client

    return client_of


@pytest.fixture
def client(mia: Person, browse: Browse) -> Client:
    return browse(mia)


def approved(people: People, mia: Person, eligibility: Eligibility) -> Elevation:
    row = ask(mia, eligibility)
    people("anna").vote(request_of(row))
    row.refresh_from_db()
    return row


def active(people: People, mia: Person, eligibility: Eligibility) -> Elevation:
    row = approved(people, mia, eligibility)
    return services.activate(
        actor=actor_for(mia.user), elevation_id=row.pk, now=timezone.now()
    )


def page_of(row: Elevation | Eligibility, what: str = "") -> str:
    if isinstance(row, Eligibility):
        return f"/access/request/{row.pk}/"
    return f"/access/elevations/{row.pk}/{what}"


def fields(**changed: Any) -> dict[str, Any]:
    return {"reason": REASON, "ticket": "", "minutes": 5} | changed


def test_a_member_who_signs_in_lands_on_their_own_access(client: Client) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.request["PATH_INFO"] == HOME
    assert b"My access" in answer.content


def test_a_member_sees_no_area_of_the_console(client: Client) -> None:
    text = client.get(HOME).content.decode()
    assert "/admin/area/" not in text
    assert "/account/notifications/" in text


def test_an_approver_still_lands_on_the_overview(
    people: People, mia: Person, browse: Browse
) -> None:
    del mia
    assert browse(people("anna")).get("/admin/").status_code == 200


def test_the_catalogue_finds_by_every_word_of_purpose_role_and_place(
    client: Client, mia: Person
) -> None:
    principal = mia.user.principals.get()
    offer(principal, purpose="Restart the shop", scope=shop().pk)
    offer(principal, "root", purpose="Reconfigure machines")
    found = client.get(HOME, {"q": "developer SHOP"}).content.decode()
    assert "Restart the shop" in found
    assert "Reconfigure machines" not in found
    assert "Nothing found" in client.get(HOME, {"q": "coffee"}).content.decode()


def test_who_is_no_principal_is_told_whom_to_ask(
    people: People, mia: Person, browse: Browse
) -> None:
    del mia
    text = browse(people("nina", "member")).get(HOME).content.decode()
    assert "You are not known as a principal" in text


def test_the_preview_sets_what_is_new_before_what_is_held_already(
    client: Client, mia: Person
) -> None:
    principal = mia.user.principals.get()
    ref = EntityRef(principal.type, principal.key)
    roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(ref, "reader"))
    offered = offer(principal, scope=shop().pk)
    text = client.get(page_of(offered)).content.decode()
    new, held = text.index("<code>deploy</code>"), text.index("<code>read</code>")
    assert new < held < text.index("(you may already)")
    assert "<code>restart</code>" not in text, "a namespace has nothing to restart"
    assert "1 approval from: Anna, Ben" in text


def test_what_is_not_offered_to_oneself_has_no_page(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse
) -> None:
    del mia
    nina = people("nina", "member")
    make_principal(nina)
    other = browse(nina)
    assert other.get(page_of(eligibility)).status_code == 404
    assert other.post(page_of(eligibility), fields()).status_code == 404


def test_asking_opens_a_request_and_leads_to_where_it_stands(
    client: Client, eligibility: Eligibility
) -> None:
    answer = client.post(page_of(eligibility), fields())
    row = Elevation.objects.get()
    assert answer["Location"] == page_of(row)
    text = client.get(page_of(row)).content.decode()
    assert "They have an hour." in text
    assert row.minutes == 5


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"minutes": 0}, "Ask for 1 to 30 minutes."),
        ({"minutes": -5}, "Ask for 1 to 30 minutes."),
        ({"minutes": 31}, "Ask for 1 to 30 minutes."),
        ({"reason": "Because"}, "Say why you need it"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_nothing_is_lost(
    client: Client, eligibility: Eligibility, changed: dict[str, Any], words: str
) -> None:
    answer = client.post(page_of(eligibility), fields(**changed))
    text = answer.content.decode()
    assert words in text
    assert f'<p class="pw-error" role="alert">{words}' in text
    assert str(changed.get("reason", REASON)) in text
    assert not Elevation.objects.exists()


def test_an_old_proof_does_not_ask(
    client: Client, mia: Person, eligibility: Eligibility
) -> None:
    age_proofs(mia, minutes=16)
    answer = client.post(page_of(eligibility), fields())
    assert answer["Location"].startswith("/auth/operations/")
    assert not Elevation.objects.exists()


def test_an_old_proof_does_not_activate(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = approved(people, mia, eligibility)
    age_proofs(mia, minutes=6)
    answer = client.post(page_of(row, "activate/"))
    assert answer["Location"].startswith("/auth/operations/")
    row.refresh_from_db()
    assert row.state == ElevationState.APPROVED


def test_more_time_is_signed_each_time_however_fresh_the_session(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = active(people, mia, eligibility)
    answer = client.post(page_of(row, "extend/"))
    assert answer["Location"].startswith("/auth/operations/")
    assert Elevation.objects.count() == 1


def test_giving_up_needs_no_proof_and_ends_at_once(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = active(people, mia, eligibility)
    age_proofs(mia, minutes=600)
    answer = client.post(page_of(row, "end/"), follow=True)
    assert "It is over." in answer.content.decode()
    row.refresh_from_db()
    assert row.state == ElevationState.ENDED
    assert row.assignment is not None
    assert row.assignment.revoked_at is not None


def test_activating_twice_is_refused_and_gives_nothing_more(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = approved(people, mia, eligibility)
    client.post(page_of(row, "activate/"))
    row.refresh_from_db()
    first = row.ends_at
    answer = client.post(page_of(row, "activate/"), follow=True)
    assert "This is active already." in answer.content.decode()
    row.refresh_from_db()
    assert row.ends_at == first


def test_what_waits_is_withdrawn_with_its_request(
    mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = ask(mia, eligibility)
    client.post(page_of(row, "cancel/"))
    row.refresh_from_db()
    assert row.state == ElevationState.CANCELLED
    assert not request_of(row).is_open


def test_what_is_approved_can_be_given_up_before_it_begins(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = approved(people, mia, eligibility)
    client.post(page_of(row, "cancel/"))
    row.refresh_from_db()
    assert row.state == ElevationState.CANCELLED


@pytest.mark.parametrize("what", ["", "state/"])
def test_others_elevations_are_not_there(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse, what: str
) -> None:
    row = ask(mia, eligibility)
    assert browse(people("anna")).get(page_of(row, what)).status_code == 404


@pytest.mark.parametrize("what", ["activate/", "extend/", "cancel/", "end/"])
def test_nobody_acts_upon_others_elevations(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse, what: str
) -> None:
    row = ask(mia, eligibility)
    browse(people("anna")).post(page_of(row, what))
    row.refresh_from_db()
    assert row.state == ElevationState.PENDING


def test_the_banner_stands_on_every_page_as_long_as_it_is_active(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    assert b"pw-elevated" not in client.get("/account/").content
    row = active(people, mia, eligibility)
    text = client.get("/account/").content.decode()
    assert "pw-elevated" in text
    assert page_of(row, "end/") in text
    move_back(row, minutes=31)
    assert b"pw-elevated" not in client.get("/account/").content
    assert eligibility.purpose not in client.get("/access/live/").content.decode()


def test_the_page_shows_more_time_that_is_asked_for_instead_of_asking_twice(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = active(people, mia, eligibility)
    assert page_of(row, "extend/") in client.get(page_of(row)).content.decode()
    ask(mia, eligibility, extends=row.pk)
    text = client.get(page_of(row)).content.decode()
    assert page_of(row, "extend/") not in text
    assert "More time asked for" in text


def test_a_part_of_a_page_has_a_new_version_once_something_changed(
    people: People, mia: Person, eligibility: Eligibility, client: Client
) -> None:
    row = ask(mia, eligibility)
    before = version(client, row)
    assert version(client, row) == before
    people("anna").vote(request_of(row))
    assert version(client, row) != before


def test_the_holder_is_told_once_that_it_ends_soon_and_once_that_it_is_over(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = active(people, mia, eligibility)
    for minutes in (25, 0, 6, 0):
        move_back(row, minutes=minutes)
        settle()
    told = Notification.objects.filter(user=mia.user, event__startswith="elevation.")
    assert sorted(told.values_list("event", flat=True)) == [
        "elevation.ended",
        "elevation.ending",
    ]
    assert set(told.values_list("path", flat=True)) == {page_of(row)}


def test_who_asked_is_led_to_their_own_page_by_the_decision(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    row = approved(people, mia, eligibility)
    told = Notification.objects.get(user=mia.user, event="approval.decided")
    assert told.path == page_of(row)


def test_approvers_and_security_admins_are_told_of_the_activation(
    people: People, mia: Person, eligibility: Eligibility
) -> None:
    olga = people("olga", "security_admin")
    active(people, mia, eligibility)
    told = Notification.objects.filter(event="elevation.activated")
    assert set(told.values_list("user_id", flat=True)) == {
        people("anna").user.pk,
        olga.user.pk,
    }


def test_a_request_that_expires_after_its_elevation_did_is_closed_all_the_same(
    mia: Person, eligibility: Eligibility
) -> None:
    row = ask(mia, eligibility)
    Elevation.objects.filter(pk=row.pk).update(
        requested_at=timezone.now() - dt.timedelta(hours=2)
    )
    settle()
    assert services.expire(actor=SYSTEM, elevation_id=row.pk).state == "expired"


def test_a_security_admin_ends_it_in_the_console_and_says_why(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse
) -> None:
    row = active(people, mia, eligibility)
    console = f"/admin/elevations/elevation/{row.pk}/change/"
    olga = browse(people("olga", "security_admin"))
    assert "This field is required." in olga.post(console).content.decode()
    olga.post(console, {"reason": "The incident is over."})
    row.refresh_from_db()
    assert (row.state, row.end_reason) == ("ended", "The incident is over.")
    told = Notification.objects.get(user=mia.user, event="elevation.ended")
    assert told.is_urgent


def test_an_approver_of_it_ends_it_and_another_one_does_not(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse
) -> None:
    row = active(people, mia, eligibility)
    console = f"/admin/elevations/elevation/{row.pk}/change/"
    why = {"reason": "The incident is over."}
    assert browse(people("ben")).post(console, why).status_code == 403
    assert browse(people("anna")).post(console, why).status_code == 302
    row.refresh_from_db()
    assert row.state == ElevationState.ENDED


def test_what_is_offered_is_changed_in_the_console_beside_its_fields(
    people: People, mia: Person, eligibility: Eligibility, browse: Browse
) -> None:
    console = "/admin/elevations/eligibility"
    olga = browse(people("olga", "security_admin"))
    wanted = {
        "purpose": "Reconfigure machines",
        "role": str(eligibility.role_id),
        "principal": str(mia.user.principals.get().pk),
        "max_minutes": 31,
        "is_active": "on",
    }
    refused = olga.post(f"{console}/add/", wanted).content.decode()
    assert "A role of this tier is held for 1 to 30 minutes." in refused
    both = wanted | {"max_minutes": 20, "holders": str(eligibility.role_id)}
    refused = olga.post(f"{console}/add/", both).content.decode()
    assert "Name one principal, one group or one role." in refused
    olga.post(f"{console}/add/", wanted | {"max_minutes": 20})
    row = Eligibility.objects.get(purpose="Reconfigure machines")
    assert row.max_minutes == 20
    shown = olga.get(f"{console}/{row.pk}/change/").content.decode()
    assert 'value="Reconfigure machines"' in shown


def age_proofs(person: Person, *, minutes: int) -> None:
    """Let the proofs of the person's session be that much older."""
    row = person.user.sign_ins.latest("started_at")
    row.factors = [f | {"at": f["at"] - 60 * minutes} for f in row.factors]
    row.save(update_fields=["factors"])


def move_back(row: Elevation, *, minutes: int) -> None:
    """Let the elevation have begun that much earlier."""
    span = dt.timedelta(minutes=minutes)
    row.refresh_from_db()
    assert row.starts_at is not None
    assert row.ends_at is not None
    Elevation.objects.filter(pk=row.pk).update(
        starts_at=row.starts_at - span, ends_at=row.ends_at - span
    )


def version(client: Client, row: Elevation) -> str:
    text = client.get(page_of(row, "state/")).content.decode()
    return text.split('data-version="')[1].split('"')[0]


def test_no_address_of_nothing_is_found(client: Client) -> None:
    nothing = uuid.uuid4()
    assert client.get(f"/access/elevations/{nothing}/").status_code == 404
    assert client.get(f"/access/request/{nothing}/").status_code == 404
