"""Windows, calendars and locations over REST.

A change names the state it is about (If-Match) and needs an operation token, as the
console asks for a passkey.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import ObjectScopedView, TenantScopedView
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.core.api import asked_for, require_match, with_etag
from apps.scopes import selectors, services
from apps.scopes.api.shapes import (
    CalendarRequestSerializer,
    CalendarSerializer,
    LocationSerializer,
    TransitionsQuery,
    TransitionsSerializer,
    WindowRequestSerializer,
    WindowSerializer,
)
from apps.scopes.errors import (
    CalendarNotFoundError,
    LocationNotFoundError,
    WindowNotFoundError,
)
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation
from engine.calendar import is_open, next_transitions
from protocol.zones import zone_transitions

Row = TypeVar("Row", TimeWindow, HolidayCalendar, Location)
_SCOPES = {
    "GET": Scope.SCOPES_READ,
    "POST": Scope.SCOPES_WRITE,
    "PUT": Scope.SCOPES_WRITE,
    "DELETE": Scope.SCOPES_WRITE,
}
_IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the state that the change is about.",
)


class _Saving(OperationBoundView, ObjectScopedView[Row]):
    """How rows of one kind are written: what is sent, and which services take it."""

    asking: ClassVar[type[Any]]
    missing: ClassVar[type[Exception]]

    def save(self, actor: Actor, spec: Any, row: Row | None) -> Row:  # noqa: ANN401  # each its spec
        """Write a new row, or replace one. Raises what the service raises."""
        raise NotImplementedError  # abstract: each kind says its own

    def drop(self, actor: Actor, row: Row) -> None:
        """Delete a row. Raises what the service raises."""
        raise NotImplementedError  # abstract: each kind says its own

    def asked(self, request: Request) -> Any:  # noqa: ANN401  # each its spec
        """Return what was sent. Raises ValidationError."""
        sent = self.asking(data=request.data)
        sent.is_valid(raise_exception=True)
        return sent.spec()


class _Many(_Saving[Row], ListAPIView[Row]):
    """List, and create."""

    scopes = {name: _SCOPES[name] for name in ("GET", "POST")}
    operations = {"POST": Operation.CHANGE_ACCESS}

    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Add a row, and answer with it and its tag."""
        actor = actor_for(holder_of(request).user)
        self.require_some("add", self.get_queryset().model)
        row = self.save(actor, self.asked(request), None)
        self.require_after("add", row)
        return with_etag(self.get_serializer(row).data, 201)


class _One(_Saving[Row]):
    """Read, replace and delete."""

    scopes = {name: _SCOPES[name] for name in ("GET", "PUT", "DELETE")}
    operations = dict.fromkeys(("PUT", "DELETE"), Operation.CHANGE_ACCESS)

    def read(self, pk: uuid.UUID) -> Response:
        """Answer with a row and its tag."""
        return self._shown(self._row(self._visible(), pk))

    @transaction.atomic
    def replace(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a row if it is still what `If-Match` names."""
        row = self._matching(request, pk, "change")
        actor = actor_for(holder_of(request).user)
        saved = self.save(actor, self.asked(request), row)
        self.require_after("change", saved)
        return self._shown(saved)

    @transaction.atomic
    def remove(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a row if it is still what `If-Match` names."""
        row = self._matching(request, pk, "delete")
        self.drop(actor_for(holder_of(request).user), row)
        return Response(status=204)

    def _matching(self, request: Request, pk: uuid.UUID, action: str) -> Row:
        row = self._row(self._visible().select_for_update(of=("self",)), pk)
        self.require(action, row)
        require_match(request, self.get_serializer(row).data)
        return row

    def _visible(self) -> QuerySet[Row]:
        return self.filter_queryset(self.get_queryset())

    def _row(self, rows: QuerySet[Row], pk: uuid.UUID) -> Row:
        row = rows.filter(pk=pk).first()
        if row is None:
            raise self.missing
        return row

    def _shown(self, row: Row) -> Response:
        return with_etag(self.get_serializer(row).data)


class _Windows(_Saving[TimeWindow]):
    serializer_class = WindowSerializer
    queryset = TimeWindow.objects.order_by("id")
    asking = WindowRequestSerializer
    missing = WindowNotFoundError

    @override
    def save(self, actor: Actor, spec: Any, row: TimeWindow | None) -> TimeWindow:
        return services.save_window(
            actor=actor, spec=spec, window_id=row.pk if row else None
        )

    @override
    def drop(self, actor: Actor, row: TimeWindow) -> None:
        services.delete_window(actor=actor, window_id=row.pk)


class WindowList(_Windows, _Many[TimeWindow]):
    """Time windows of the tenant."""

    @extend_schema(
        operation_id="windows_create",
        request=WindowRequestSerializer,
        responses={201: WindowSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a time window."""
        return self.create(request)


class WindowDetail(_Windows, _One[TimeWindow]):
    """One time window."""

    @extend_schema(operation_id="windows_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one window."""
        return self.read(pk)

    @extend_schema(
        operation_id="windows_update",
        parameters=[_IF_MATCH],
        request=WindowRequestSerializer,
        responses={200: WindowSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a window; live policies keep the one they were approved with."""
        return self.replace(request, pk)

    @extend_schema(
        operation_id="windows_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a window that nothing refers to."""
        return self.remove(request, pk)


class WindowTransitions(TenantScopedView):
    """When a window opens and closes next."""

    scopes = {"GET": Scope.SCOPES_READ}

    @extend_schema(
        operation_id="windows_transitions",
        parameters=[TransitionsQuery],
        responses={200: TransitionsSerializer},
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return the next moments at which it opens or closes, within 400 days."""
        row = selectors.window_by_id(pk)
        asked = asked_for(request, TransitionsQuery)
        after = asked.get("after") or timezone.now()
        zone, record = ZoneInfo(row.zone), selectors.window_record(row)
        offsets = zone_transitions(row.zone, int(after.timestamp()))
        found = next_transitions(record, after, offsets, asked["count"])
        return Response(
            TransitionsSerializer(
                {
                    "zone": row.zone,
                    "after": after,
                    "is_open": is_open(record, after, offsets),
                    "transitions": [
                        {
                            "at": moment,
                            "local": moment.astimezone(zone).isoformat(),
                            "opens": opens,
                        }
                        for moment, opens in found
                    ],
                }
            ).data
        )


class _Calendars(_Saving[HolidayCalendar]):
    serializer_class = CalendarSerializer
    queryset = HolidayCalendar.objects.order_by("id")
    asking = CalendarRequestSerializer
    missing = CalendarNotFoundError

    @override
    def save(
        self, actor: Actor, spec: Any, row: HolidayCalendar | None
    ) -> HolidayCalendar:
        return services.save_calendar(
            actor=actor, spec=spec, calendar_id=row.pk if row else None
        )

    @override
    def drop(self, actor: Actor, row: HolidayCalendar) -> None:
        services.delete_calendar(actor=actor, calendar_id=row.pk)


class CalendarList(_Calendars, _Many[HolidayCalendar]):
    """Calendars of the tenant."""

    @extend_schema(
        operation_id="calendars_create",
        request=CalendarRequestSerializer,
        responses={201: CalendarSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a calendar."""
        return self.create(request)


class CalendarDetail(_Calendars, _One[HolidayCalendar]):
    """One calendar."""

    @extend_schema(operation_id="calendars_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one calendar."""
        return self.read(pk)

    @extend_schema(
        operation_id="calendars_update",
        parameters=[_IF_MATCH],
        request=CalendarRequestSerializer,
        responses={200: CalendarSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a calendar and its days."""
        return self.replace(request, pk)

    @extend_schema(
        operation_id="calendars_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a calendar that no window refers to."""
        return self.remove(request, pk)


class _Locations(_Saving[Location]):
    serializer_class = LocationSerializer
    queryset = Location.objects.order_by("id")
    asking = LocationSerializer
    missing = LocationNotFoundError

    @override
    def save(self, actor: Actor, spec: Any, row: Location | None) -> Location:
        return services.save_location(
            actor=actor, spec=spec, location_id=row.pk if row else None
        )

    @override
    def drop(self, actor: Actor, row: Location) -> None:
        services.delete_location(actor=actor, location_id=row.pk)


class LocationList(_Locations, _Many[Location]):
    """Locations of the tenant."""

    @extend_schema(
        operation_id="locations_create",
        request=LocationSerializer,
        responses={201: LocationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a location."""
        return self.create(request)


class LocationDetail(_Locations, _One[Location]):
    """One location."""

    @extend_schema(operation_id="locations_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one location."""
        return self.read(pk)

    @extend_schema(
        operation_id="locations_update",
        parameters=[_IF_MATCH],
        request=LocationSerializer,
        responses={200: LocationSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a location; live policies keep the one they were approved with."""
        return self.replace(request, pk)

    @extend_schema(
        operation_id="locations_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a location that nothing refers to."""
        return self.remove(request, pk)
