"""Pages of releases, to read. Releases are made from messages, never by hand."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from typing_extensions import override

from apps.bundles import selectors
from apps.bundles.choices import ReleaseState
from apps.bundles.errors import ReleaseNotFoundError
from apps.bundles.models import Release
from protocol.errors import ProtocolError

TONES = {
    ReleaseState.BUILDING: "warn",
    ReleaseState.SIGNED: "ok",
    ReleaseState.FAILED: "muted",
}
SHOWN_DIGEST = 19


def pill(tone: str, text: object) -> SafeString:
    """Show a state as a colored word."""
    return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)


@admin.register(Release)
class ReleaseAdmin(admin.ModelAdmin[Release]):
    """Show what was released, who approved it, and whether it still verifies."""

    list_display = ["__str__", "state_pill", "digest", "records", "bytes", "signed"]
    list_filter = ["state"]
    search_fields = ["state_digest"]
    list_per_page = 50

    @override
    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(require_safe(self.download_view))
        return [
            path(
                "<uuid:release_id>/snapshot/", download, name="bundles_release_snapshot"
            ),
            *super().get_urls(),
        ]

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return selectors.releases()

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Release | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: Release | None = None
    ) -> bool:
        return False

    @admin.display(description="State", ordering="state")
    def state_pill(self, release: Release) -> SafeString:
        """Show the state as a colored word."""
        return pill(TONES[ReleaseState(release.state)], release.get_state_display())

    @admin.display(description="State digest")
    def digest(self, release: Release) -> SafeString:
        """Show the start of the digest that nodes report."""
        return format_html(
            '<code title="{}">{}…</code>',
            release.state_digest,
            release.state_digest[:SHOWN_DIGEST],
        )

    @admin.display(description="Records")
    def records(self, release: Release) -> int:
        """Show how many records the release carries."""
        return sum(release.manifest["counts"].values())

    @admin.display(description="Size", ordering="size")
    def bytes(self, release: Release) -> str:
        """Show the size of the snapshot."""
        return filesizeformat(release.size)

    @admin.display(description="Signed", ordering="signed_at")
    def signed(self, release: Release) -> str:
        """Show when the release could leave the portal."""
        return (
            f"{release.signed_at:%Y-%m-%d %H:%M:%S} UTC" if release.signed_at else "-"
        )

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one release."""
        try:
            release = self._find(request, uuid.UUID(object_id))
        except ValueError as error:
            raise Http404 from error
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(release),
            **describe(release),
        }
        return TemplateResponse(request, "admin/bundles/release/release.html", context)

    def download_view(
        self, request: HttpRequest, release_id: uuid.UUID
    ) -> HttpResponse:
        """Answer with the bytes that nodes get."""
        release = self._find(request, release_id)
        if release.state != ReleaseState.SIGNED:
            raise Http404
        name = f"portward-{release.revision}.tar.gz"
        return HttpResponse(
            bytes(release.snapshot),
            content_type="application/gzip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _find(self, request: HttpRequest, release_id: uuid.UUID) -> Release:
        try:
            release = selectors.release_by_id(release_id)
        except ReleaseNotFoundError as error:
            raise Http404 from error
        if not self.has_view_permission(request, release):
            raise Http404
        return release


def describe(release: Release) -> dict[str, Any]:
    """Return what the page of a release shows."""
    state = pill(TONES[ReleaseState(release.state)], release.get_state_display())
    return {
        "release": release,
        "state_pill": state,
        "cause": _cause(release),
        "deltas": [
            (delta.base.revision, len(delta.blob))
            for delta in selectors.deltas_of(release)
        ],
        "proof": _proof(release),
        "counts": sorted(release.manifest["counts"].items()),
        "max_age": sorted(
            release.manifest["max_age"].items(), key=lambda pair: pair[1]
        ),
        "approvals": [_approval(certificate) for certificate in release.certificates],
        "manifest": json.dumps(release.manifest, indent=2, sort_keys=True),
    }


def _cause(release: Release) -> str:
    """Say which act a release is due to, and whether it hurried."""
    act = release.cause.get("act") or release.cause.get("topic", "")
    target = release.cause.get("target", "")
    lane = release.cause.get("lane", "")
    return " ".join(
        part for part in (act, target, f"({lane})" if lane == "urgent" else "") if part
    )


def _proof(release: Release) -> SafeString | None:
    if release.state != ReleaseState.SIGNED:
        return None
    try:
        selectors.verify(release)
    except ProtocolError as error:
        return pill("bad", f"{error.code}: {error.message}")
    return pill("ok", "Signatures and digest verified")


def _approval(certificate: dict[str, Any]) -> dict[str, Any]:
    request = certificate["request"]
    return {
        "id": uuid.UUID(request["request"]),
        "title": request["title"],
        "digest": certificate["digest"],
        "opened_by": request["opened_by"]["name"],
        "policies": [item["name"] for item in request["items"]],
        "votes": [
            {"name": vote["document"]["voter"]["name"], "is_demo": vote["demo"]}
            for vote in certificate["votes"]
        ],
    }
