"""Walk every address as everybody, by GET and by POST, and hold the one table to it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client

from apps.signin.middleware import PROOF_HEADER
from apps.tenants.models import Tenant
from tests.walk.answers import REFUSALS, Answer, Row
from tests.walk.routes import Route, routes
from tests.walk.table import BOOKKEEPING, PUBLIC, TABLE, UNCONFIRMED, WHILE_FROZEN
from tests.walk.world import Person, World, build_world

ROUTES = {route.name: route for route in routes()}
METHODS = ("get", "post")
MANY = 40
_WAITS = re.compile(r"/auth/operations/([0-9a-f-]{36})/$")
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "RateLimit": ";r=",
}
FOREIGN_ORIGINS = "Access-Control-"


@pytest.fixture
def world(tenant: Tenant, other_tenant: Tenant, tmp_path: Path) -> World:
    return build_world(tenant, other_tenant, tmp_path)


def test_every_route_has_a_row_in_the_table() -> None:
    missing = sorted(ROUTES.keys() - TABLE.keys())
    assert missing == [], (
        "These addresses stand in no row of tests/walk/table/. Say there who gets "
        "what and why; what lets anonymous people in belongs to PUBLIC, with the "
        f"reason: {missing}"
    )


def test_every_row_of_the_table_has_a_route() -> None:
    assert sorted(TABLE.keys() - ROUTES.keys()) == []


def test_only_public_addresses_let_anonymous_people_in() -> None:
    closed = {name: row for name, row in TABLE.items() if name not in PUBLIC}
    for name, row in closed.items():
        assert {row.get.anonymous, row.post.anonymous} <= REFUSALS, name


def test_every_row_says_why() -> None:
    assert [name for name, row in TABLE.items() if not row.why.endswith(".")] == []


@pytest.mark.parametrize("person", [person for person in Person if person != "frozen"])
def test_every_address_answers_as_the_table_says(world: World, person: Person) -> None:
    visitor = Visitor(world, person)
    found = [
        problem
        for name, row in TABLE.items()
        for method in METHODS
        for problem in visitor.visit(ROUTES[name], row, method)
    ]
    assert not found, "\n".join(found[:MANY])


def test_no_page_takes_a_post_without_its_token(world: World) -> None:
    visitor = Visitor(world, Person.ADMIN)
    found = []
    for name, row in TABLE.items():
        text = ROUTES[name].text
        by_token = text.startswith(("api/", "oauth/", "access/v1/"))
        if by_token or text.endswith("/backchannel-logout"):
            # Tokens travel in a header that no foreign page can send; what a client
            # proves itself by, no foreign page has.
            continue
        response, _ = visitor.ask(ROUTES[name], row, "post", enforce_csrf_checks=True)
        if response.status_code not in {403, 405}:
            found.append(f"{name}: {response.status_code}")
    assert not found, "\n".join(found[:MANY])


def test_a_frozen_person_gets_nothing_but_a_way_to_appeal(world: World) -> None:
    visitor = Visitor(world, Person.FROZEN)
    found = []
    for name, row in TABLE.items():
        if name in WHILE_FROZEN or name in PUBLIC:
            continue
        for method in METHODS:
            response, written = visitor.ask(ROUTES[name], row, method)
            if response.status_code != 403 or written:
                found.append(f"{method} {name}: {response.status_code} {written}")
    assert not found, "\n".join(found[:MANY])


def test_nothing_changes_without_a_recent_passkey(world: World) -> None:
    visitor = Visitor(world, Person.ADMIN, is_confirming=False)
    world.let_time_pass(Person.ADMIN)
    found = []
    for name, row in TABLE.items():
        if row.acts and name not in UNCONFIRMED:
            response, written = visitor.ask(ROUTES[name], row, "post")
            if written or not _WAITS.match(response.headers.get("Location", "")):
                found.append(f"{name}: {response.status_code} {written}")
    assert not found, "\n".join(found[:MANY])


def test_a_session_opens_nothing_of_the_interface_for_programs(world: World) -> None:
    visitor = Visitor(world, Person.ADMIN, is_a_program=False)
    found = []
    for name, row in TABLE.items():
        if ROUTES[name].text.startswith("api/") and name not in PUBLIC:
            for method in METHODS:
                response, _ = visitor.ask(ROUTES[name], row, method)
                if response.status_code != 401:
                    found.append(f"{method} {name}: {response.status_code}")
    assert not found, "\n".join(found[:MANY])


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_no_address_knows_a_method_that_it_does_not_document(
    world: World, method: str
) -> None:
    visitor = Visitor(world, Person.ADMIN, is_confirming=False)
    found = []
    for name, row in TABLE.items():
        response, _ = visitor.ask(ROUTES[name], row, method)
        if method not in row.other_methods and response.status_code < 400:
            found.append(f"{name}: {response.status_code}")
    assert not found, "\n".join(found[:MANY])


class Visitor:
    """One person who asks for addresses; what they change is undone each time."""

    def __init__(
        self,
        world: World,
        person: Person,
        *,
        is_confirming: bool = True,
        is_a_program: bool = True,
    ) -> None:
        self.is_a_program = is_a_program
        self.is_confirming = is_confirming
        self.world = world
        self.person = person
        self.cookies = world.clients[person].cookies
        self.foreign = world.keys() if person is Person.STRANGER else frozenset()

    def visit(self, route: Route, row: Row, method: str) -> Iterator[str]:
        """Ask once, and say what was not as the table has it."""
        answers = row.get if method == "get" else row.post
        wanted: Answer = getattr(answers, self.person)
        response, written = self.ask(route, row, method)
        here = f"{method.upper()} {route.name} as {self.person}"
        if not wanted.covers(response):
            said = f"{response.status_code} {response.headers.get('Location', '')}"
            yield f"{here}: {said.strip()}, not “{wanted.value}”: {row.why}"
        is_act = method == "post" and row.acts and self.person is Person.ADMIN
        if is_act and not written - row.writes:
            yield f"{here} did nothing; what is posted no longer counts as the act"
        may_write = method == "post" and row.acts and wanted not in REFUSALS
        if not may_write and written - row.writes:
            yield f"{here} wrote to {sorted(written - row.writes)}"
        yield from (f"{here}: {name}" for name in self._wrong_headers(row, response))
        if wanted is Answer.SHOWN and self._leaks(route, response):
            yield f"{here} shows things of another tenant"

    def ask(
        self, route: Route, row: Row, method: str, **of_client: Any
    ) -> tuple[HttpResponseBase, set[str]]:
        """Return the answer and the tables that were written to."""
        client = Client(raise_request_exception=False, **of_client)
        headers = {}
        if route.text.startswith("api/") and self.is_a_program:
            if token := self.world.tokens.get(self.person):
                headers["Authorization"] = f"Bearer {token}"
        else:
            client.cookies = self.cookies.copy()  # type: ignore[assignment]  # SimpleCookie's copy is a dict
        values = dict(
            zip(route.parameters, map(self.world.value, row.about), strict=True)
        )
        options: dict[str, Any] = {}
        if method == "post":
            options["data"] = dict(row.body)
            if row.is_json:
                options["content_type"] = "application/json"
        send = functools.partial(getattr(client, method), route.address(values))
        with transaction.atomic():
            response, written = _watched(send, headers=headers, **options)
            found = _WAITS.match(response.headers.get("Location", ""))
            if found and self.is_confirming:
                # The operation is confirmed by passkey, and only then done.
                self.world.confirm(self.person, found[1])
                headers[PROOF_HEADER] = found[1]
                response, more = _watched(send, headers=headers, **options)
                written |= more
            transaction.set_rollback(True)
        return response, written

    @staticmethod
    def _wrong_headers(row: Row, response: HttpResponseBase) -> list[str]:
        """Name what is missing, and what lets pages of other origins read along."""
        return [
            name
            for name, value in HEADERS.items()
            if value not in response.headers.get(name, "")
        ] + [
            name
            for name in response.headers
            if name.startswith(FOREIGN_ORIGINS) and not row.is_for_all_origins
        ]

    def _leaks(self, route: Route, response: HttpResponseBase) -> bool:
        text = getattr(response, "content", b"").decode(errors="replace")
        return not route.parameters and any(key in text for key in self.foreign)


def _watched(
    send: Callable[..., HttpResponseBase], **options: Any
) -> tuple[HttpResponseBase, set[str]]:
    """Return the answer, and the tables that were written to meanwhile."""
    before = _written()
    response = send(**options)
    after = _written()
    changed = {table for table in after if after[table] != before.get(table, 0)}
    return response, changed - BOOKKEEPING.keys()


def _written() -> dict[str, int]:
    """Return how many rows of each table this transaction has touched so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del "
            "FROM pg_stat_xact_user_tables"
        )
        return dict(cursor.fetchall())
