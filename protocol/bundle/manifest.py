"""What a release says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.canonical import digest
from protocol.errors import BundleMalformedError
from protocol.fingerprint import Key, StateTree
from protocol.records import Record, WindowRecord
from protocol.zones import Transitions, zone_transitions

PROTOCOL_VERSION = 1
CERTIFICATE_DOMAIN = "portward-certificate-v1"
MANIFEST_DOMAIN = "portward-manifest-v1"
DEFAULT_MAX_AGE = {"admin": 300, "operator": 900, "read_only": 86_400}

Certificate = Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself. Times are RFC 3339; ages are seconds."""

    tenant: str
    revision: int
    previous_revision: int | None
    previous_digest: str | None
    state_digest: str
    created: str
    not_before: str | None
    max_age: Mapping[str, int]
    counts: Mapping[str, int]
    zones: Transitions
    certificates: Sequence[str] = ()
    audit_checkpoint: str | None = None
    protocol: int = PROTOCOL_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "tenant": self.tenant,
            "revision": self.revision,
            "previous_revision": self.previous_revision,
            "previous_digest": self.previous_digest,
            "state_digest": self.state_digest,
            "created": self.created,
            "not_before": self.not_before,
            "max_age": dict(self.max_age),
            "counts": dict(self.counts),
            "zones": {zone: [list(t) for t in ts] for zone, ts in self.zones.items()},
            "certificates": list(self.certificates),
            "audit_checkpoint": self.audit_checkpoint,
            "protocol": self.protocol,
        }

    @classmethod
    def from_dict(cls, value: object) -> Manifest:
        """Parse the JSON form strictly or raise BundleMalformedError."""
        names = set(cls.__dataclass_fields__)
        if not isinstance(value, dict) or set(value) != names:
            wrong = names ^ set(value) if isinstance(value, dict) else names
            raise BundleMalformedError(f"manifest: wrong fields {sorted(wrong)}")
        manifest = cls(**value)
        if manifest.protocol != PROTOCOL_VERSION:
            raise BundleMalformedError(
                f"manifest: protocol {manifest.protocol} is not spoken here; "
                "upgrade the agent"
            )
        _check_types(manifest)
        return manifest


@dataclass(frozen=True)
class Predecessor:
    """The release before: its revision and state digest."""

    revision: int
    state_digest: str


def certificate_digest(certificate: Certificate) -> str:
    """Return the digest by which a manifest names an approval certificate."""
    return "sha256:" + digest(CERTIFICATE_DOMAIN, dict(certificate)).hex()


def manifest_digest(manifest: Manifest) -> str:
    """Return the digest by which the signed target names a manifest.

    With it a release is proven whichever way its content came: as one archive, or as
    deltas upon an older one.
    """
    return "sha256:" + digest(MANIFEST_DOMAIN, manifest.to_dict()).hex()


def build_manifest(  # noqa: PLR0913  # a manifest has this many parts
    *,
    tenant: str,
    revision: int,
    previous: Predecessor | None,
    created: str,
    created_epoch: int,
    records: Iterable[Record],
    certificates: Iterable[Certificate] = (),
    max_age: Mapping[str, int] | None = None,
    not_before: str | None = None,
    tree: StateTree | None = None,
) -> Manifest:
    """Describe a release; zone transitions are computed for the zones it uses.

    `tree` saves the work when the digests of these records were made before.
    """
    found = list(records)
    zones = {record.zone for record in found if isinstance(record, WindowRecord)}
    return Manifest(
        tenant=tenant,
        revision=revision,
        previous_revision=previous.revision if previous else None,
        previous_digest=previous.state_digest if previous else None,
        state_digest=(tree or StateTree(found)).digest(),
        created=created,
        not_before=not_before,
        max_age=dict(max_age or DEFAULT_MAX_AGE),
        counts=counts_of(record.key for record in found),
        zones={z: zone_transitions(z, created_epoch) for z in sorted(zones)},
        certificates=sorted(certificate_digest(c) for c in certificates),
    )


def counts_of(keys: Iterable[Key]) -> dict[str, int]:
    """Return how many records there are of each type."""
    return dict(sorted(Counter(kind for kind, _ in keys).items()))


def _check_types(manifest: Manifest) -> None:
    for name, is_well_typed in (
        ("tenant", isinstance(manifest.tenant, str)),
        ("revision", _is_count(manifest.revision)),
        ("previous_revision", _is_optional(manifest.previous_revision, _is_count)),
        ("previous_digest", _is_optional(manifest.previous_digest, _is_text)),
        ("state_digest", isinstance(manifest.state_digest, str)),
        ("created", isinstance(manifest.created, str)),
        ("not_before", _is_optional(manifest.not_before, _is_text)),
        ("max_age", _is_object_of(manifest.max_age, _is_count)),
        ("counts", _is_object_of(manifest.counts, _is_count)),
        ("zones", _is_object_of(manifest.zones, _is_transitions)),
        ("certificates", _is_list_of(manifest.certificates, _is_text)),
        ("audit_checkpoint", _is_optional(manifest.audit_checkpoint, _is_text)),
    ):
        if not is_well_typed:
            raise BundleMalformedError(f"manifest: {name} is malformed")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_optional(value: object, test: Callable[[object], bool]) -> bool:
    return value is None or test(value)


def _is_list_of(value: object, test: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(test(item) for item in value)


def _is_object_of(value: object, test: Callable[[object], bool]) -> bool:
    return isinstance(value, dict) and all(test(item) for item in value.values())


def _is_transitions(value: object) -> bool:
    """Say whether this is one or more pairs of whole numbers."""
    return bool(value) and _is_list_of(value, _is_transition)


def _is_transition(value: object) -> bool:
    return isinstance(value, list) and [type(n) for n in value] == [int, int]
