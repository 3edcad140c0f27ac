"""Windows, calendars and locations in the browser, on desk and phone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.audit.events import Actor
from apps.scopes import services
from apps.scopes.choices import WindowKind
from apps.scopes.rules import CalendarSpec, Day, LocationSpec, WindowSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import City, Fence

pytestmark = pytest.mark.browser
ACTOR = Actor.system("tests")
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture
def pages(tenant: Tenant) -> dict[str, str]:
    """Return the pages of one of each kind."""
    today = dt.datetime.now(dt.UTC).date()
    days = tuple(Day(today + dt.timedelta(days=n), f"Holiday {n}") for n in (3, 9, 20))
    with tenant_scope(tenant.pk):
        calendar = services.save_calendar(
            actor=ACTOR, spec=CalendarSpec("holidays", "Public holidays", days)
        )
        weekly = services.save_window(
            actor=ACTOR,
            spec=WindowSpec(
                "nights",
                "Night maintenance",
                "Europe/Berlin",
                (1, 2, 3, 4, 5),
                1320,
                300,
                is_overnight=True,
                closed_calendars=("holidays",),
                open_dates=(today + dt.timedelta(days=6),),
            ),
        )
        once = services.save_window(
            actor=ACTOR,
            spec=WindowSpec(
                "move",
                "Data center move",
                "Europe/Berlin",
                kind=WindowKind.ABSOLUTE,
                opens_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=2),
                closes_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=4),
            ),
        )
        place = services.save_location(
            actor=ACTOR,
            spec=LocationSpec(
                "around-berlin",
                "Berlin and its surroundings",
                ("10.10.0.0/16", "2001:db8:10::/48"),
                ("AT", "BE", "DE", "FR", "PT"),
                (City("DE", "Potsdam"),),
                Fence(52_520_000, 13_405_000, 400_000),
                ("edge",),
            ),
        )
    base = "/admin/scopes"
    return {
        "calendar": f"{base}/holidaycalendar/{calendar.pk}/change/",
        "import": f"{base}/holidaycalendar/{calendar.pk}/import/",
        "weekly": f"{base}/timewindow/{weekly.pk}/change/",
        "once": f"{base}/timewindow/{once.pk}/change/",
        "location": f"{base}/location/{place.pk}/change/",
    }


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_fit_and_are_clean(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    pages: dict[str, str],
    screenshot: Callable[[str], None],
    size: ViewportSize,
    theme: str,
) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    sign_in_fast(security_admin)
    for name, address in pages.items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], name
        screenshot(f"scopes-{name}-{size['width']}-{theme}")


def test_the_form_shows_what_suits_how_a_window_opens(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    pages: dict[str, str],
) -> None:
    sign_in_fast(security_admin)
    page.goto(pages["weekly"])
    expect(page.get_by_label("From", exact=True)).to_be_hidden()
    page.get_by_label("Once, from one moment until another").check()
    expect(page.get_by_label("From", exact=True)).to_be_visible()
    expect(page.get_by_label("Start")).to_be_hidden()
    picture = page.get_by_role("img", name="When the window is open this week")
    expect(picture).to_be_visible()
    page.goto(pages["once"])
    expect(page.get_by_label("From", exact=True)).to_be_visible()


def test_a_file_is_imported_after_a_look_at_it(
    page: Page,
    security_admin: User,
    sign_in_fast: Callable[[User], None],
    pages: dict[str, str],
    screenshot: Callable[[str], None],
) -> None:
    sign_in_fast(security_admin)
    page.goto(pages["import"])
    text = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20200501\r\n"
        "RRULE:FREQ=YEARLY\r\nSUMMARY:Labor Day\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=DAILY\r\n"
        "SUMMARY:Standup\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    page.get_by_label("iCalendar file").set_input_files(
        {"name": "x.ics", "mimeType": "text/calendar", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("3 days more, 0 fewer, 3 as before.")).to_be_visible()
    expect(page.get_by_text("Standup: it repeats, but not every year")).to_be_visible()
    screenshot("scopes-preview")
    page.get_by_role("button", name="Save these days").click()
    expect(page.get_by_text("is saved")).to_be_visible()
    expect(page.get_by_text("Labor Day").first).to_be_visible()
