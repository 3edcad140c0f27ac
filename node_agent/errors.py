"""What can go wrong on the node itself; refusals of a release are protocol errors."""

from __future__ import annotations

from engine.selftest import SelfTest
from protocol.errors import ProtocolError

_MOST_NAMES = 20


class AgentError(ProtocolError):
    """Something on the node, or between it and the edge, does not work."""

    code = "agent.failed"
    # How many seconds the edge asked us to stay away.
    retry_after = 0.0


class NotEnrolledError(AgentError):
    """The state folder holds no identity."""

    code = "agent.not_enrolled"


class AlreadyEnrolledError(AgentError):
    """The state folder holds an identity already."""

    code = "agent.already_enrolled"


class StateError(AgentError):
    """The state folder cannot be read, written or locked."""

    code = "agent.state"


class NothingStoredError(AgentError):
    """The state folder holds no release yet."""

    code = "agent.nothing_stored"


class EdgeError(AgentError):
    """The edge cannot be reached or answers what the agent cannot use."""

    code = "agent.edge_unreachable"


class EdgeFailedError(EdgeError):
    """The edge answers, but not now or not with what was asked for."""

    code = "agent.edge_failed"

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EdgeRefusedError(AgentError):
    """The edge does not believe this node."""

    code = "agent.edge_refused"


class NotYetValidError(ProtocolError):
    """The release is to count from a later time."""

    code = "bundle.not_yet_valid"


class ReleaseWithheldError(ProtocolError):
    """A signed timestamp names a newer release than the one delivered."""

    code = "bundle.withheld"


class SelfTestFailedError(ProtocolError):
    """The release does not answer as the tests that it carries expect."""

    code = "self_test_failed"

    def __init__(self, found: SelfTest) -> None:
        names = ", ".join(found.names[:_MOST_NAMES])
        more = len(found.failed) - _MOST_NAMES
        super().__init__(f"Tests failed: {names}{f' and {more} more' * (more > 0)}.")
        self.found = found


class BusyError(AgentError):
    """More is asked for than the agent does at a time."""

    code = "agent.busy"
