"""Access for minutes, in two real browsers: from the wish to its early end."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts import services as people
from apps.accounts.models import User
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation
from apps.roles import services as roles
from apps.roles.rules import EntrySpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.browser.conftest import VirtualAuthenticator
from tests.factories import accounts
from tests.factories.elevations import SYSTEM, build_roles, offer, shop

pytestmark = pytest.mark.browser
SLOW = 20_000
FOLDER = os.environ.get("PORTWARD_SCREENSHOTS", "")
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)


@pytest.fixture
def mia(tenant: Tenant, page: Page, enroll: Callable[[User], None]) -> Page:
    """Return the browser of a member who may ask for two things."""
    page.on("dialog", lambda dialog: dialog.accept())
    user = accounts.make_user("mia", ["member"], tenant=tenant)
    with tenant_scope(tenant.pk):
        build_roles()
        row = roles.save_principal(
            actor=SYSTEM, spec=EntrySpec(EntityRef("User", "mia"), "Mia")
        )
        roles.link_person(actor=SYSTEM, principal_id=row.pk, user_id=user.pk)
        offer(row, purpose="Deploy to the shop", scope=shop().pk)
        offer(row, "root", purpose="Reconfigure machines", ticket_pattern=r"INC-\d+")
    enroll(user)
    return page


@pytest.fixture
def anna(
    browser: Browser,
    live_portal: LiveServer,
    tenant: Tenant,
    watch: Callable[[Page], object],
) -> Iterator[Page]:
    """Return the browser of an approver, whose passkey is in it."""
    profile = browser.new_context(base_url=live_portal.url)
    profile.set_default_timeout(20_000)
    page = profile.new_page()
    watch(page)
    VirtualAuthenticator(page)
    user = accounts.make_user("anna", ["approver"], tenant=tenant)
    token = people.issue_enrollment_link(actor=SYSTEM, user=user)
    page.goto(f"/enroll/{token}/")
    page.get_by_role("button", name="Register passkey and sign in").click()
    page.get_by_role("heading", name="Your account").wait_for()
    yield page
    profile.close()


def test_access_for_minutes_from_the_wish_to_its_end(
    mia: Page, anna: Page, tenant: Tenant
) -> None:
    mia.goto("/admin/")
    mia.get_by_role("heading", name="My access").wait_for()
    expect(mia.get_by_role("link", name="Policies")).to_have_count(0)
    shoot(mia, "access-home")
    ask(mia, minutes=45)
    expect(mia.get_by_text("Ask for 1 to 30 minutes.")).to_be_visible()
    shoot(mia, "access-request")
    ask(mia, minutes=30)
    expect(mia.get_by_text("They have an hour.")).to_be_visible()
    expect(mia.get_by_role("timer")).to_contain_text("left to decide")
    shoot(mia, "access-pending")
    approve(anna, tenant)
    # The page of the one who waits changes without being loaded again.
    activate(mia)
    expect(banner(mia)).to_contain_text("Elevated: Deploy to the shop")
    shoot(mia, "access-active")
    extend(mia, anna, tenant)
    banner(mia).get_by_role("button", name="End now").first.click()
    expect(mia.get_by_text("It is over.")).to_be_visible(timeout=SLOW)
    with tenant_scope(tenant.pk):
        second, first = Elevation.objects.order_by("-requested_at")
        assert first.state == ElevationState.ENDED
        assert second.state == ElevationState.ACTIVE
        assert second.starts_at == first.ends_at, "the other one is not touched"
    mia.goto("/access/")
    shoot(mia, "access-after")


def test_what_ends_by_its_clock_leaves_the_banner_without_a_reload(
    mia: Page, anna: Page, tenant: Tenant
) -> None:
    ask(mia, minutes=15)
    approve(anna, tenant)
    activate(mia)
    expect(banner(mia)).to_contain_text("left")
    let_pass(tenant, minutes=15)
    expect(banner(mia).get_by_role("button")).to_have_count(0, timeout=SLOW)
    expect(mia.get_by_role("link", name="Ask again")).to_be_visible()


def banner(page: Page) -> Locator:
    return page.get_by_role("region", name="Elevated access")


def ask(mia: Page, *, minutes: int) -> None:
    """Ask for the role by the form, from the start."""
    mia.goto("/access/")
    mia.get_by_role("link", name="Ask to Deploy to the shop").click()
    expect(mia.get_by_text("1 approval from: Anna")).to_be_visible()
    mia.get_by_label("Reason").fill("Roll out the fix for orders that hang.")
    mia.get_by_label("For how many minutes").fill(str(minutes))
    mia.get_by_role("button", name="Ask for it").click()


def activate(mia: Page) -> None:
    """Wait for the decision to show, and begin."""
    state = mia.get_by_role("region", name="Where it stands")
    state.get_by_role("button", name="Activate").click()
    expect(mia.get_by_text("You hold it now")).to_be_visible(timeout=SLOW)


def extend(mia: Page, anna: Page, tenant: Tenant) -> None:
    """Be warned on another page, and ask for more time with one click there."""
    mia.goto("/account/notifications/")
    warning = banner(mia).get_by_text("It ends soon.")
    expect(warning).to_be_hidden()
    let_pass(tenant, minutes=25)
    expect(warning).to_be_visible(timeout=SLOW)
    shoot(mia, "access-ending")
    banner(mia).get_by_role("button", name="Extend").click()
    mia.get_by_role("button", name="Confirm with your passkey").click()
    expect(mia.get_by_text("You asked for more time.")).to_be_visible(timeout=SLOW)
    approve(anna, tenant)
    activate(mia)
    expect(banner(mia)).to_contain_text("begins in")
    shoot(mia, "access-extended")


def approve(anna: Page, tenant: Tenant) -> None:
    """Let the approver find the request that waits, and sign it."""
    with tenant_scope(tenant.pk):
        row = Elevation.objects.filter(state=ElevationState.PENDING).get()
    anna.goto(f"/admin/approvals/approvalrequest/{row.request_id}/change/")
    shoot(anna, "access-decide")
    anna.get_by_role("button", name="Approve with passkey").click()
    expect(anna.get_by_role("button", name="Approve with passkey")).to_have_count(
        0, timeout=SLOW
    )


def let_pass(tenant: Tenant, *, minutes: int) -> None:
    """Let what is active have begun that much earlier."""
    span = dt.timedelta(minutes=minutes)
    with tenant_scope(tenant.pk):
        row = Elevation.objects.filter(state=ElevationState.ACTIVE).get()
        assert row.starts_at is not None
        assert row.ends_at is not None
        row.starts_at, row.ends_at = row.starts_at - span, row.ends_at - span
        row.save(update_fields=["starts_at", "ends_at"])


def shoot(page: Page, name: str) -> None:
    """Keep pictures of a page, if there is a folder for them."""
    if not FOLDER:
        return
    for size, label in ((DESKTOP, "desktop"), (PHONE, "phone")):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{FOLDER}/{name}-{label}-{scheme}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)
