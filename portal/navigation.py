"""The left rail: five areas, what each holds, and what waits in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse

from apps.accounts.permissions import user_of
from apps.policies.selectors import owns_any
from apps.roles.selectors import holds_any
from apps.tenants.services import current_tenant_id


@dataclass(frozen=True)
class Page:
    """A page of an area that is not the list of a model."""

    label: str
    path: str
    permission: str = ""


@dataclass(frozen=True)
class Area:
    """One of the five areas."""

    slug: str
    label: str
    icon: str
    purpose: str
    apps: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()


@dataclass
class Link:
    """One entry below an area."""

    label: str
    url: str
    is_current: bool = False
    add_url: str = ""


@dataclass
class Entry:
    """An area as one person sees it."""

    area: Area
    url: str
    is_current: bool
    count: int = 0
    count_label: str = ""
    links: list[Link] = field(default_factory=list)


AREAS = (
    Area("overview", "Overview", "overview", "What needs you now."),
    Area(
        "policies",
        "Policies",
        "policies",
        "Draft, approve and release what the nodes enforce.",
        apps=("policies", "approvals", "bundles"),
        pages=(
            Page("Simulator", "/admin/simulator/", "roles.view_assignment"),
            Page(
                "Findings", "/admin/policies/policy/findings/", "policies.view_policy"
            ),
            Page("Impact", "/admin/impact/", "roles.view_assignment"),
            Page(
                "Policies on any day", "/admin/policies/as-of/", "policies.view_policy"
            ),
            Page("Exports", "/admin/exports/", "bundles.view_release"),
        ),
    ),
    Area(
        "access",
        "Access",
        "access",
        "People, roles, and when and where they count.",
        apps=(
            "roles",
            "elevations",
            "delegations",
            "reviews",
            "scopes",
            "accounts",
            "signin",
            "federation",
            "clients",
            "breakglass",
        ),
        pages=(
            Page("Why?", "/admin/access/explain/", "roles.view_assignment"),
            Page("Who can do this?", "/admin/access/who/", "roles.view_assignment"),
            Page("What can they do?", "/admin/access/what/", "roles.view_assignment"),
            Page("Standing roles", "/admin/access/standing/", "roles.view_assignment"),
            Page(
                "Elevations in force",
                "/admin/access/grants/",
                "elevations.view_elevation",
            ),
        ),
    ),
    Area(
        "fleet",
        "Fleet",
        "fleet",
        "Which node runs what, and since when.",
        apps=("nodes",),
        pages=(Page("Fleet state", "/admin/fleet/"),),
    ),
    Area(
        "evidence",
        "Evidence",
        "evidence",
        "What happened, who did it, and the keys that prove it.",
        apps=("audit", "distribution", "notifications", "outbox", "keys"),
        pages=(Page("Dependencies", "/admin/dependencies/"),),
    ),
)
# The pages of people who have nothing to do in the console: address, and below what.
_OWN = (
    (Area("access", "My access", "access", ""), "access:home", "/access/"),
    (
        Area("requests", "Requests", "policies", ""),
        "access:requests",
        "/access/requests/",
    ),
    (
        Area("lending", "Lending", "user", ""),
        "delegations:overview",
        "/access/delegations/",
    ),
    (Area("why", "Why may I?", "search", ""), "dashboard:why", "/access/why/"),
    (
        Area("owned", "Policies that end", "policies", ""),
        "policies:owned",
        "/access/policies/",
    ),
    (
        Area("reviews", "Reviews", "check", ""),
        "reviews:overview",
        "/access/reviews/",
    ),
    (
        Area("administering", "Administering", "policies", ""),
        "objects:administering",
        "/access/administering/",
    ),
    (
        Area("notices", "Notifications", "bell", ""),
        "notifications:inbox",
        "/account/notifications/",
    ),
    (
        Area("sessions", "Your sessions", "switch", ""),
        "signin:sessions",
        "/account/sessions/",
    ),
    (Area("account", "Your account", "passkey", ""), "accounts:account", "/account/"),
)
# What waits in an area: model, the rows that count, and how to say it.
_WAITING: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "policies": ("approvals.ApprovalRequest", {"state": "open"}, "open requests"),
    "evidence": ("outbox.OutboxMessage", {"state": "dead"}, "dead letters"),
}


def rail(site: AdminSite, request: HttpRequest) -> list[Entry]:
    """Return the five areas with the links that the person may follow."""
    listed = {row["app_label"]: row["models"] for row in site.get_app_list(request)}
    may = user_of(request).has_perm
    return [_entry(area, listed, request.path, may) for area in AREAS]


def own_rail(request: HttpRequest) -> list[Entry]:
    """Return the pages about oneself, which is all that a plain member sees."""
    below = [prefix for _, _, prefix in _OWN if request.path.startswith(prefix)]
    current = max(below, key=len, default="")
    return [
        Entry(area, reverse(name), is_current=prefix == current)
        for area, name, prefix in _OWN
        if _concerns(area.slug, request)
    ]


def _concerns(slug: str, request: HttpRequest) -> bool:
    """Say whether a page says anything to a person: most look after nothing."""
    match slug:
        case "administering":
            return holds_any(user_of(request))
        case "owned":
            return current_tenant_id() is not None and owns_any(user_of(request))
        case _:
            return True


def waiting(slug: str) -> tuple[int, str]:
    """Return how much waits in an area of the open tenant, and what it is."""
    if slug not in _WAITING:
        return 0, ""
    label, rows, words = _WAITING[slug]
    return count(label, **rows) or 0, words


def count(label: str, **rows: Any) -> int | None:  # noqa: ANN401  # lookups of any type
    """Return how many rows of a model the open tenant has; None if it is not known."""
    try:
        model = apps.get_model(label)
    except LookupError:
        return None
    names = {f.name for f in model._meta.get_fields()}  # noqa: SLF001  # Django's documented model API
    if current_tenant_id() is None or not {r.split("__")[0] for r in rows} <= names:
        return None
    return int(model._default_manager.filter(**rows).count())  # noqa: SLF001  # Django's documented model API


def _entry(
    area: Area, listed: Mapping[str, Any], path: str, may: Callable[[str], bool]
) -> Entry:
    if area.slug == "overview":
        url = reverse("admin:index")
        return Entry(area, url, is_current=path == url)
    links = [
        Link(page.label, page.path)
        for page in area.pages
        if _exists(page.path) and (not page.permission or may(page.permission))
    ]
    for app in area.apps:
        links += [
            Link(
                str(model["name"]),
                model["admin_url"],
                add_url=model["add_url"] or "",
            )
            for model in listed.get(app, [])
            if model["admin_url"]
        ]
    url = reverse("admin:area", args=[area.slug])
    # A page may lie below the list of a model: only the nearest is the current one.
    above = [link for link in links if path.startswith(link.url)]
    for link in sorted(above, key=lambda link: len(link.url))[-1:]:
        link.is_current = True
    below = (reverse("admin:index") + f"{app}/" for app in area.apps)
    is_current = path == url or bool(above) or path.startswith(tuple(below))
    number, words = waiting(area.slug)
    return Entry(area, url, is_current, number, words, links)


def _exists(path: str) -> bool:
    try:
        match = resolve(path)
    except Resolver404:
        return False
    # The admin's catch-all resolves everything below it.
    return "catch_all_view" not in getattr(match.func, "__name__", "")
