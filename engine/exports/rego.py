"""The Rego that decides from the flattened form of a release.

Rego has no recursion, so what would recur is written out once for every level.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from engine.exports.expressions import DEEPEST
from engine.roles import MAX_DELEGATIONS

_LEVEL = """
level_{n}(tree, asked) := found if {{
	tree.op in {{"all", "any"}}
	parts := [value | some part in tree.of; value := level_{m}(part, asked)]
	found := joined(tree.op, parts, tree.of)
}} else := negated[level_{m}(tree.of[0], asked)] if {{
	tree.op == "not"
}} else := chosen(level_{m}(tree.of[0], asked), level_{m}(tree.of[1], asked), level_{m}(tree.of[2], asked)) if {{
	tree.op == "if"
}} else := test(tree, asked)
"""  # noqa: E501  # Rego
_HOLDINGS = """
counting_{n}(who, where, below) := [grant |
	some grant in grants_of(who)
	holds(grant, where)
	is_backed_{n}(grant, where, below)
]

is_backed_{n}(grant, _, _) if not grant.lent
{lent}
broken_{n}(who, where, below) := broken(
	who,
	above(counting_{n}(who, where, below)),
	above(counting_{n}(who, null, below)),
)

usable_{n}(who, where, below) := without(
	counting_{n}(who, where, below),
	kept_apart(broken_{n}(who, where, below)),
)
"""
_LENT = """
is_backed_{n}(grant, where, below) if {{
	grant.lent
	grant.delegator != null
	not grant.delegator in below
	grant.role in lendable_{m}(grant.delegator, where, below | {{grant.delegator}})
}}

lendable_{m}(who, where, below) := above([grant |
	some grant in usable_{m}(who, where, below)
	grant.lendable
])
"""


@cache
def rego_text() -> str:
    """Return the module `portward.authz`."""
    text = resources.files("engine.exports").joinpath("authz.rego").read_text("utf-8")
    levels = ["\nlevel_0(tree, asked) := test(tree, asked)\n"]
    levels += [_LEVEL.format(n=n, m=n - 1) for n in range(1, DEEPEST + 1)]
    holdings = [
        _HOLDINGS.format(n=n, lent=_LENT.format(n=n, m=n - 1) if n else "")
        for n in range(MAX_DELEGATIONS + 1)
    ]
    return (
        text.replace("@DEEPEST@", f"level_{DEEPEST}")
        .replace("@LEVELS@\n", "".join(levels))
        .replace("@HOLDINGS@\n", "".join(holdings) + "\n")
    )
