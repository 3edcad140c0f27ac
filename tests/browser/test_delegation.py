"""Lending a role and taking it back, in real browsers of two people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.delegations import selectors, services
from apps.delegations.rules import Limits
from apps.delegations.services import OfferSpec
from apps.roles import services as roles
from apps.roles.rules import EntrySpec
from apps.roles.selectors import live_assignments, principals
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories import accounts
from tests.factories.access import SYSTEM, build_access

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
ADDRESS = "/access/delegations/"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}


def person(tenant: Tenant, name: str, *tenant_roles: str) -> User:
    """Make a member who signs in as the principal of the same name."""
    user = accounts.make_user(name, tenant_roles or ["member"], tenant=tenant)
    with tenant_scope(tenant.pk):
        row = principals().filter(key=name).first() or roles.save_principal(
            actor=SYSTEM, spec=EntrySpec(EntityRef("User", name), name.title())
        )
        roles.link_person(actor=SYSTEM, principal_id=row.pk, user_id=user.pk)
    return user


@pytest.fixture
def alice(tenant: Tenant) -> User:
    """Return a developer in a tenant that allows lending."""
    with tenant_scope(tenant.pk):
        build_access()
        services.set_policy(
            actor=SYSTEM, limits=Limits(is_allowed=True, max_days=14, max_depth=2)
        )
    return person(tenant, "alice")


@pytest.fixture
def ben(tenant: Tenant, alice: User) -> User:  # noqa: ARG001
    """Return a person who holds nothing."""
    return person(tenant, "ben")


@pytest.fixture
def second(
    browser: Browser, live_portal: LiveServer, sign_in_fast: Callable[..., None]
) -> Iterator[Callable[[User], Page]]:
    """Return a function that opens another browser as somebody."""
    profiles = []

    def open_as(user: User) -> Page:
        profiles.append(browser.new_context(base_url=live_portal.url))
        sign_in_fast(user, profiles[-1])
        page = profiles[-1].new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        return page

    yield open_as
    for profile in profiles:
        profile.close()


def holders(tenant: Tenant) -> set[str]:
    """Return who holds something borrowed."""
    with tenant_scope(tenant.pk):
        rows = live_assignments(timezone.now()).filter(source="delegation")
        return {row.principal.key for row in rows}


def until(hours: int) -> str:
    moment = timezone.now() + dt.timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M")


def fill_offer(page: Page, delegate: str, *, hours: int) -> None:
    page.get_by_label("To whom").select_option(delegate)
    page.get_by_label("Until").fill(until(hours=hours))
    page.get_by_label("Reason").fill("On holiday until Friday.")


def send_offer(page: Page) -> None:
    page.get_by_role("button", name="Offer").click()
    expect(page.get_by_text("is asked to accept it.")).to_be_visible()


def in_all_sizes(page: Page, screenshot: Screenshot) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for name, size in SIZES.items():
            page.set_viewport_size(size)
            screenshot(f"delegation-{name}-{theme}")
    page.set_viewport_size(SIZES["desk"])


def test_a_role_is_lent_passed_on_and_taken_back_with_all_below(
    page: Page,
    tenant: Tenant,
    alice: User,
    ben: User,
    second: Callable[[User], Page],
    sign_in_fast: Callable[..., None],
    screenshot: Screenshot,
) -> None:
    person(tenant, "cat")
    sign_in_fast(alice)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(ADDRESS)
    page.get_by_role("link", name="Lend a role").click()
    expect(page.get_by_label("What you lend").locator("option")).to_have_text(
        ["Developer everywhere", "Reader everywhere"]
    )
    page.get_by_label("May be passed on once").check()
    fill_offer(page, "ben", hours=48)
    screenshot("delegation-lend")
    send_offer(page)
    assert holders(tenant) == set()

    other = second(ben)
    other.goto(ADDRESS)
    other.get_by_role("button", name="Accept developer from Alice").click()
    expect(other.get_by_text("You hold it from now on")).to_be_visible()
    assert holders(tenant) == {"ben"}

    other.get_by_role("link", name="Lend a role").click()
    other.get_by_label("Only for").fill("Namespace::shop")
    fill_offer(other, "cat", hours=24)
    send_offer(other)

    page.reload()
    passed_on = page.get_by_role("list", name="Passed on from it")
    expect(passed_on.get_by_text("Ben → Cat")).to_be_visible()
    in_all_sizes(page, screenshot)
    page.get_by_role("button", name="Take back developer of Ben").click()
    expect(page.get_by_text("It has ended, and all")).to_be_visible()
    assert holders(tenant) == set()
    with tenant_scope(tenant.pk):
        assert not selectors.open_delegations(timezone.now()).exists()


def test_what_a_person_does_not_hold_is_said_beside_the_field(
    page: Page, tenant: Tenant, alice: User, sign_in_fast: Callable[..., None]
) -> None:
    person(tenant, "ben")
    sign_in_fast(alice)
    page.goto(f"{ADDRESS}lend/")
    page.get_by_label("Only for").fill("Node::nothing")
    page.get_by_label("Until").fill(until(hours=24 * 20))
    page.get_by_label("Reason").fill("On holiday.")
    page.get_by_role("button", name="Offer").click()
    expect(page.get_by_role("alert")).to_contain_text('There is no Node::"nothing".')
    page.get_by_label("Only for").fill("")
    page.get_by_role("button", name="Offer").click()
    expect(page.get_by_role("alert")).to_contain_text("It is longer than 14 days.")


def test_a_member_without_a_role_is_told_so(
    page: Page, ben: User, sign_in_fast: Callable[..., None], screenshot: Screenshot
) -> None:
    sign_in_fast(ben)
    page.goto(f"{ADDRESS}lend/")
    expect(page.get_by_role("heading", name="There is nothing to lend")).to_be_visible()
    screenshot("delegation-nothing")


def test_an_approver_is_stood_in_for(
    page: Page,
    tenant: Tenant,
    second: Callable[[User], Page],
    sign_in_fast: Callable[..., None],
    screenshot: Screenshot,
) -> None:
    ann = accounts.make_user("ann", ["approver"], tenant=tenant)
    bob = accounts.make_user("bob", ["approver"], tenant=tenant)
    sign_in_fast(ann)
    page.goto(ADDRESS)
    page.get_by_role("link", name="Be away").click()
    page.get_by_label("Until").fill(until(hours=48))
    page.get_by_label("Reason").fill("On holiday until Friday.")
    screenshot("absence-form")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("is asked to stand in.")).to_be_visible()
    other = second(bob)
    other.goto(ADDRESS)
    other.get_by_role("button", name="Agree to stand in for Ann").click()
    expect(other.get_by_text("You approve for Ann")).to_be_visible()
    with tenant_scope(tenant.pk):
        assert selectors.standins(timezone.now()) == {ann.pk: {bob.pk}}


def test_a_security_admin_sees_the_tree_ends_it_and_switches_lending_off(
    page: Page,
    tenant: Tenant,
    alice: User,
    ben: User,
    sign_in_fast: Callable[..., None],
    screenshot: Screenshot,
) -> None:
    with tenant_scope(tenant.pk):
        for name in ("developer", "reader"):
            row = services.offer(
                actor=actor_for(alice),
                user=alice,
                spec=OfferSpec(
                    EntityRef("User", "ben"),
                    name,
                    timezone.now() + dt.timedelta(days=3),
                    "On holiday until Friday.",
                ),
            )
            services.accept(actor=actor_for(ben), user=ben, delegation_id=row.pk)
    sign_in_fast(accounts.make_user("zoe", ["security_admin"], tenant=tenant))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/admin/delegations/delegation/")
    expect(page.get_by_role("link", name="Developer everywhere")).to_be_visible()
    screenshot("delegation-console")
    page.get_by_role("link", name="Developer everywhere").click()
    page.get_by_label("Reason").fill("The team has changed.")
    screenshot("delegation-console-one")
    page.get_by_role("button", name="End").click()
    expect(page.get_by_text("Ended: 1.")).to_be_visible()
    page.goto("/admin/delegations/delegationpolicy/")
    page.get_by_label("Members may lend what they hold").uncheck()
    screenshot("delegation-settings")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    assert holders(tenant) == set()
