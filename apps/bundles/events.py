"""Facts about releases: audit actions, and the outbox topics this app produces."""

from enum import StrEnum

# PostgreSQL notifies edges on it that a release was signed: "<tenant>:<revision>".
RELEASE_CHANNEL = "portward_release"


class AuditAction(StrEnum):
    """What happened to a release. A retired value is never reused."""

    RELEASE_BUILT = "bundles.release_built"
    RELEASE_SIGNED = "bundles.release_signed"
    RELEASE_FAILED = "bundles.release_failed"
    ROOT_CREATED = "bundles.root_created"


class Topic(StrEnum):
    """Outbox topics. Payloads: `requested` is empty, `signed` is {"revision": int}."""

    RELEASE_REQUESTED = "bundles.release_requested"
    RELEASE_SIGNED = "bundles.release_signed"
