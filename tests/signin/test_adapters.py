"""Where addresses are, as far as a file can tell."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # comes with mmdb-writer
from pytest_django import Settings

from apps.signin.adapters import Place, locate

BERLIN = {
    "country": {"iso_code": "DE"},
    "city": {"names": {"de": "Berlin", "en": "Berlin"}},
    "location": {"latitude": 52.52, "longitude": 13.405},
}
SOMEWHERE = "203.0.113.7"

Write = Callable[..., Path]


@pytest.fixture
def path(tmp_path: Path, settings: Settings) -> Path:
    """Return the path of the configured database, which is not there yet."""
    found = tmp_path / "places.mmdb"
    settings.PORTWARD_GEOIP_DATABASE = str(found)
    return found


@pytest.fixture
def write(path: Path) -> Write:
    """Return a function that replaces the database, as its suppliers' tools do."""

    def replace(
        records: Mapping[str, Mapping[str, Any]], *, ip_version: int = 6
    ) -> Path:
        writer = MMDBWriter(
            ip_version=ip_version, ipv4_compatible=ip_version == 6, languages=["en"]
        )
        for network, record in records.items():
            writer.insert_network(IPSet([network]), dict(record))
        fresh = path.with_suffix(".new")
        writer.to_db_file(str(fresh))
        fresh.replace(path)
        return path

    return replace


def problems() -> list[str]:
    messages = run_checks(include_deployment_checks=True, databases=[])
    return [str(one.id) for one in messages if str(one.id).startswith("signin.")]


def test_a_place_has_country_city_and_position(write: Write) -> None:
    write({"203.0.113.0/24": BERLIN})

    assert locate(SOMEWHERE) == Place("DE", "Berlin", 52.52, 13.405)
    assert locate(f"::ffff:{SOMEWHERE}") == Place("DE", "Berlin", 52.52, 13.405)
    assert problems() == []


def test_a_place_of_an_ipv6_address(write: Write) -> None:
    write({"2001:db8::/32": BERLIN})

    assert locate("2001:db8::7") == Place("DE", "Berlin", 52.52, 13.405)


def test_an_address_that_is_not_listed_is_nowhere(write: Write) -> None:
    write({"198.51.100.0/24": BERLIN})

    assert locate(SOMEWHERE) is None


def test_without_a_database_every_address_is_nowhere(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PORTWARD_GEOIP_DATABASE = ""

    assert locate(SOMEWHERE) is None
    assert caplog.records == []
    assert problems() == []


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "127.0.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd00::1", "fe80::1"],
)
def test_a_private_address_is_nowhere_whatever_the_file_says(
    write: Write, address: str
) -> None:
    write({f"{address}/{128 if ':' in address else 32}": BERLIN})

    assert locate(address) is None


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0", "203.0.113.7:80"])
def test_what_is_not_an_address_is_nowhere(write: Write, address: str) -> None:
    write({"203.0.113.0/24": BERLIN})

    assert locate(address) is None


def test_a_database_of_ipv4_knows_no_ipv6_and_stays_open(write: Write) -> None:
    write({"203.0.113.0/24": BERLIN}, ip_version=4)

    assert locate("2001:db8::7") is None
    assert locate(SOMEWHERE) is not None


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"country": {"iso_code": "de"}}, Place("DE", "", None, None)),
        ({"country": {"iso_code": "Germany"}}, None),
        ({"country": "DE"}, None),
        ({"city": {"names": {"en": "Berlin"}}}, None),
        (
            {"country": {"iso_code": "DE"}, "location": {"latitude": 52.5}},
            Place("DE", "", None, None),
        ),
        (
            {
                "country": {"iso_code": "DE"},
                "location": {"latitude": 91.0, "longitude": 0.0},
            },
            Place("DE", "", None, None),
        ),
        (
            {"location": {"latitude": 0.0, "longitude": 0.0}},
            Place("", "", 0.0, 0.0),
        ),
    ],
)
def test_a_record_counts_as_far_as_it_makes_sense(
    write: Write, record: Mapping[str, Any], place: Place | None
) -> None:
    write({"203.0.113.0/24": record})

    assert locate(SOMEWHERE) == place


def test_a_replaced_database_is_read_at_the_next_question(write: Write) -> None:
    write({"203.0.113.0/24": BERLIN})
    assert locate(SOMEWHERE) is not None

    write({"203.0.113.0/24": BERLIN | {"country": {"iso_code": "FR"}}})

    found = locate(SOMEWHERE)
    assert found is not None
    assert found.country == "FR"


def test_a_database_is_opened_once(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write({"203.0.113.0/24": BERLIN})
    assert locate(SOMEWHERE) is not None

    monkeypatch.setattr("maxminddb.open_database", None)

    assert locate(SOMEWHERE) is not None
    assert path.exists()


def test_a_missing_file_is_nowhere_one_warning_and_a_finding(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not path.exists()

    with caplog.at_level(logging.WARNING):
        assert locate(SOMEWHERE) is None
        assert locate(SOMEWHERE) is None

    assert len(caplog.records) == 1
    assert problems() == ["signin.W001"]


def test_a_file_that_is_no_database_is_nowhere_one_warning_and_a_finding(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"no database")

    with caplog.at_level(logging.WARNING):
        assert locate(SOMEWHERE) is None
        assert locate(SOMEWHERE) is None

    assert len(caplog.records) == 1
    assert problems() == ["signin.W001"]


def test_a_file_that_comes_back_is_read_again(path: Path, write: Write) -> None:
    path.write_bytes(b"no database")
    assert locate(SOMEWHERE) is None

    write({"203.0.113.0/24": BERLIN})

    assert locate(SOMEWHERE) is not None


def test_damage_inside_a_file_is_nowhere_with_one_warning(
    write: Write, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write({"203.0.113.0/24": BERLIN}).read_bytes()
    # The data between the tree and the metadata, which stay readable.
    start = whole.index(b"country") - 4
    damaged = whole[:start] + b"\xff" * 40 + whole[start + 40 :]
    path.write_bytes(damaged)
    os.utime(path, ns=(1, 1))

    with caplog.at_level(logging.WARNING):
        assert locate(SOMEWHERE) is None
        assert locate(SOMEWHERE) is None

    assert len(caplog.records) == 1
