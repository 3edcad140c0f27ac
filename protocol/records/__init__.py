"""The records of a release: one canonical JSON object for each live thing.

Field order and names are frozen per version (`v`); unknown and missing fields are
refused by name. A record's digest is SHA-256 with domain separation over its canonical
bytes. This module knows shapes only: whether a statement's text means what its head
says is the engine's check.
"""

from protocol.records.cases import ALLOW, DENY, EXPECTATIONS, CaseRecord, case_id
from protocol.records.entities import EntityRef, Head, Permission, Statement
from protocol.records.kinds import (
    DELEGATION,
    DYNAMIC,
    EFFECTS,
    RECORD_DOMAIN,
    RECORD_VERSION,
    SEPARATIONS,
    SOURCES,
    STANDING,
    STATIC,
    TIERS,
    AssignmentRecord,
    City,
    EligibilityRecord,
    Fence,
    LocationRecord,
    PolicyRecord,
    PrincipalRecord,
    Record,
    RecordType,
    ResourceRecord,
    RoleRecord,
    SchemaRecord,
    SeparationRecord,
    Waiver,
    WindowRecord,
    principal_id,
    record_bytes,
    record_digest,
)
from protocol.records.obligations import (
    CHECKS,
    Interval,
    Obligation,
    overlapping,
    parse_obligation,
)
from protocol.records.parsing import parse_record
from protocol.records.values import Attributes, JSONObject

__all__ = [
    "ALLOW",
    "CHECKS",
    "DELEGATION",
    "DENY",
    "DYNAMIC",
    "EFFECTS",
    "EXPECTATIONS",
    "RECORD_DOMAIN",
    "RECORD_VERSION",
    "SEPARATIONS",
    "SOURCES",
    "STANDING",
    "STATIC",
    "TIERS",
    "AssignmentRecord",
    "Attributes",
    "CaseRecord",
    "City",
    "EligibilityRecord",
    "EntityRef",
    "Fence",
    "Head",
    "Interval",
    "JSONObject",
    "LocationRecord",
    "Obligation",
    "Permission",
    "PolicyRecord",
    "PrincipalRecord",
    "Record",
    "RecordType",
    "ResourceRecord",
    "RoleRecord",
    "SchemaRecord",
    "SeparationRecord",
    "Statement",
    "Waiver",
    "WindowRecord",
    "case_id",
    "overlapping",
    "parse_obligation",
    "parse_record",
    "principal_id",
    "record_bytes",
    "record_digest",
]
