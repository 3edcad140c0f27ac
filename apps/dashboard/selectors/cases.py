"""A simulated question as a test: all that the answer depends on, and one policy."""

from __future__ import annotations

import datetime as dt

from apps.policies.rules import TestCase
from apps.policies.rules.testcases import Given
from apps.simulation.selectors import World
from engine.cedar import GROUP_TYPE
from engine.decide import PolicyEngine, Request
from protocol.records import ALLOW, DENY, PolicyRecord, Record, SeparationRecord

NODE_GROUPS = "node_groups"


def policies_about(world: World, request: Request) -> list[str]:
    """Return the policies that a question came to, or came near to."""
    explanation = world.explainer.explain(request)
    steps = (
        *explanation.permits,
        *explanation.forbids,
        *explanation.failed,
        *explanation.near,
    )
    return list(dict.fromkeys(step.policy.slug for step in steps))


def case_of(world: World, request: Request, slug: str, name: str) -> TestCase:
    """Return the test that expects of one policy what it says by itself now."""
    engine = PolicyEngine.from_records(
        [record for record in world.records if _counts(record, slug)], world.zones
    )
    decision = engine.decide(request)
    entities = world.engine.entities
    placed = world.engine.place(request)
    context = dict(request.context)
    if request.node_groups is not None:
        context[NODE_GROUPS] = list(request.node_groups)
    return TestCase(
        name=name,
        given=Given(
            principal=request.principal.to_dict(),
            resource=request.resource.to_dict(),
            roles=tuple(role.id for role in placed.roles),
            groups=tuple(
                sorted(one.id for one in placed.places if one.type == GROUP_TYPE)
            ),
            principal_attributes=dict(
                entities.attributes(request.principal, request.principal_attributes)
            ),
            resource_attributes=dict(
                entities.attributes(request.resource, request.resource_attributes)
            ),
            context=context,
        ),
        action=request.action,
        at=f"{request.now.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        expect=ALLOW if decision.allowed else DENY,
        reason=decision.reason,
    )


def _counts(record: Record, slug: str) -> bool:
    """Say whether a record has a part in what one policy says by itself."""
    if isinstance(record, SeparationRecord):
        return False
    return not isinstance(record, PolicyRecord) or record.slug == slug
