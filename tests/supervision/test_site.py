"""What makes up a site."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from jobs.supervision.site import Site, stages

SITE = Site(
    project=Path("/srv/ocrsite"),
    data_dir=Path("/srv/data"),
    host="127.0.0.1",
    port=8000,
    redis_url="unix:///srv/data/redis/redis.sock",
    redis_socket=Path("/srv/data/redis/redis.sock"),
    cpu_backend_port=20_001,
    readiness_headers={"Host": "localhost"},
)


def names(site: Site) -> list[list[str]]:
    return [[command.name for command in stage] for stage in stages(site)]


def test_redis_comes_first_and_so_stops_last() -> None:
    assert names(SITE) == [["redis"], ["web", "worker", "clock", "cpu-backend"]]


def test_a_redis_of_somebody_else_and_no_cpu_backend_leave_the_rest() -> None:
    other = dataclasses.replace(SITE, redis_socket=None, cpu_backend_port=None)
    assert names(other) == [[], ["web", "worker", "clock"]]


def test_every_part_is_told_where_redis_and_the_data_are() -> None:
    for command in stages(SITE)[1]:
        assert command.environment["REDIS_URL"] == SITE.redis_url
        assert command.environment["OCRSITE_DATA_DIR"] == "/srv/data"


def test_no_part_counts_as_ready_by_merely_running() -> None:
    assert all(command.ready_line or command.is_ready for stage in stages(SITE) for command in stage)


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "http://127.0.0.1:8000/"), ("::1", "http://[::1]:8000/")])
def test_the_address_is_one_a_browser_takes(host: str, address: str) -> None:
    assert dataclasses.replace(SITE, host=host).address == address
