"""A policy reaches three nodes: rows 1 to 11 of the path, through the pages.

An administrator enrolls, invites a second person, drafts a policy and proposes it; the
second person enrolls and approves with a passkey; the fleet page turns green and a
node's answer flips from deny to permit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import VirtualAuthenticator, WatchedPage
from tests.journeys.running import RunningPortal

pytestmark = [pytest.mark.browser, pytest.mark.journey]

QUESTION = {
    "subject": {"type": "User", "id": "nora.petit"},
    "action": {"name": "drain"},
    "resource": {"type": "Node", "id": "edge-ber-1"},
}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    with RunningPortal(tmp_path / "data") as running:
        yield running


class Person:
    """Somebody with a browser profile and a passkey of their own."""

    def __init__(
        self,
        browser: Browser,
        watch: Callable[[Page], WatchedPage],
        portal: RunningPortal,
    ) -> None:
        context = browser.new_context(base_url=f"http://localhost:{portal.web_port}")
        context.set_default_timeout(15_000)
        self.page = context.new_page()
        watch(self.page)
        self.authenticator = VirtualAuthenticator(self.page)

    def enroll(self, link: str) -> None:
        self.page.goto(link)
        self.page.locator("[data-passkey-register] button[type=submit]").click()
        self.page.wait_for_url("**/account/**")

    def choose(self, tenant: str) -> None:
        self.page.goto("/account/tenant/")
        self.page.locator("main").get_by_role("button", name=tenant).click()
        expect(self.page.locator("header, .pw-top").first).to_contain_text(tenant)

    def sign_out_and_in(self) -> None:
        """Leave and come back without a name or a password.

        The browser's autofill offers the passkey and the authenticator accepts at once,
        so nothing has to be clicked.
        """
        self.page.goto("/admin/")
        with self.page.expect_navigation():
            self.page.locator("form[action='/admin/logout/'] button").evaluate(
                "button => button.click()"
            )
        self.page.goto("/admin/login/")
        self.page.wait_for_url(lambda url: "/admin/login/" not in url)


def answers(portal: RunningPortal) -> list[bool]:
    found = []
    for port in range(portal.agent_port, portal.agent_port + 3):
        url = f"http://127.0.0.1:{port}/access/v1/evaluation"
        found.append(urllib3.request("POST", url, json=QUESTION).json()["decision"])
    return found


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        pause.wait(0.1)
    pytest.fail("the condition did not come true")


def invite(page: Page) -> str:
    page.goto("/admin/accounts/membership/add/")
    page.fill("[name=username]", "second")
    page.fill("[name=display_name]", "Second Approver")
    page.check("[name=roles][value=approver]")
    page.locator("main form button[type=submit]").last.click()
    return page.locator("#enrollment-link").input_value()


def draft(page: Page) -> None:
    page.goto("/admin/policies/policy/add/")
    page.fill("[name=name]", "Nora drains edge nodes")
    page.fill("[name=owner]", "Edge team")
    page.select_option("[name=tier]", "operator")
    for field, text in (
        ("principals", "nora.petit"),
        ("actions", "drain"),
        ("resources", "edge-ber-1"),
    ):
        box = page.locator(f"#id_{field}")
        box.fill(text)
        box.press("Enter")
        expect(page.locator(f"[name={field}]")).to_have_count(1)
    form = page.locator("[data-pw-editor]").locator("xpath=ancestor::form")
    form.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator(".pw-code").first).to_contain_text("drain")


def propose(page: Page) -> str:
    page.get_by_role("link", name="Propose").click()
    page.fill("[name=title]", "Let Nora drain edge nodes")
    page.fill("[name=reason]", "She is on call this month.")
    page.get_by_role("button", name="Ask for approval").click()
    page.wait_for_url("**/approvals/approvalrequest/*/**")
    return page.url


def test_a_policy_reaches_three_nodes(
    browser: Browser,  # the fixture of the browser tests
    watch: Callable[[Page], WatchedPage],
    portal: RunningPortal,
) -> None:
    before = portal.report["nodes"][0]["revision"]
    assert portal.report["ok"]
    assert answers(portal) == [False, False, False]

    admin = Person(browser, watch, portal)
    admin.enroll(portal.report["sign_in"])
    admin.choose("Acme")
    admin.sign_out_and_in()
    admin.choose("Acme")
    link = invite(admin.page)
    draft(admin.page)
    request = propose(admin.page)
    # Who wrote it is not offered a vote.
    expect(admin.page.get_by_role("button", name="Approve with passkey")).to_have_count(
        0
    )

    second = Person(browser, watch, portal)
    second.enroll(link)
    second.page.goto(request)
    second.page.get_by_role("button", name="Approve with passkey").click()
    expect(second.page.locator("main")).to_contain_text("Approved")

    eventually(lambda: answers(portal) == [True, True, True])
    admin.page.goto("/admin/fleet/")
    for number in (1, 2, 3):
        row = admin.page.locator(f"tr[data-node='node-{number}']")
        expect(row).to_have_attribute("data-state", "in_sync", timeout=30_000)
        expect(row.locator("td").nth(1)).to_have_text(str(before + 1))


def test_everything_stops_with_ctrl_c_and_a_second_start_goes_on(
    tmp_path: Path,
) -> None:
    portal = RunningPortal(tmp_path / "data")
    portal.start()
    first = portal.report
    assert portal.processes()
    portal.stop()
    eventually(lambda: portal.processes() == [])
    portal.start()
    try:
        assert portal.report["ok"]
        assert [n["fingerprint"] for n in portal.report["nodes"]] == [
            n["fingerprint"] for n in first["nodes"]
        ]
    finally:
        portal.stop()
