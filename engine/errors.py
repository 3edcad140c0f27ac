"""What the engine refuses, with codes that the portal shows beside a field."""

from __future__ import annotations

from protocol.errors import ProtocolError


class EngineError(ProtocolError):
    """A question or a policy that the engine cannot work with."""

    code = "engine.error"


class ContextError(EngineError):
    """The context of a request holds a value of the wrong type."""

    code = "engine.context_invalid"


class QuestionUnreadableError(EngineError):
    """Cedar cannot read a question, for example because of a lone surrogate."""

    code = "engine.question_unreadable"


class UnknownAttributeError(EngineError):
    """A condition asks for an attribute that is not registered."""

    code = "cedar.unknown_attribute"


class WrongTypeError(EngineError):
    """A condition compares an attribute with a value of another type."""

    code = "cedar.wrong_type"


class UnknownOperatorError(EngineError):
    """A condition uses an operator that its attribute's type does not have."""

    code = "cedar.unknown_operator"


class CedarSyntaxError(EngineError):
    """A text is not Cedar."""

    code = "cedar.syntax"
