"""A world map for locations: outlines drawn by hand, and dots for countries.

Plate carrée: a degree is two units wide and high. The dots are the places by which the
tz database names its zones (zone.tab, public domain), so every country with a zone of
its own has one. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import functools
import importlib.resources
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.places import EARTH_RADIUS
from protocol.records import Fence

TOP, BOTTOM = 84, -58
SCALE = 2
WIDTH, HEIGHT = 360 * SCALE, (TOP - BOTTOM) * SCALE
_STEPS = 96
_MICRO = 10**6
_COORDINATE = re.compile(r"^([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?$")

# Longitude and latitude of corners; coarse on purpose. A blank line ends a coast.
_OUTLINES = """
-168,66 -156,71 -141,70 -128,70 -115,68 -95,68 -94,72 -85,70 -82,67 -87,64 -94,60
-92,57 -85,55 -82,52 -79,51 -79,55 -77,58 -78,62 -73,62 -69,59 -65,60 -61,56 -56,52
-60,50 -66,50 -70,47 -65,48 -61,46 -66,44 -70,43 -70,41 -74,40 -76,37 -76,35 -81,31
-80,26 -82,28 -84,30 -90,29 -94,29 -97,27 -98,22 -95,18 -91,18 -90,21 -87,21 -88,16
-83,15 -83,10 -80,9 -77,8 -83,8 -86,11 -91,14 -95,16 -102,18 -106,21 -109,26 -113,31
-115,31 -110,23 -112,26 -115,29 -117,32 -121,35 -124,40 -124,47 -123,49 -128,51
-131,55 -136,58 -144,60 -151,60 -158,56 -164,54 -158,58 -162,59 -165,61 -161,64

-73,78 -60,82 -33,83 -20,80 -20,74 -24,70 -33,68 -40,65 -43,60 -48,61 -53,66 -54,70
-58,75 -68,76

-62,66 -66,62 -73,65 -78,70 -88,73 -80,74 -72,71

-90,77 -78,76 -62,82 -75,83 -90,81

-117,73 -102,73 -103,69 -115,69

-24,65 -18,63 -14,65 -16,66 -22,66

-85,22 -78,22 -74,20 -78,20 -82,22

-74,20 -69,19 -70,18 -74,18

-77,8 -72,12 -62,11 -57,6 -51,4 -50,0 -44,-2 -39,-3 -35,-6 -35,-9 -39,-14 -40,-20
-42,-23 -48,-26 -49,-29 -53,-33 -58,-34 -57,-38 -62,-39 -65,-43 -67,-46 -69,-51
-68,-55 -72,-54 -75,-50 -73,-42 -73,-37 -71,-30 -70,-20 -76,-14 -81,-6 -80,-3 -78,1

-6,36 3,37 10,37 11,34 20,31 25,32 32,31 35,28 37,21 39,16 43,12 51,12 48,5 41,-2
39,-7 41,-15 35,-20 35,-24 33,-27 28,-33 20,-35 18,-33 15,-27 12,-18 14,-10 9,-1 9,4
4,6 -2,5 -8,4 -13,8 -17,13 -17,21 -13,27 -9,31

49,-12 50,-16 47,-25 44,-24 44,-17

-9,37 -9,43 -2,43 -1,46 -5,48 2,51 5,53 8,54 8,57 11,57 10,54 14,54 19,54 21,57
24,59 30,60 23,60 21,63 25,65 22,66 17,61 17,57 13,55 11,59 6,58 5,62 14,68 25,71
31,70 41,67 37,64 44,66 46,68 55,68 60,69 68,69 67,73 73,71 80,73 95,76 104,78
113,74 130,71 140,73 160,70 170,70 180,69 180,65 177,63 171,60 163,60 163,56 157,51
156,57 155,59 143,59 135,55 141,53 140,48 135,43 130,42 127,39 129,36 126,34 126,38
121,39 119,37 122,31 121,28 117,23 110,21 106,20 109,12 105,9 100,13 103,2 98,9
98,16 94,16 91,22 87,21 80,15 80,10 77,8 74,15 72,21 67,25 57,26 50,30 48,30 50,26
52,24 56,26 60,22 55,17 45,13 43,13 39,21 35,28 35,32 36,36 30,37 27,37 27,40 33,42
41,41 37,45 33,46 28,44 28,41 24,41 23,37 20,40 14,45 12,44 18,40 16,38 12,42 9,44
3,43 0,40 -2,37 -6,36

-5,50 1,51 0,53 -2,56 -3,59 -6,57 -3,54 -5,52

-10,52 -6,52 -6,55 -10,54

11,79 20,80 25,80 16,77

52,71 56,71 68,77 58,75

130,33 131,31 136,34 140,35 142,40 145,43 142,45 140,42 140,38 136,36

142,46 144,50 143,54 142,50

120,23 122,25 121,22

80,9 82,7 80,6

120,18 122,18 124,12 126,7 122,7 121,13

109,1 115,5 117,7 119,5 117,0 115,-4 110,-3

95,5 104,-2 106,-6 102,-4 97,1

105,-7 114,-7 114,-8 106,-8

119,-5 120,1 125,1 121,-1 123,-5

131,-1 141,-3 148,-6 151,-10 143,-9 138,-8 133,-4

114,-22 122,-18 129,-15 136,-12 136,-15 140,-17 142,-11 146,-19 153,-27 150,-37
141,-38 138,-35 132,-32 124,-33 115,-34

145,-41 148,-41 147,-43

173,-35 178,-38 175,-41 173,-38

173,-41 174,-42 170,-46 167,-46
"""


@dataclass(frozen=True)
class Dot:
    """A place of a country on the map."""

    x: float
    y: float
    country: str


@dataclass(frozen=True)
class WorldMap:
    """What the picture of a location draws."""

    outlines: tuple[str, ...]
    dots: tuple[Dot, ...]
    marked: tuple[Dot, ...]
    circle: str = ""
    center: tuple[float, float] | None = None


def world_map(countries: Iterable[str], fence: Fence | None) -> WorldMap:
    """Return the map with these countries marked, and a circle."""
    wanted = set(countries)
    dots = _dots()
    center = None
    if fence is not None:
        center = _point(fence.longitude / _MICRO, fence.latitude / _MICRO)
    return WorldMap(
        tuple(_path(outline) for outline in _OUTLINES.split("\n\n")),
        tuple(dot for dot in dots if dot.country not in wanted),
        tuple(dot for dot in dots if dot.country in wanted),
        _circle(fence) if fence is not None else "",
        center,
    )


@functools.cache
def country_names() -> Mapping[str, str]:
    """Return the names of countries by their code (iso3166.tab, public domain)."""
    lines = (line.split("\t") for line in _table("iso3166.tab"))
    return {line[0]: line[1] for line in lines}


@functools.cache
def _dots() -> tuple[Dot, ...]:
    found = []
    for line in _table("zone.tab"):
        country, coordinates = line.split("\t")[:2]
        parts = _COORDINATE.match(coordinates)
        if parts:
            latitude = _angle(parts[1], parts[2], parts[3])
            longitude = _angle(parts[5], parts[6], parts[7])
            x, y = _point(longitude, latitude)
            if y <= HEIGHT:
                found.append(Dot(x, y, country))
    return tuple(found)


def _table(name: str) -> list[str]:
    text = importlib.resources.files("tzdata").joinpath("zoneinfo", name)
    lines = text.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _angle(sign: str, degrees: str, minutes: str) -> float:
    angle = int(degrees) + int(minutes) / 60
    return -angle if sign == "-" else angle


def _point(longitude: float, latitude: float) -> tuple[float, float]:
    return round((longitude + 180) * SCALE, 1), round((TOP - latitude) * SCALE, 1)


def _path(outline: str) -> str:
    points = (tuple(map(float, pair.split(","))) for pair in outline.split())
    return _line(_point(longitude, latitude) for longitude, latitude in points)


def _line(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points) + "Z"


def _circle(fence: Fence) -> str:
    """Return the path of a circle on the globe, to be filled by the even-odd rule."""
    angle = fence.radius / EARTH_RADIUS
    latitude = math.radians(fence.latitude / _MICRO)
    over_north = latitude + angle > math.pi / 2
    over_south = latitude - angle < -math.pi / 2
    rim = _rim(fence, angle)
    if over_north and over_south:
        # All but a circle around the far side.
        return f"M0,0H{WIDTH}V{HEIGHT}H0Z" + _copies(rim)
    if over_north or over_south:
        return _cap(rim, 90.0 if over_north else -90.0)
    return _copies(rim)


def _rim(fence: Fence, angle: float) -> list[tuple[float, float]]:
    """Return longitude and latitude around the circle, without jumps."""
    lat1, lon1 = (math.radians(v / _MICRO) for v in (fence.latitude, fence.longitude))
    rim: list[tuple[float, float]] = []
    for step in range(_STEPS):
        bearing = 2 * math.pi * step / _STEPS
        sine = math.sin(lat1) * math.cos(angle)
        sine += math.cos(lat1) * math.sin(angle) * math.cos(bearing)
        lat2 = math.asin(max(-1.0, min(1.0, sine)))
        lon2 = lon1 + math.atan2(
            math.sin(bearing) * math.sin(angle) * math.cos(lat1),
            math.cos(angle) - math.sin(lat1) * math.sin(lat2),
        )
        longitude = math.degrees(lon2)
        if rim:
            longitude += 360 * round((rim[-1][0] - longitude) / 360)
        rim.append((longitude, math.degrees(lat2)))
    return rim


def _copies(rim: list[tuple[float, float]]) -> str:
    """Draw a rim once more beyond the date line that it crosses."""
    path = ""
    for turn in (-360, 0, 360):
        moved = [(longitude + turn, latitude) for longitude, latitude in rim]
        if any(-180 <= longitude <= 180 for longitude, _ in moved):  # noqa: PLR2004  # the date line
            path += _line(_point(*point) for point in moved)
    return path


def _cap(rim: list[tuple[float, float]], pole: float) -> str:
    """Draw a circle that holds a pole: everything on that side of its rim."""
    turned = sorted(((lon + 180) % 360 - 180, lat) for lon, lat in rim)
    west, east = turned[0], turned[-1]
    edge = (west[1] + east[1]) / 2
    around = [(-180.0, pole), (-180.0, edge), *turned, (180.0, edge), (180.0, pole)]
    return _line(_point(*point) for point in around)
