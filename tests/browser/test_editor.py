"""Writing a policy: pickers, conditions, the sentence and Cedar while one types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access

pytestmark = pytest.mark.browser

Screenshot = Callable[[str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}
ADD = "/admin/policies/policy/add/"


@pytest.fixture
def editor(
    page: Page,
    tenant: Tenant,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
) -> Page:
    with tenant_scope(tenant.pk):
        build_access()
    sign_in_fast(security_admin)
    page.goto(ADD)
    return page


def pick(page: Page, field: str, text: str, name: str) -> None:
    """Find a thing by typing, and take it with the keyboard alone."""
    box = page.get_by_role("combobox", name=field, exact=True)
    box.fill(text)
    expect(page.get_by_role("option", name=name).first).to_be_visible()
    box.press("Enter")
    expect(
        page.get_by_role("button", name=f"Remove {name}", exact=True)
    ).to_be_visible()


def write(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Developers deploy")
    page.get_by_label("Owner").fill("Platform")
    page.get_by_label("Tier").select_option("operator")
    pick(page, "Who", "devel", "Developer")
    pick(page, "May do what", "depl", "deploy")
    pick(page, "To what", "shop", "Shop")
    pick(page, "Time windows", "office", "Office hours")
    pick(page, "Locations", "off", "Office")
    page.get_by_label("Attribute").first.select_option("device.trusted")
    page.get_by_label("Value").first.select_option("true")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_policy_is_written_by_keyboard_and_said_while_one_types(
    editor: Page,
    screenshot: Screenshot,
    theme: Literal["light", "dark"],
    size: str,
) -> None:
    editor.emulate_media(color_scheme=theme)
    if size == "phone":
        editor.set_viewport_size(PHONE)
    write(editor)
    expect(editor.locator("#pw-sentence")).to_contain_text(
        "Developers may deploy on Namespace Shop during Office hours"
    )
    expect(editor.locator("#pw-cedar")).to_contain_text("permit (")
    width = editor.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0
    screenshot(f"editor-{size}-{theme}")
    editor.get_by_role("combobox", name="To what", exact=True).fill("e")
    expect(editor.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    screenshot(f"editor-picker-{size}-{theme}")
    editor.get_by_role("button", name="Remove deploy").click()
    editor.keyboard.press("Escape")
    editor.get_by_role("button", name="Add a condition").click()
    editor.get_by_label("Attribute").last.select_option("risk")
    editor.get_by_label("Value").last.fill("500")
    expect(editor.locator("#pw-problems")).to_contain_text("goes from 0 to 100")
    screenshot(f"editor-problem-{size}-{theme}")
    editor.get_by_label("Value").last.fill("50")
    expect(editor.locator("#pw-problems")).to_be_hidden()
    editor.locator("[data-pw-editor]").locator("xpath=ancestor::form").get_by_role(
        "button", name="Save", exact=True
    ).last.click()
    expect(editor.locator(".pw-messages")).to_contain_text("is saved")
    screenshot(f"editor-saved-{size}-{theme}")


def test_an_expert_is_offered_what_the_tenant_knows(
    editor: Page, screenshot: Screenshot
) -> None:
    editor.get_by_label("Effect", exact=True).select_option("forbid")
    editor.get_by_role("button", name="Write in Cedar instead").click()
    text = editor.get_by_label("Cedar", exact=True)
    options = editor.get_by_role("listbox", name="Completions").get_by_role("option")
    for typed, offered, taken in (
        ("resource is Name", "Namespace", "resource is Namespace"),
        ('principal in Role::"devel', "developer", 'principal in Role::"developer"'),
        ('resource == Namespace::"sho', "shop", 'resource == Namespace::"shop"'),
        ('action == Action::"depl', "deploy", 'action == Action::"deploy"'),
        ("context.node_", "node_groups", "context.node_groups"),
        ('context.t["Eur', "Europe/Berlin", 'context.t["Europe/Berlin"]'),
    ):
        text.fill("")
        text.press_sequentially(typed)
        expect(options.filter(has_text=offered).first).to_be_visible()
        expect(text).to_have_attribute("aria-activedescendant", "id_cedar_options_0")
        if offered == "Namespace":
            screenshot("editor-completion-desktop-light")
        text.press("Enter")
        expect(text).to_have_value(taken)
