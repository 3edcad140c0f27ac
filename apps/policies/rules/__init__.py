"""What a policy says, what it means in Cedar, and why it may be refused.

A refusal is a list of problems; each names its field, the reason and the remedy.
"""

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.choosing import Choice, Pick
from apps.policies.rules.compiler import CompiledPolicy, compile_policy, policy_digest
from apps.policies.rules.content import (
    Condition,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
    parse_content,
)
from apps.policies.rules.decompile import Unsayable, decompile
from apps.policies.rules.edges import Edge, EdgeKind, propose_tests
from apps.policies.rules.merging import (
    FieldChange,
    Side,
    changed_by,
    merged,
    three_way,
)
from apps.policies.rules.named import Named, names_in
from apps.policies.rules.obligations import Obligation
from apps.policies.rules.problems import Problem, ProblemCode
from apps.policies.rules.sentences import Span, SpanKind, sentence, sentence_spans
from apps.policies.rules.testcases import Given, TestCase
from apps.policies.rules.testing import TestReport, case_records, run_policy_tests
from apps.policies.rules.words import Words

__all__ = [
    "Catalogue",
    "Choice",
    "CompiledPolicy",
    "Condition",
    "Edge",
    "EdgeKind",
    "FieldChange",
    "Given",
    "Named",
    "Obligation",
    "Pick",
    "PolicyContent",
    "PrincipalItem",
    "Problem",
    "ProblemCode",
    "ResourceItem",
    "Side",
    "Span",
    "SpanKind",
    "TestCase",
    "TestReport",
    "Unsayable",
    "Words",
    "case_records",
    "changed_by",
    "compile_policy",
    "decompile",
    "merged",
    "names_in",
    "parse_content",
    "policy_digest",
    "propose_tests",
    "run_policy_tests",
    "sentence",
    "sentence_spans",
    "three_way",
]
