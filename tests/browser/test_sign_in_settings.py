"""Security admins say on one page what their tenant asks of sign-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.accounts.rules import SignInRules
from apps.accounts.selectors import sign_in_rules
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
ADDRESS = "/admin/accounts/signinpolicy/"
MODEL = "00000000-0000-0000-0000-000000000000"
OTHER_MODEL = "ee882879-721c-4913-9775-3dfcce97072a"
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}


def rules_of(tenant: Tenant) -> SignInRules:
    with tenant_scope(tenant.pk):
        return sign_in_rules()


@pytest.fixture
def settings_page(
    page: Page, security_admin: User, sign_in_fast: Callable[[User], None]
) -> Page:
    """Return the page as a security admin sees it, with the defaults."""
    sign_in_fast(security_admin)
    page.goto(ADDRESS)
    page.get_by_role("heading", name="Sign-in settings").wait_for()
    return page


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


def test_settings_are_changed_and_shown_again(
    settings_page: Page, tenant: Tenant
) -> None:
    page = settings_page
    expect(page.get_by_label("Authenticator app (TOTP)")).to_be_checked()
    page.get_by_label("Counter token (HOTP)").uncheck()
    page.get_by_label("Recovery code").uncheck()
    page.get_by_label("New passkeys", exact=True).select_option("verified")
    page.get_by_label("Models accepted").fill(f"{MODEL}\n{OTHER_MODEL}")
    page.get_by_label("Ask for the passkey from risk").fill("30")
    page.get_by_label("Refuse from risk").fill("70")
    save(page)
    expect(page.get_by_text("“Sign-in settings” is saved.")).to_be_visible()
    expect(page.get_by_label("Counter token (HOTP)")).not_to_be_checked()
    expect(page.get_by_label("Models accepted")).to_have_value(
        f"{MODEL}\n{OTHER_MODEL}"
    )
    assert rules_of(tenant) == SignInRules(
        accepted=frozenset({"totp"}),
        attestation="verified",
        aaguids=frozenset({MODEL, OTHER_MODEL}),
        risk_step_up=30,
        risk_block=70,
    )


def test_passkeys_cannot_be_switched_off(settings_page: Page, tenant: Tenant) -> None:
    page = settings_page
    boxes = page.locator("form fieldset").get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    for box in boxes.all():
        box.uncheck()
    save(page)
    expect(page.get_by_text("“Sign-in settings” is saved.")).to_be_visible()
    expect(page.get_by_text("Passkeys are always accepted.")).to_be_visible()
    assert rules_of(tenant) == SignInRules(accepted=frozenset())


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("Models accepted", "yubikey", "“yubikey” is no AAGUID."),
        ("Ask for the passkey from risk", "81", "asking comes before refusing"),
        ("Ask for the passkey from risk", "9", "greater than or equal to 10"),
        ("Refuse from risk", "101", "less than or equal to 100"),
    ],
    ids=["aaguid", "above-block", "too-low", "too-high"],
)
def test_what_is_below_the_floor_is_refused_beside_its_field_and_nothing_is_lost(
    settings_page: Page, tenant: Tenant, label: str, value: str, reason: str
) -> None:
    page = settings_page
    page.get_by_label("Recovery code").uncheck()
    page.get_by_label(label).fill(value)
    save(page)
    field = page.locator(".pw-field").filter(has=page.get_by_label(label))
    expect(field.get_by_role("alert")).to_contain_text(reason)
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_label(label)).to_have_value(value)
    expect(page.get_by_label("Recovery code")).not_to_be_checked()
    assert rules_of(tenant) == SignInRules()


def test_models_in_use_are_listed_with_what_the_settings_say_of_them(
    settings_page: Page,
) -> None:
    page = settings_page
    line = page.get_by_role("row").filter(has_text=MODEL)
    expect(line.get_by_role("cell")).to_have_text([MODEL, "1", "yes"])
    page.get_by_label("Models accepted").fill(OTHER_MODEL)
    save(page)
    expect(line.get_by_role("cell")).to_have_text([MODEL, "1", "no"])


def test_settings_are_confirmed_with_the_passkey_first_and_nothing_is_lost(
    page: Page, tenant: Tenant, security_admin: User, enroll: Callable[[User], None]
) -> None:
    enroll(security_admin)
    page.goto(ADDRESS)
    page.get_by_label("Refuse from risk").fill("70")
    save(page)
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    assert rules_of(tenant) == SignInRules()
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_text("“Sign-in settings” is saved.")).to_be_visible()
    assert rules_of(tenant) == SignInRules(risk_block=70)


def test_the_page_works_by_keyboard(settings_page: Page, tenant: Tenant) -> None:
    page = settings_page
    page.get_by_label("Authenticator app (TOTP)").focus()
    page.keyboard.press("Space")
    page.get_by_label("Refuse from risk").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Sign-in settings” is saved.")).to_be_visible()
    assert rules_of(tenant).accepted == {"hotp", "recovery"}


def test_an_auditor_reads_the_settings_and_has_nothing_to_save(
    page: Page, tenant: Tenant, sign_in_fast: Callable[[User], None]
) -> None:
    sign_in_fast(accounts.make_user("carol", ["auditor"], tenant=tenant))
    page.goto(ADDRESS)
    expect(page.get_by_role("heading", name="Sign-in settings")).to_be_visible()
    expect(page.get_by_label("Refuse from risk")).to_have_value("80")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_page_fits_its_screen_with_and_without_errors(
    settings_page: Page,
    screenshot: Screenshot,
    theme: Literal["light", "dark"],
    size: str,
) -> None:
    page = settings_page
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(SIZES[size])
    # Resized while open, the rail would still be sliding away.
    page.reload()
    for state in ("clean", "refused"):
        if state == "refused":
            page.get_by_label("Models accepted").fill("yubikey")
            save(page)
            page.get_by_role("alert").wait_for()
        width = page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )
        assert width <= 0, f"the {state} page scrolls sideways"
        screenshot(f"sign-in-settings-{state}-{size}-{theme}")
