"""The private Redis: a real one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import redis

from jobs.supervision import private_redis
from jobs.supervision.errors import CannotStart
from tests.supervision.running import await_true, run_apart

pytestmark = pytest.mark.redis


def start(folder: Path) -> subprocess.Popen[bytes]:
    socket = folder / "redis.sock"
    process = subprocess.Popen(private_redis.arguments(socket, folder), stdout=subprocess.DEVNULL)
    await_true(lambda: run_apart(private_redis.answers(socket)()), "Redis answers")
    return process


def test_it_answers_on_its_socket_alone_keeps_a_file_and_never_forgets_for_lack_of_memory(short_folder: Path) -> None:
    process = start(short_folder)
    client = redis.Redis(unix_socket_path=str(short_folder / "redis.sock"), decode_responses=True)
    expected = {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "unixsocketperm": "700",
        "save": "",
    }
    assert client.config_get(*expected) == expected
    process.terminate()
    assert process.wait(20) == 0


def test_what_it_was_told_survives_its_end(short_folder: Path) -> None:
    process = start(short_folder)
    redis.Redis(unix_socket_path=str(short_folder / "redis.sock")).set("key", "value")
    process.terminate()
    process.wait(20)
    process = start(short_folder)
    assert redis.Redis(unix_socket_path=str(short_folder / "redis.sock")).get("key") == b"value"
    process.kill()
    process.wait(20)


def test_nobody_at_the_socket_is_no_answer(tmp_path: Path) -> None:
    assert run_apart(private_redis.answers(tmp_path / "none.sock")()) is False


def test_a_short_place_is_made_for_us_alone(short_folder: Path) -> None:
    place = short_folder / "place"
    private_redis.make_places(place / "redis.sock", short_folder / "data", os.getuid())
    assert place.stat().st_mode & 0o777 == 0o700
    private_redis.make_places(place / "redis.sock", short_folder / "data", os.getuid())


def test_a_short_place_that_others_may_enter_is_refused(short_folder: Path) -> None:
    place = short_folder / "place"
    place.mkdir()
    place.chmod(0o755)
    with pytest.raises(CannotStart, match="not a private folder of yours"):
        private_redis.make_places(place / "redis.sock", short_folder / "data", os.getuid())


def test_a_short_place_of_somebody_else_or_a_link_is_refused(short_folder: Path) -> None:
    (short_folder / "real").mkdir(mode=0o700)
    (short_folder / "link").symlink_to(short_folder / "real")
    for place, user in ((short_folder / "real", os.getuid() + 1), (short_folder / "link", os.getuid())):
        with pytest.raises(CannotStart):
            private_redis.make_places(place / "redis.sock", short_folder / "data", user)
