"""Places that every process works out by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from jobs.supervision import places

LONG = Path("/srv") / ("x" * 90)


def test_the_socket_is_in_the_data_directory() -> None:
    assert places.redis_socket(Path("/srv/site/var")) == Path("/srv/site/var/redis/redis.sock")


def test_a_path_too_long_for_a_socket_falls_back_to_a_short_one_of_its_own() -> None:
    one, other = places.redis_socket(LONG, user_id=1000), places.redis_socket(LONG / "y", user_id=1000)
    assert len(str(one)) < places.LONGEST_SOCKET_BYTES
    assert one == places.redis_socket(LONG, user_id=1000)
    assert one != other
    assert one != places.redis_socket(LONG, user_id=1001)


def test_the_length_is_counted_in_bytes() -> None:
    assert places.redis_socket(Path("/srv") / ("é" * 45)).parts[1] == "tmp"


@pytest.mark.parametrize("folder", ["/srv/a b/var", "/srv/100%/var", "/srv/ö?#/var"])
def test_the_address_is_read_by_the_client_as_the_same_path(folder: str) -> None:
    client = redis.Redis.from_url(places.redis_url(Path(folder)))
    assert client.connection_pool.connection_kwargs["path"] == f"{folder}/redis/redis.sock"


def test_the_cpu_backend_s_port_is_steady_and_below_those_of_outgoing_connections() -> None:
    ports = {places.cpu_backend_port(Path(f"/srv/{number}")) for number in range(50)}
    assert len(ports) > 45
    assert all(20_000 <= port < 30_000 for port in ports)
    assert places.cpu_backend_port(Path("/srv/1")) == places.cpu_backend_port(Path("/srv/1"))
