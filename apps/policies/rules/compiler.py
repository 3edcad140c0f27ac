"""Compile the content of a policy to Cedar statements.

One statement for each principal and resource. What a role holds is a ceiling: a permit
for a role names the actions and resource types that the role holds, and no others, so
a policy on a group or on everything never reaches beyond the role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.conditions import condition_texts
from apps.policies.rules.content import PolicyContent, PrincipalItem, ResourceItem
from apps.policies.rules.expert import check_expert, compile_expert
from apps.policies.rules.problems import Problem, ProblemCode
from apps.policies.rules.references import check_references, check_vocabulary
from apps.policies.rules.terms import check_terms
from engine import cedar
from engine.errors import CedarSyntaxError
from protocol.canonical import digest
from protocol.records import Head, Permission, Statement

MOST_STATEMENTS = 200
# What a record of a statement holds.
LONGEST_STATEMENT = 65_536
_DIGEST_DOMAIN = "portward-policy-v1"


@dataclass(frozen=True)
class CompiledPolicy:
    """The statements of a policy and the digest that approvers sign."""

    statements: tuple[Statement, ...]
    digest: str

    def to_json(self) -> list[dict[str, Any]]:
        """Return the statements in their JSON form."""
        return [statement.to_dict() for statement in self.statements]


@dataclass(frozen=True)
class _Target:
    """One constraint on the resource, and the resource type it stands for."""

    head: Head
    type: str = ""


def compile_policy(
    content: PolicyContent, catalogue: Catalogue, *, policy_id: str
) -> CompiledPolicy | list[Problem]:
    """Return the statements of a policy, or everything that is wrong with it."""
    if problems := list(check_terms(content)):
        return problems
    found = _statements(content, catalogue, policy_id)
    statements = [one for one in found if isinstance(one, Statement)]
    if len(statements) < len(found):
        return [one for one in found if isinstance(one, Problem)]
    if not 0 < len(statements) <= MOST_STATEMENTS:
        return [_wrong_size(len(statements))]
    if max(len(statement.cedar) for statement in statements) > LONGEST_STATEMENT:
        return [_too_long(content)]
    problems = (
        check_expert(content, statements, catalogue)
        if content.cedar
        else _check_against_schema(statements, catalogue)
    )
    if problems:
        return problems
    said = [statement.to_dict() for statement in statements]
    return CompiledPolicy(
        tuple(statements), policy_digest(policy_id, content.to_dict(), said)
    )


def _statements(
    content: PolicyContent, catalogue: Catalogue, policy_id: str
) -> Sequence[Statement | Problem]:
    """Return the statements, or what keeps them from being written."""
    if content.cedar:
        problems = check_vocabulary(content)
        return problems or compile_expert(content, catalogue, policy_id)
    problems = check_references(content, catalogue)
    if problems:
        return problems
    conditions = condition_texts(content, catalogue)
    texts = [text for text in conditions if isinstance(text, str)]
    if len(texts) < len(conditions):
        return [problem for problem in conditions if isinstance(problem, Problem)]
    statements = []
    for n, heads in enumerate(_heads(content, catalogue)):
        ident = f"{policy_id}#{n}"
        text = cedar.statement_text(ident, content.effect, heads, texts)
        statements.append(Statement(ident, text, *heads))
    return statements


def policy_digest(
    policy_id: str, content: Mapping[str, Any], statements: list[dict[str, Any]]
) -> str:
    """Return the digest of what a policy says and of what it compiles to.

    It covers the statements, so that what approvers sign is what nodes will run even if
    a window or role that the content names has changed in between.
    """
    signed = {"policy": policy_id, "content": content, "statements": statements}
    return "sha256:" + digest(_DIGEST_DOMAIN, signed).hex()


def _heads(
    content: PolicyContent, catalogue: Catalogue
) -> Iterator[tuple[Head, Head, Head]]:
    principals: tuple[PrincipalItem | None, ...] = content.principals or (None,)
    resources: tuple[ResourceItem | None, ...] = content.resources or (None,)
    for principal in principals:
        for resource in resources:
            for target in _targets(content, resource, catalogue):
                actions = _actions(content, principal, target, catalogue)
                if actions is not None:
                    yield _principal_head(principal), actions, target.head


def _targets(
    content: PolicyContent, item: ResourceItem | None, catalogue: Catalogue
) -> Iterator[_Target]:
    """Yield the constraints on the resource that one item of the content means.

    A permit on a group or on everything is spelled out for each type, because actions
    and ceilings are per type. A forbid stays as wide as it is written.
    """
    if item is not None and item.type != cedar.GROUP_TYPE:
        head = Head("==", item.type, item.id) if item.id else Head("is", item.type)
        yield _Target(head, item.type)
    elif content.effect == "forbid":
        yield _Target(Head("in", cedar.GROUP_TYPE, item.id) if item else Head())
    else:
        for kind in catalogue.resource_types:
            yield _Target(_of_type(kind, item), kind)


def _of_type(kind: str, group: ResourceItem | None) -> Head:
    if group is None:
        return Head("is", kind)
    return Head("is_in", kind, in_type=cedar.GROUP_TYPE, in_id=group.id)


def _actions(
    content: PolicyContent,
    principal: PrincipalItem | None,
    target: _Target,
    catalogue: Catalogue,
) -> Head | None:
    """Return the constraint on the action, or None when nothing is left of it."""
    if content.effect == "forbid" and not content.actions:
        return Head()
    wanted = content.actions or tuple(sorted(catalogue.actions))
    if target.type:
        wanted = tuple(a for a in wanted if target.type in catalogue.actions[a])
    if content.effect == "permit" and principal and principal.type == "Role":
        held = catalogue.roles[principal.id]
        wanted = tuple(a for a in wanted if Permission(a, target.type) in held)
    match wanted:
        case ():
            return None
        case (only,):
            return Head("==", id=only)
        case _:
            return Head("in", ids=wanted)


def _principal_head(item: PrincipalItem | None) -> Head:
    if item is None:
        return Head()
    return Head("in" if item.type == "Role" else "==", item.type, item.id)


def _check_against_schema(
    statements: list[Statement], catalogue: Catalogue
) -> list[Problem]:
    """Let Cedar itself check names and types; a second fence behind our own checks."""
    text = "\n".join(statement.cedar for statement in statements)
    try:
        found = [p.message for p in cedar.validate_policies(text, catalogue.schema)]
    except CedarSyntaxError as error:
        found = [str(error)]
    return [
        Problem(
            ProblemCode.SCHEMA,
            "policy",
            f"Cedar refuses the policy: {message}.",
            "Correct what the message names; the tenant's catalogue defines all names.",
        )
        for message in found
    ]


def _too_long(content: PolicyContent) -> Problem:
    if content.cedar:
        return Problem(
            ProblemCode.TOO_LARGE,
            "cedar",
            f"A statement may have {LONGEST_STATEMENT} characters, its id included.",
            "Split the statement, or leave out comments.",
        )
    return Problem(
        ProblemCode.TOO_LARGE,
        "windows",
        "The windows, locations and conditions make the statements too long.",
        "Use fewer windows, locations or values, or calendars with fewer days.",
    )


def _wrong_size(count: int) -> Problem:
    if count == 0:
        return Problem(
            ProblemCode.ACTION_NOT_APPLICABLE,
            "actions",
            "No action is left that these principals may do to these resources.",
            "Choose resources of a type to which the actions apply.",
        )
    return Problem(
        ProblemCode.TOO_LARGE,
        "resources",
        f"The policy compiles to {count} statements; {MOST_STATEMENTS} is the limit.",
        "Use roles and resource groups, or split the policy.",
    )
