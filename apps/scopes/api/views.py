"""Windows, calendars and locations over REST.

A change names the state it is about (If-Match) and needs an operation token, as the
console asks for a passkey.
"""

from __future__ import annotations

import uuid
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.audit.events import Actor
from apps.core.api import asked_for, require_match, with_etag
from apps.core.errors import ForbiddenError
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
from apps.signin.permissions import OperationBoundView
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


class _Many(OperationBoundView, ListAPIView[Row], Generic[Row]):
    """List, and create."""

    scopes = {name: _SCOPES[name] for name in ("GET", "POST")}
    operations = {"POST": Operation.CHANGE_ACCESS}


class _One(OperationBoundView, GenericAPIView[Row], Generic[Row]):
    """Read, replace and delete."""

    scopes = {name: _SCOPES[name] for name in ("GET", "PUT", "DELETE")}
    operations = dict.fromkeys(("PUT", "DELETE"), Operation.CHANGE_ACCESS)
    missing: type[Exception]

    def row(self, pk: uuid.UUID) -> Row:
        """Return the row or raise what says that there is none."""
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise self.missing
        return found

    def matching(self, request: Request, pk: uuid.UUID) -> Row:
        """Return the row, locked, if it is in the state that the change is about."""
        found = self.get_queryset().select_for_update().filter(pk=pk).first()
        if found is None:
            raise self.missing
        require_match(request, self.get_serializer(found).data)
        return found

    def shown(self, row: Row) -> Response:
        """Answer with a row and its tag."""
        return with_etag(self.get_serializer(row).data)


class WindowList(_Many[TimeWindow]):
    """Time windows of the tenant."""

    serializer_class = WindowSerializer
    queryset = TimeWindow.objects.order_by("id")

    @extend_schema(
        operation_id="windows_create",
        request=WindowRequestSerializer,
        responses={201: WindowSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a time window."""
        row = services.save_window(
            actor=_actor(request), spec=_asked(WindowRequestSerializer, request)
        )
        return with_etag(self.get_serializer(row).data, 201)


class WindowDetail(_One[TimeWindow]):
    """One time window."""

    serializer_class = WindowSerializer
    queryset = TimeWindow.objects.all()
    missing = WindowNotFoundError

    @extend_schema(operation_id="windows_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one window."""
        return self.shown(self.row(pk))

    @extend_schema(
        operation_id="windows_update",
        parameters=[_IF_MATCH],
        request=WindowRequestSerializer,
        responses={200: WindowSerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a window; live policies keep the one they were approved with."""
        row = self.matching(request, pk)
        spec = _asked(WindowRequestSerializer, request)
        return self.shown(
            services.save_window(actor=_actor(request), spec=spec, window_id=row.pk)
        )

    @extend_schema(
        operation_id="windows_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a window that nothing refers to."""
        row = self.matching(request, pk)
        services.delete_window(actor=_actor(request), window_id=row.pk)
        return Response(status=204)


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


class CalendarList(_Many[HolidayCalendar]):
    """Calendars of the tenant."""

    serializer_class = CalendarSerializer
    queryset = HolidayCalendar.objects.order_by("id")

    @extend_schema(
        operation_id="calendars_create",
        request=CalendarRequestSerializer,
        responses={201: CalendarSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a calendar."""
        row = services.save_calendar(
            actor=_actor(request), spec=_asked(CalendarRequestSerializer, request)
        )
        return with_etag(self.get_serializer(row).data, 201)


class CalendarDetail(_One[HolidayCalendar]):
    """One calendar."""

    serializer_class = CalendarSerializer
    queryset = HolidayCalendar.objects.all()
    missing = CalendarNotFoundError

    @extend_schema(operation_id="calendars_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one calendar."""
        return self.shown(self.row(pk))

    @extend_schema(
        operation_id="calendars_update",
        parameters=[_IF_MATCH],
        request=CalendarRequestSerializer,
        responses={200: CalendarSerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a calendar and its days."""
        row = self.matching(request, pk)
        spec = _asked(CalendarRequestSerializer, request)
        return self.shown(
            services.save_calendar(actor=_actor(request), spec=spec, calendar_id=row.pk)
        )

    @extend_schema(
        operation_id="calendars_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a calendar that no window refers to."""
        row = self.matching(request, pk)
        services.delete_calendar(actor=_actor(request), calendar_id=row.pk)
        return Response(status=204)


class LocationList(_Many[Location]):
    """Locations of the tenant."""

    serializer_class = LocationSerializer
    queryset = Location.objects.order_by("id")

    @extend_schema(
        operation_id="locations_create",
        request=LocationSerializer,
        responses={201: LocationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a location."""
        row = services.save_location(
            actor=_actor(request), spec=_asked(LocationSerializer, request)
        )
        return with_etag(self.get_serializer(row).data, 201)


class LocationDetail(_One[Location]):
    """One location."""

    serializer_class = LocationSerializer
    queryset = Location.objects.all()
    missing = LocationNotFoundError

    @extend_schema(operation_id="locations_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one location."""
        return self.shown(self.row(pk))

    @extend_schema(
        operation_id="locations_update",
        parameters=[_IF_MATCH],
        request=LocationSerializer,
        responses={200: LocationSerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace a location; live policies keep the one they were approved with."""
        row = self.matching(request, pk)
        spec = _asked(LocationSerializer, request)
        return self.shown(
            services.save_location(actor=_actor(request), spec=spec, location_id=row.pk)
        )

    @extend_schema(
        operation_id="locations_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a location that nothing refers to."""
        row = self.matching(request, pk)
        services.delete_location(actor=_actor(request), location_id=row.pk)
        return Response(status=204)


def _asked(kind: type[Any], request: Request) -> Any:  # noqa: ANN401  # each its spec
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.spec()


def _actor(request: Request) -> Actor:
    """Return the person whose token it is; an operation token needs one anyway."""
    if not isinstance(request.auth, PersonHolder):
        raise ForbiddenError("Only a person may change this.")
    return actor_for(request.auth.user)
