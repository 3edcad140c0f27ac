"""A small access model, built through the same services as the UI."""

from __future__ import annotations

import datetime as dt

from apps.audit.events import Actor
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleSpec
from apps.scopes import services as scopes
from apps.scopes.rules import CalendarSpec, Day, LocationSpec, WindowSpec
from protocol.records import EntityRef, Permission

SYSTEM = Actor.system("tests")
ALICE = EntityRef("User", "alice")
CHECKOUT = EntityRef("Service", "spiffe://acme.example/checkout")
SHOP = EntityRef("Namespace", "shop")


def make_unused_scopes() -> None:
    """Create a window, a calendar and a location that nothing refers to."""
    days = (Day(dt.date(2026, 12, 25), "Christmas Day"),)
    scopes.save_calendar(
        actor=SYSTEM, spec=CalendarSpec("a-calendar", "A calendar", days)
    )
    scopes.save_window(actor=SYSTEM, spec=WindowSpec("a-window", "A window", "UTC"))
    scopes.save_location(
        actor=SYSTEM, spec=LocationSpec("a-place", "A place", countries=("DE",))
    )


def build_access() -> None:
    """Create types, permissions, roles, principals, resources, windows, locations."""
    for name in ("Namespace", "Node"):
        roles.define_resource_type(actor=SYSTEM, name=name)
    for action, kind, tier in (
        ("read", "Namespace", "read_only"),
        ("deploy", "Namespace", "operator"),
        ("restart", "Node", "operator"),
        ("reconfigure", "Node", "admin"),
    ):
        roles.define_permission(
            actor=SYSTEM, action=action, resource_type=kind, tier=tier
        )
    roles.define_attribute(
        actor=SYSTEM, entity_type="User", name="clearance", kind="long"
    )
    roles.define_attribute(
        actor=SYSTEM, entity_type="Node", name="stage", kind="string"
    )
    for spec in (
        RoleSpec(
            "reader", "Reader", "read_only", "", (Permission("read", "Namespace"),)
        ),
        RoleSpec(
            "developer",
            "Developer",
            "operator",
            "",
            (Permission("deploy", "Namespace"), Permission("restart", "Node")),
            ("reader",),
        ),
    ):
        roles.save_role(actor=SYSTEM, spec=spec)
    roles.save_principal(actor=SYSTEM, spec=EntrySpec(ALICE, "Alice", {"clearance": 3}))
    roles.save_principal(actor=SYSTEM, spec=EntrySpec(CHECKOUT, "Checkout"))
    roles.save_resource(
        actor=SYSTEM, spec=EntrySpec(EntityRef("ResourceGroup", "web"), "Web")
    )
    roles.save_resource(actor=SYSTEM, spec=EntrySpec(SHOP, "Shop"))
    roles.save_resource(
        actor=SYSTEM,
        spec=EntrySpec(
            EntityRef("Node", "web-1"), "web-1", {"stage": "live"}, ("web",)
        ),
    )
    roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, "developer"))
    scopes.save_window(
        actor=SYSTEM,
        spec=WindowSpec(
            "office-hours", "Office hours", "Europe/Berlin", (1, 2, 3, 4, 5), 480, 1080
        ),
    )
    scopes.save_location(
        actor=SYSTEM, spec=LocationSpec("office", "Office", ("10.1.0.0/16",))
    )
