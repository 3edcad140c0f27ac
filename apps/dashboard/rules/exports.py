"""Exports as files: the same bytes for the same release."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml
from typing_extensions import override

from engine.calendar import Transitions
from engine.exports.flatten import Unsupported
from engine.exports.istio import export_istio
from engine.exports.kubernetes import export_kubernetes
from engine.exports.opa import opa_content
from engine.exports.targets import Exported
from protocol.records import PolicyRecord, Record

# A date that ZIP can hold; a later one would change with the clock.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Target(StrEnum):
    """Who else can enforce what a release says."""

    ISTIO = "istio"
    KUBERNETES = "kubernetes"
    OPA = "opa"


_EACH_RELEASE = (
    "Roles count where they are held for good. Apply the export of each release."
)
LIMITS: Mapping[Target, tuple[str, ...]] = {
    Target.ISTIO: (
        "A mesh knows services, methods, paths and addresses.",
        "It knows no people, factors, devices and risks, and no time.",
        _EACH_RELEASE,
    ),
    Target.KUBERNETES: (
        "Rights in a cluster can only be added, and know no conditions.",
        "What a policy may forbid, or permits under conditions, is not granted.",
        "Whoever gets an action gets all verbs of it, which others may share.",
        _EACH_RELEASE,
    ),
    Target.OPA: (
        "Out of the portal's reach OPA goes on: it knows no age at which permits end.",
        "Node groups are not known there, as where a question comes from nowhere.",
        "Numbers of more than 53 bits are refused.",
    ),
}


@dataclass(frozen=True)
class Origin:
    """The release that an export is made of."""

    tenant: str
    revision: int
    digest: str


@dataclass(frozen=True)
class Export:
    """What a target gets of a release: files, and what they do not say.

    Each statement is covered, or unsupported, or `elsewhere`: about nothing that the
    target enforces.
    """

    target: Target
    origin: Origin
    files: tuple[tuple[str, str], ...]
    unsupported: tuple[Unsupported, ...]
    statements: int
    covered: int
    elsewhere: tuple[str, ...] = ()

    @property
    def archive(self) -> bytes:
        """Return all files as a ZIP archive, reproducible to the bit."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files:
                archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), text)
        return buffer.getvalue()


def export(
    target: Target,
    origin: Origin,
    records: Sequence[Record],
    zones: Mapping[str, Transitions],
) -> Export:
    """Return what a target gets of a release."""
    match target:
        case Target.ISTIO:
            return _manifests(target, origin, export_istio(records))
        case Target.KUBERNETES:
            found = export_kubernetes(records, tenant=origin.tenant)
            return _manifests(target, origin, found)
        case Target.OPA:
            return _opa(origin, records, zones)


def _manifests(target: Target, origin: Origin, found: Exported) -> Export:
    header = (
        f"# Portward export for {target.value}: tenant {origin.tenant}, "
        f"release {origin.revision}\n# {origin.digest}\n"
        "# Made by Portward. Change the policies, not this file.\n"
    )
    files = [("manifests.yaml", header + to_yaml(found.manifests))]
    return Export(
        target,
        origin,
        (*files, _listed(found.unsupported)),
        found.unsupported,
        found.statements,
        found.covered,
        found.elsewhere,
    )


def _opa(
    origin: Origin, records: Sequence[Record], zones: Mapping[str, Transitions]
) -> Export:
    content = opa_content(records, zones)
    unsupported = tuple(Unsupported(**one) for one in content.data["unsupported"])
    policies = [record for record in records if isinstance(record, PolicyRecord)]
    statements = sum(len(policy.statements) for policy in policies)
    release = {
        "tenant": origin.tenant,
        "revision": origin.revision,
        "state_digest": origin.digest,
    }
    data = {"portward": {**content.data, "release": release}}
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return Export(
        Target.OPA,
        origin,
        (("policy.rego", content.rego.decode()), ("data.json", text)),
        unsupported,
        statements,
        statements - len({one.statement for one in unsupported}),
    )


def _listed(unsupported: Iterable[Unsupported]) -> tuple[str, str]:
    rows = [one.to_dict() for one in unsupported]
    return "unsupported.json", json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice: an alias would tie objects together."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(manifests: Iterable[Mapping[str, Any]]) -> str:
    """Return manifests as documents of YAML, in a fixed order of their members."""
    return yaml.dump_all(
        [dict(manifest) for manifest in manifests],
        Dumper=_Dumper,
        explicit_start=True,
        allow_unicode=True,
        sort_keys=True,
        width=88,
    )
