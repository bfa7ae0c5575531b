"""What is checked before anything starts, and the sentences it is said in."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.supervision import preflight
from jobs.supervision.errors import CannotStart


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_kept_and_0_becomes_a_free_one() -> None:
    port = preflight.free_port("127.0.0.1", 0)
    assert 0 < port <= 65_535
    assert preflight.free_port("127.0.0.1", port) == port


def test_a_taken_port_is_refused_with_another_to_choose(taken_port: int) -> None:
    with pytest.raises(CannotStart, match=rf"^Port {taken_port} on 127\.0\.0\.1 is taken .*--port {taken_port + 1}\.$"):
        preflight.free_port("127.0.0.1", taken_port)


def test_a_port_held_by_a_server_that_would_share_it_is_taken_all_the_same() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(CannotStart, match="is taken"):
            preflight.free_port("127.0.0.1", server.getsockname()[1])


def test_a_port_held_on_every_address_is_taken_on_one() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, pytest.raises(CannotStart, match="is taken"):  # noqa: S104 - what is tested
        preflight.free_port("127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(CannotStart, match="is not a port"):
        preflight.free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.1"):
        preflight.free_port("192.0.2.1", 0)


def test_a_port_of_the_system_is_named_as_such() -> None:
    sentence = preflight.port_problem("127.0.0.1", 80, OSError(errno.EACCES, "Permission denied"))
    assert sentence == "Port 80 is for the system's own services: choose one above 1023, such as --port 8000."


def test_the_next_free_port_is_taken_where_the_first_is_not(taken_port: int) -> None:
    assert preflight.first_free_port("127.0.0.1", taken_port) > taken_port


def test_the_data_directory_is_made_with_what_belongs_in_it(tmp_path: Path) -> None:
    preflight.make_data_dir(tmp_path / "a" / "b")
    assert sorted(entry.name for entry in (tmp_path / "a" / "b").iterdir()) == ["files", "logs", "redis", "uploads"]


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CannotStart, match=r"cannot be written \(Not a directory\).*OCRSITE_DATA_DIR"):
        preflight.make_data_dir(file / "var")


def test_a_second_site_on_the_same_data_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    holder = "import sys; from pathlib import Path; from jobs.supervision.preflight import only_one\n"
    holder += f"with only_one(Path({str(tmp_path)!r})): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(CannotStart, match=rf"running on .* already \(process {process.pid}\)"):
            preflight.only_one(tmp_path).__enter__()
        process.kill()
    with preflight.only_one(tmp_path):
        assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"


def test_left_over_uploads_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    preflight.make_data_dir(tmp_path)
    (tmp_path / "uploads" / "tmp1.upload").touch()
    (tmp_path / "uploads" / "kept").touch()
    preflight.clear_uploads(tmp_path)
    assert [file.name for file in (tmp_path / "uploads").iterdir()] == ["kept"]
