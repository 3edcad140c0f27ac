"""The one table of all addresses: who gets what, and why.

Every route of the URLconf has a row here, or the walk fails. Deny by default: an
address that lets anonymous people in stands in PUBLIC with a sentence why.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Row
from tests.walk.table.console import CONSOLE, PROVIDERS
from tests.walk.table.lending import LENDING
from tests.walk.table.models import MODELS
from tests.walk.table.own import OWN
from tests.walk.table.programs import ASKED, OPERATIONS, REST
from tests.walk.table.public import PUBLIC
from tests.walk.table.reviewing import REVIEWING

__all__ = ["BOOKKEEPING", "PUBLIC", "TABLE", "UNCONFIRMED", "WHILE_FROZEN"]

# Tables that any request may write to, because of what they are for.
BOOKKEEPING = {
    "limits_bucketlevel": "every request takes tokens from its buckets",
    "limits_refusal": "what is refused early is counted",
    "django_session": "a session remembers its tenant and its notices",
    "accounts_apitoken": "a token remembers when it was last used",
    "signin_signin": "a session remembers when and from where it was last used",
    "limits_knownaddress": "an address that failed before is remembered",
    "signin_pendingoperation": "what waits for a passkey is kept until it is signed",
}

# What a frozen person may still do: read why, appeal, prove who they are, and leave.
WHILE_FROZEN = {
    *("admin:login", "admin:logout", "admin:jsi18n", "signin:state", "signin:appeal"),
    *("signin:confirm", "signin:confirm_options", "signin:confirm_verify"),
    *("signin:confirm_presence", "signin:confirm_by_code"),
}

# Acts that need no fresh proof, because of what they are.
UNCONFIRMED = {
    "signin:confirm_options": "it is the way to the proof",
    "signin:end_elevation": "it gives rights up",
    "access:cancel": "it gives rights up",
    "access:end": "it gives rights up",
    "api:elevation_end": "it gives rights up",
    "admin:approvals_set_prove": "it computes what would happen, and does nothing",
    "api:change_set_evidence": "it computes what would happen, and does nothing",
    "admin:approvals_set_say": "what is said decides nothing, and is never silent",
    "admin:approvals_request_say": "what is said decides nothing, and is never silent",
    "admin:approvals_comment_edit": "what is said decides nothing, and is never silent",
    "admin:approvals_comment_delete": "what is said decides nothing; a line stays",
    "api:change_set_comments": "what is said decides nothing, and is never silent",
    "api:request_comments": "what is said decides nothing, and is never silent",
    "api:notification_read": "what was read is noted, and nothing else changes",
    "notifications:open": "what was read is noted, and nothing else changes",
    "notifications:read": "what was read is noted, and nothing else changes",
    "notifications:read_all": "what was read is noted, and nothing else changes",
}

TABLE: Mapping[str, Row] = {
    **PUBLIC,
    **OWN,
    **CONSOLE,
    **PROVIDERS,
    **MODELS,
    **REST,
    **ASKED,
    **OPERATIONS,
    **LENDING,
    **REVIEWING,
}
