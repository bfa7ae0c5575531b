from __future__ import annotations

import errno
import hashlib
import io
import tempfile
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation

from jobs import errors
from jobs.gateways import storage

KEY = "documents/0199/original"


@pytest.fixture(params=["disk", "elsewhere"])
def anywhere(request: pytest.FixtureRequest, settings) -> str:
    """Both kinds of storage: one with paths, and one without."""
    if request.param == "elsewhere":
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = settings.STORAGES | {"documents": memory}
    return str(request.param)


class Broken(io.BytesIO):
    """Gives a piece, then fails as the operating system would."""

    def __init__(self, number: int) -> None:
        super().__init__(b"x" * 10)
        self.number = number

    def read(self, size: int | None = -1) -> bytes:
        if piece := super().read(size):
            return piece
        raise OSError(self.number, "said the operating system")


def everything(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


@pytest.mark.usefixtures("anywhere")
def test_a_stream_is_kept_with_its_size_and_digest() -> None:
    data = bytes(range(256)) * 10_000
    stored = storage.save_stream(KEY, io.BytesIO(data), max_bytes=len(data))
    assert (stored.key, stored.size_bytes, stored.sha256) == (KEY, len(data), hashlib.sha256(data).hexdigest())
    assert storage.read_bytes(KEY) == data
    with storage.open_file(KEY) as file:
        assert file.read(5) == data[:5]


@pytest.mark.usefixtures("anywhere")
def test_a_file_taken_in_outlives_the_one_it_came_from(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(b"whole")
    source.chmod(0o600)
    storage.take_in(KEY, source)
    source.unlink()
    assert storage.read_bytes(KEY) == b"whole"


def test_a_file_on_the_same_disk_is_taken_in_without_a_copy(own_data_directory: Path) -> None:
    source = own_data_directory / "upload"
    source.write_bytes(b"whole")
    storage.take_in(KEY, source)
    (kept,) = everything(own_data_directory)
    assert kept.stat().st_ino == source.stat().st_ino


def test_a_file_on_another_disk_is_copied(own_data_directory: Path) -> None:
    other_disk = Path("/dev/shm")
    if not other_disk.is_dir() or other_disk.stat().st_dev == own_data_directory.stat().st_dev:
        pytest.skip("there is one disk only")
    with tempfile.NamedTemporaryFile(dir=other_disk) as source:
        source.write(b"whole")
        source.flush()
        storage.take_in(KEY, Path(source.name))
    assert storage.read_bytes(KEY) == b"whole"
    assert len(everything(own_data_directory)) == 1


@pytest.mark.usefixtures("anywhere")
def test_what_is_larger_than_allowed_leaves_nothing(own_data_directory: Path) -> None:
    with pytest.raises(errors.TooLarge, match="2 MB"):
        storage.save_stream(KEY, io.BytesIO(b"x" * 3_000_000), max_bytes=2 * 1024 * 1024)
    assert not storage.exists(KEY)
    assert everything(own_data_directory) == []


@pytest.mark.usefixtures("anywhere")
def test_a_newer_file_takes_the_place_of_the_older() -> None:
    storage.save_bytes(KEY, b"older")
    storage.save_bytes(KEY, b"newer")
    assert storage.read_bytes(KEY) == b"newer"


@pytest.mark.usefixtures("anywhere")
def test_a_copy_of_a_file_is_kept_and_the_file_stays(tmp_path: Path) -> None:
    source = tmp_path / "page.jpg"
    source.write_bytes(b"a picture")
    storage.save_path(KEY, source)
    source.write_bytes(b"another")
    assert storage.read_bytes(KEY) == b"a picture"


@pytest.mark.usefixtures("anywhere")
def test_a_local_path_holds_the_file_while_it_is_needed() -> None:
    storage.save_bytes(KEY, b"content")
    with storage.local_path(KEY) as path:
        assert path.read_bytes() == b"content"
    assert storage.exists(KEY)


def test_a_copy_made_for_a_local_path_is_gone_afterwards(settings) -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"documents": memory}
    storage.save_bytes(KEY, b"content")
    with storage.local_path(KEY) as path:
        assert path.exists()
    assert not path.exists()


@pytest.mark.usefixtures("anywhere")
def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(errors.NotFound):
        storage.read_bytes(KEY)
    with pytest.raises(errors.NotFound):
        storage.open_file(KEY)
    with pytest.raises(errors.NotFound), storage.local_path(KEY):
        pass
    assert not storage.exists(KEY)


@pytest.mark.usefixtures("anywhere")
def test_a_document_is_deleted_with_all_that_belongs_to_it() -> None:
    for key in (KEY, "documents/0199/pages/1.jpg", "documents/0199/pages/2.jpg", "documents/0200/original"):
        storage.save_bytes(key, b"x")
    storage.delete_tree("documents/0199")
    storage.delete_tree("documents/0199")
    assert not storage.exists(KEY)
    assert not storage.exists("documents/0199/pages/2.jpg")
    assert storage.exists("documents/0200/original")


@pytest.mark.parametrize("prefix", ["", "/", ".", "./", "../"])
def test_nobody_deletes_everything(prefix: str) -> None:
    storage.save_bytes(KEY, b"x")
    with pytest.raises(ValueError, match="prefix"):
        storage.delete_tree(prefix)
    assert storage.exists(KEY)


@pytest.mark.usefixtures("anywhere")
def test_deleting_one_file_is_harmless_twice() -> None:
    storage.save_bytes(KEY, b"x")
    storage.delete(KEY)
    storage.delete(KEY)
    assert not storage.exists(KEY)


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "documents/../../outside"])
def test_a_key_never_leaves_the_storage(key: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        storage.save_bytes(key, b"x")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EACCES, "cannot be used"),
        (errno.EROFS, "cannot be used"),
        (errno.EIO, "does not answer"),
    ],
)
def test_what_the_disk_refuses_is_said_in_our_words_and_leaves_nothing(
    own_data_directory: Path, number: int, words: str
) -> None:
    with pytest.raises(errors.Unavailable, match=words):
        storage.save_stream(KEY, Broken(number), max_bytes=100)
    assert everything(own_data_directory) == []


def test_a_reader_never_sees_half_a_file(own_data_directory: Path) -> None:
    storage.save_bytes(KEY, b"whole")

    class Peeking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert storage.read_bytes(KEY) == b"whole"
            return super().read(size)

    storage.save_stream(KEY, Peeking(b"whole too"), max_bytes=100)
    assert storage.read_bytes(KEY) == b"whole too"
    assert len(everything(own_data_directory)) == 1


@pytest.mark.usefixtures("anywhere")
def test_the_check_leaves_nothing(own_data_directory: Path) -> None:
    storage.check()
    assert everything(own_data_directory) == []


def test_the_check_says_when_nothing_can_be_written(own_data_directory: Path) -> None:
    (own_data_directory / "files").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(errors.Unavailable):
        storage.check()
