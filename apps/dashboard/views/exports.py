"""What Istio, Kubernetes and OPA get of a release: pages and files."""

from __future__ import annotations

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from apps.bundles.errors import ReleaseNotFoundError
from apps.bundles.models import Release
from apps.dashboard import selectors
from apps.dashboard.rules import LIMITS, Export, Target

PAGE_SIZE = 50
PREVIEW_LINES = 400
NAMES = {Target.ISTIO: "Istio", Target.KUBERNETES: "Kubernetes", Target.OPA: "OPA"}
CONCERNS = {
    Target.ISTIO: "resources of type Endpoint",
    Target.KUBERNETES: "resources of type Namespace",
    Target.OPA: "everything",
}
_TYPES = {
    ".yaml": "application/yaml",
    ".json": "application/json",
    ".rego": "text/plain; charset=utf-8",
}


@require_GET
def exports(request: HttpRequest) -> HttpResponse:
    """Show what each target gets, and what it does not."""
    _check(request)
    release = _release(request.GET.get("release", ""))
    chosen = _target(request.GET.get("target", Target.ISTIO))
    context = {
        **site.each_context(request),
        "title": "Exports",
        "release": release,
        "chosen": chosen,
        "name": NAMES[chosen],
        "limits": LIMITS[chosen],
    }
    if release is not None:
        every = {target: selectors.export_of(release, target) for target in Target}
        context |= _shown(every[chosen], request.GET.get("page"))
        context["targets"] = [(NAMES[target], one) for target, one in every.items()]
        context["revisions"] = selectors.recent_revisions()
    return TemplateResponse(request, "dashboard/exports.html", context)


@require_GET
def download(
    request: HttpRequest, revision: int, target: str, name: str
) -> HttpResponse:
    """Answer with one file of an export, or with all of them as an archive."""
    _check(request)
    release = _release(str(revision))
    if release is None:
        raise Http404
    found = selectors.export_of(release, _target(target))
    saved = f"portward-{target}-{revision}"
    if name == "all.zip":
        return _file(found.archive, "application/zip", f"{saved}.zip")
    text = dict(found.files).get(name)
    if text is None:
        raise Http404
    stem, _, extension = name.rpartition(".")
    kind = _TYPES[f".{extension}"]
    return _file(text.encode(), kind, f"{saved}-{stem}.{extension}")


def _shown(found: Export, page: str | None) -> dict[str, object]:
    listed = Paginator(found.unsupported, PAGE_SIZE).get_page(page)
    policies = selectors.policies_named(one.policy for one in listed)
    name, text = found.files[0]
    lines = text.splitlines()
    return {
        "export": found,
        "files": [name for name, _ in found.files],
        "listed": listed,
        "rows": [(one, policies.get(one.policy)) for one in listed],
        "preview": "\n".join(lines[:PREVIEW_LINES]),
        "preview_name": name,
        "concerns": CONCERNS[found.target],
        "hidden": max(len(lines) - PREVIEW_LINES, 0),
    }


def _check(request: HttpRequest) -> None:
    if not (
        request.user.has_perm("bundles.view_release")
        and request.user.has_perm("policies.view_policy")
    ):
        raise PermissionDenied


def _release(number: str) -> Release | None:
    if number and not (number.isascii() and number.isdecimal() and len(number) < 10):  # noqa: PLR2004  # what a number column holds
        raise Http404
    try:
        return selectors.exportable(int(number) if number else None)
    except ReleaseNotFoundError as error:
        raise Http404 from error


def _target(name: str) -> Target:
    try:
        return Target(name)
    except ValueError as error:
        raise Http404 from error


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
