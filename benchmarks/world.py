"""Records of a tenant of any size: roles by sites by actions, with time and risk."""

from __future__ import annotations

from engine.cedar import condition_text, statement_text
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    Statement,
    principal_id,
)

ACTIONS = ("read", "restart", "deploy", "rotate", "drain")
SITES = 40
USERS = 200


def policies(count: int) -> list[PolicyRecord]:
    """Return so many policies, each for one role, site and action."""
    roles = max(1, count // (SITES * len(ACTIONS)) + 1)
    found = []
    for number in range(count):
        heads = (
            Head("in", "Role", f"role-{number % roles}"),
            Head("==", id=ACTIONS[number // roles % len(ACTIONS)]),
            Head("in", "ResourceGroup", f"site-{number // roles // 5 % SITES}"),
        )
        ident = f"policy-{number}"
        effect = "forbid" if number % 17 == 0 else "permit"
        condition = condition_text("risk", "<", 50 + number % 40)
        text = statement_text(f"{ident}#0", effect, heads, (condition,))
        statement = Statement(f"{ident}#0", text, *heads)
        found.append(
            PolicyRecord(ident, ident, 1, effect, "operator", (statement,), "change")
        )
    return found


def records(count: int) -> list[Record]:
    """Return a whole state with so many policies."""
    roles = max(1, count // (SITES * len(ACTIONS)) + 1)
    found: list[Record] = list(policies(count))
    found += [RoleRecord(f"role-{n}", f"Role {n}", "operator") for n in range(roles)]
    for number in range(USERS):
        user = EntityRef("User", f"user-{number}")
        found.append(PrincipalRecord(principal_id(user), user, {"team": "blue"}))
        found.append(AssignmentRecord(f"a-{number}", user, f"role-{number % roles}"))
    for number in range(SITES):
        site = EntityRef("ResourceGroup", f"site-{number}")
        node = EntityRef("Node", f"node-{number}")
        found.append(ResourceRecord(principal_id(site), site, {}))
        found.append(ResourceRecord(principal_id(node), node, {}, (site,)))
    return found
