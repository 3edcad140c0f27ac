"""Cedar: schemas, conditions, validation, evaluation.

The only package that imports the Cedar library, so that an upgrade has one place to
look at. Cedar 4 language reference.
"""

from engine.cedar.asking import (
    CedarProblem,
    Evaluation,
    evaluate,
    parse_policies,
    validate_policies,
)
from engine.cedar.attributes import (
    ACTION_TYPE,
    CONTEXT_ATTRIBUTES,
    CONTEXT_RANGES,
    GROUP_TYPE,
    LONG_RANGE,
    OPERATORS,
    PRINCIPAL_TYPES,
    ROLE_TYPE,
    Attribute,
    AttributeType,
)
from engine.cedar.reading import (
    ReadStatement,
    Written,
    entities_in,
    parse_heads,
    parse_statements,
    read_statement,
    read_statements,
    syntax_error,
)
from engine.cedar.trees import (
    condition_trees,
    conjunct_trees,
    conjuncts,
    expression,
    flat,
    without_head,
)
from engine.cedar.writing import (
    NO_HEADS,
    condition_text,
    head_text,
    statement_text,
)

__all__ = [
    "ACTION_TYPE",
    "CONTEXT_ATTRIBUTES",
    "CONTEXT_RANGES",
    "GROUP_TYPE",
    "LONG_RANGE",
    "NO_HEADS",
    "OPERATORS",
    "PRINCIPAL_TYPES",
    "ROLE_TYPE",
    "Attribute",
    "AttributeType",
    "CedarProblem",
    "Evaluation",
    "ReadStatement",
    "Written",
    "condition_text",
    "condition_trees",
    "conjunct_trees",
    "conjuncts",
    "entities_in",
    "evaluate",
    "expression",
    "flat",
    "head_text",
    "parse_heads",
    "parse_policies",
    "parse_statements",
    "read_statement",
    "read_statements",
    "statement_text",
    "syntax_error",
    "validate_policies",
    "without_head",
]
