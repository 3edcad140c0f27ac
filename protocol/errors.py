"""Refusals of data from outside. Every refusal has a class and a code of its own.

A refusal means *their data* is wrong. Bugs of ours raise built-in exceptions instead.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Data that the protocol does not accept."""

    code = "protocol.error"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        if code:
            self.code = code


class CanonicalError(ProtocolError):
    """A value has no canonical form, or bytes are not strict JSON."""

    code = "canonical.invalid"


class RecordError(ProtocolError):
    """A record has a missing, unknown or malformed field."""

    code = "record.invalid"

    def __init__(self, message: str, *, field: str = "", code: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field


class HeadMismatchError(RecordError):
    """A statement's text and its head constraints disagree."""

    code = "record.head_mismatch"


class BundleMalformedError(ProtocolError):
    """An archive or manifest is not shaped as the format demands."""

    code = "bundle.malformed"


class BundleTooLargeError(ProtocolError):
    """An archive exceeds the size that is accepted."""

    code = "bundle.too_large"


class BundleDigestError(ProtocolError):
    """The records do not add up to the state digest of the manifest."""

    code = "bundle.digest_mismatch"


class BundleUnsignedError(ProtocolError):
    """Signatures are missing, or too few keys signed."""

    code = "bundle.unsigned"


class BundleRollbackError(ProtocolError):
    """What was offered is older than what is held."""

    code = "bundle.rollback"


class BundleExpiredError(ProtocolError):
    """The metadata has expired: somebody may be withholding newer releases."""

    code = "bundle.expired"


class DeltaMalformedError(ProtocolError):
    """A delta is not shaped, or not ordered, as the format demands."""

    code = "delta.malformed"


class DeltaBaseError(ProtocolError):
    """A delta does not fit what is held."""

    code = "delta.other_base"


class WrongTenantError(ProtocolError):
    """The release belongs to another tenant."""

    code = "bundle.wrong_tenant"


class BundleTamperedError(ProtocolError):
    """Bytes differ from what was signed."""

    code = "bundle.tampered"


class ReceiptError(ProtocolError):
    """A signed statement of a node does not verify."""

    code = "receipt.invalid"


class NodeProofError(ProtocolError):
    """A request does not prove which node sent it."""

    code = "node.proof_invalid"


class NodeProofMalformedError(NodeProofError):
    """The proof header is missing or malformed."""

    code = "node.proof_malformed"


class NodeProofSkewedError(NodeProofError):
    """The proof's time is too far from ours."""

    code = "node.clock_skew"


class SignatureInvalidError(ProtocolError):
    """A public key cannot be used, or did not make the signature beside it."""

    code = "signature.invalid"


class VoteInvalidError(ProtocolError):
    """A vote does not prove what it claims, or a list of keys cannot be read."""

    code = "vote.invalid"
