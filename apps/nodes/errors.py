"""Failures of enrollment and of nodes."""

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)


class NodeNameError(InvalidError):
    """A node's name is malformed."""

    code = "nodes.name_invalid"
    default_message = "A node's name has 1 to 63 of a-z, 0-9, hyphen and dot."
    default_remedy = "Use the host name, for example web-1.berlin."


class NodeNameTakenError(ConflictError):
    """An active node of the tenant has this name."""

    code = "nodes.name_taken"
    default_message = "An active node has this name."
    default_remedy = "Revoke that node first, or choose another name."


class JoinTokenError(ForbiddenError):
    """A join token is unknown, was used, or has expired."""

    code = "nodes.join_token_refused"
    default_message = "The join token is unknown, used or expired."
    default_remedy = "Make a new one under Fleet, Nodes, New join token."


class PublicKeyError(InvalidError):
    """A node's public key is not an Ed25519 key."""

    code = "nodes.public_key_invalid"
    default_message = "The public key is not a raw Ed25519 key in base64url."
    default_remedy = "Let portward-agent make the key."


class NodeNotFoundError(NotFoundError):
    """There is no such node in this tenant."""

    code = "nodes.not_found"
    default_message = "There is no such node."


class NodeRevokedError(ForbiddenError):
    """The node has been revoked."""

    code = "nodes.revoked"
    default_message = "This node has been revoked."
    default_remedy = "Enroll it again with a new join token, if it should come back."


class NodeGroupUsedError(ConflictError):
    """A group that nodes are in, or a location names, stays."""

    code = "nodes.group_used"
    default_message = "This group of nodes is in use."
    default_remedy = "Take its nodes out, and out of locations, first."
