"""Breaking the glass, in two real browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.breakglass import services
from apps.breakglass.models import Activation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.browser.conftest import WatchedPage
from tests.factories import accounts

pytestmark = pytest.mark.browser


@pytest.fixture
def glass(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    enroll: Callable[[User], None],
    watched: WatchedPage,
) -> Page:
    """Return a browser whose key is that of a sealed account."""
    watched.expected.append("401")
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )
    user = accounts.make_user("glass", ["auditor"], tenant=tenant)
    enroll(user)
    with tenant_scope(tenant.pk):
        services.seal(actor=actor_for(security_admin), user=user)
    return page


@pytest.fixture
def second(
    browser: Browser,
    live_portal: LiveServer,
    security_admin: User,
    sign_in_fast: Callable[..., None],
) -> Iterator[Page]:
    """Return another browser, in which the security admin works."""
    profile = browser.new_context(base_url=live_portal.url)
    sign_in_fast(security_admin, profile)
    page = profile.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    profile.close()


def test_a_sealed_account_opens_by_its_key_and_everybody_sees_it(
    glass: Page, second: Page, tenant: Tenant, screenshot: Callable[[str], None]
) -> None:
    glass.goto("/admin/login/")
    glass.get_by_role("button", name="Continue with a passkey").click()
    glass.get_by_role("heading", name="Break the glass").wait_for()
    screenshot("break-glass")
    glass.get_by_role("textbox", name="Reason").fill("The identity provider is down.")
    glass.get_by_role("button", name="Sign and break the glass").click()
    glass.get_by_role("button", name="Confirm with your passkey").click()
    expect(glass.get_by_text("Everybody has been told.")).to_be_visible()
    expect(glass.get_by_text("is open")).to_be_visible()
    second.goto("/admin/")
    expect(second.get_by_text("The glass was broken")).to_be_visible()
    second.get_by_role("button", name="I know").click()
    expect(second.get_by_text("The glass was broken")).to_have_count(0)
    second.get_by_role("button", name="End now").click()
    expect(second.get_by_text("Review due:")).to_be_visible()
    glass.goto("/admin/")
    glass.get_by_role("heading", name="Sign in to Portward").wait_for()
    with tenant_scope(tenant.pk):
        assert Activation.objects.get().ended_at is not None
