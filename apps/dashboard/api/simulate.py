"""What would be decided, over REST: by what is live, a draft, a version, a change."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.dashboard import selectors
from apps.dashboard.api.access import (
    Asking,
    ExplanationSerializer,
    explained,
)
from apps.dashboard.forms import Simulated, SimulateForm, simulated
from apps.simulation.rules import Strip, strip


class SimulateSerializer(serializers.Serializer[Any]):
    """A question as the simulator's page asks it. What is left out is unknown."""

    principal = serializers.CharField(help_text="Type and key, as in User::alice.")
    action = serializers.CharField()
    resource = serializers.CharField(help_text="Type and key, as in Node::web-1.")
    against = serializers.CharField(
        required=False,
        help_text=(
            "live, draft:<policy>, version:<policy>@<number>, change:<id of a set> "
            "or evidence:<id>."
        ),
    )
    at = serializers.CharField(required=False)
    span = serializers.ChoiceField(choices=["24", "168"], required=False)
    mfa = serializers.IntegerField(required=False)
    risk = serializers.IntegerField(required=False)
    device = serializers.ChoiceField(choices=["true", "false"], required=False)
    ip = serializers.CharField(required=False)
    country = serializers.CharField(required=False)
    city = serializers.CharField(required=False)
    position = serializers.CharField(required=False)
    node_groups = serializers.CharField(required=False)
    ticket = serializers.CharField(required=False)
    method = serializers.CharField(required=False)
    path = serializers.CharField(required=False)


class StretchSerializer(serializers.Serializer[Any]):
    """A time in which the answer is the same; its end is not part of it."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    decision = serializers.BooleanField()
    reason = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())


class SideSerializer(ExplanationSerializer):
    """A verdict, the way to it, and when it is which."""

    against = serializers.CharField()
    strip = StretchSerializer(many=True)


class Simulate(Asking):
    """What would be decided, with the agent's own evaluator. It changes nothing."""

    scopes = {"POST": Scope.ACCESS_EXPLAIN}

    @extend_schema(
        operation_id="simulate",
        request=SimulateSerializer,
        responses=inline_serializer(
            "Simulation", {"asked": SideSerializer(), "live": SideSerializer()}
        ),
    )
    def post(self, request: Request) -> Response:
        """Decide, explain, and say when; beside what is live."""
        data = request.data
        if not isinstance(data, dict):
            raise exceptions.ValidationError("A JSON object is expected.")
        form = SimulateForm({name: _text(value) for name, value in data.items()})
        unknown = sorted(set(map(str, data)) - set(form.fields))
        if unknown:
            raise exceptions.ValidationError({unknown[0]: ["There is no such field."]})
        asked = _side(form, None)
        live = asked
        if form.subject != selectors.LIVE:
            live = _side(form, selectors.LIVE)
        return Response({"asked": asked, "live": live})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _side(form: SimulateForm, against: str | None) -> dict[str, Any]:
    found = None
    if form.is_valid():
        found = simulated(form, against or form.subject)
    if found is None:
        raise exceptions.ValidationError(
            {name: list(map(str, words)) for name, words in form.errors.items()}
        )
    return {
        "against": against or form.subject,
        **explained(found.world.explainer.explain(found.request), found),
        "strip": _strip(form, found),
    }


def _strip(form: SimulateForm, found: Simulated) -> list[dict[str, Any]]:
    start = found.request.now
    world = found.world
    row: Strip = strip(
        world.engine,
        found.request,
        start=start,
        end=start + form.length,
    )
    return [
        {
            "start": one.start,
            "end": one.end,
            "decision": one.allowed,
            "reason": one.decision.reason,
            "policies": list(one.decision.determining),
        }
        for one in row.stretches
    ]
