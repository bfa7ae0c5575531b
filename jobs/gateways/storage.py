"""Where documents' files are kept, by key: documents/<document id>/original, .../pages/<number>.jpg.

Built on Django's storages (settings.STORAGES["documents"]). On a file system every file appears whole or not at all: it
is written beside its place and renamed. Elsewhere that is the storage's own promise. No URL is ever given: files leave
through our own views.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from jobs import errors
from jobs.gateways import disk

ALIAS = "documents"
PIECE_BYTES = 1024 * 1024
NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}


@dataclass(frozen=True)
class Volume:
    """How much is kept somewhere."""

    files: int = 0
    size_bytes: int = 0

    def __add__(self, other: Volume) -> Volume:
        return Volume(self.files + other.files, self.size_bytes + other.size_bytes)


@dataclass(frozen=True)
class StoredFile:
    """`sha256` is the digest in hexadecimal."""

    key: str
    size_bytes: int
    sha256: str


def save_stream(key: str, file: IO[bytes], *, max_bytes: int | None) -> StoredFile:
    """Keeps what can be read from `file`, hashing it on the way and never holding more than a piece in memory.

    It is on the disk, not only on its way there, when this returns: nobody can make an original again.
    Raises errors.TooLarge, leaving nothing behind, and errors.Unavailable.
    """
    digest, size_bytes = hashlib.sha256(), 0
    with _writing(key, durable=True) as target:
        while piece := file.read(PIECE_BYTES):
            size_bytes += len(piece)
            if max_bytes is not None and size_bytes > max_bytes:
                raise errors.TooLarge(f"The file is larger than the {_size(max_bytes)} that are taken.")
            digest.update(piece)
            target.write(piece)
    return StoredFile(key, size_bytes, digest.hexdigest())


def save_bytes(key: str, data: bytes) -> None:
    """Replaces what was there. Raises errors.Unavailable."""
    with _writing(key) as target:
        target.write(data)


def save_path(key: str, path: Path, *, durable: bool = False) -> None:
    """Keeps a copy of the file at `path`; if `durable`, on the disk and not only on its way there.

    Raises errors.Unavailable.
    """
    with disk.our_errors(), path.open("rb") as source, _writing(key, durable=durable) as target:
        shutil.copyfileobj(source, target, PIECE_BYTES)


def take_in(key: str, path: Path) -> None:
    """Keeps the file at `path`, which must not be written to any more and may be removed: without copying it where
    the storage is on the same disk. On the disk, not only on its way there, when this returns.

    Raises errors.Unavailable.
    """
    target = _path(key)
    if target is None or not _linked(path, target):
        save_path(key, path, durable=True)


def open_file(key: str) -> BinaryIO:
    """To be closed by the caller. Raises errors.NotFound, errors.Unavailable."""
    with disk.our_errors():
        return cast(BinaryIO, _storage().open(key, "rb"))


def read_bytes(key: str) -> bytes:
    """Raises errors.NotFound, errors.Unavailable."""
    with disk.our_errors(), _storage().open(key, "rb") as file:
        return cast(bytes, file.read())


@contextlib.contextmanager
def local_path(key: str) -> Iterator[Path]:
    """The file as a path on this machine, for programs that need one; a copy where the storage has no paths.

    Not to be written to. Raises errors.NotFound, errors.Unavailable.
    """
    path = _path(key)
    if path is not None:
        if not path.is_file():
            raise errors.NotFound(disk.GONE)
        yield path
        return
    with tempfile.NamedTemporaryFile() as copy:
        with open_file(key) as source, disk.our_errors():
            shutil.copyfileobj(source, copy, PIECE_BYTES)
            copy.flush()
        yield Path(copy.name)


def exists(key: str) -> bool:
    with disk.our_errors():
        return _storage().exists(key)


def delete(key: str) -> None:
    """Harmless where nothing is. Raises errors.Unavailable."""
    with disk.our_errors():
        _storage().delete(key)


def delete_tree(prefix: str) -> None:
    """Removes everything below a key. Harmless where nothing is. Raises errors.Unavailable."""
    if not prefix.strip("/."):
        raise ValueError("a prefix is needed: without one this would delete every document")
    path = _path(prefix)
    with disk.our_errors():
        if path is None:
            _delete_below(_storage(), prefix.rstrip("/"))
        else:
            _remove_folder(path)


def keys(prefix: str) -> Iterator[str]:
    """The keys of all files below one, half-written ones left out. What is removed meanwhile may be missing.

    Raises errors.Unavailable.
    """
    try:
        with disk.our_errors():
            below, files = _storage().listdir(prefix)
    except errors.NotFound:
        return
    yield from (f"{prefix}/{name}" for name in sorted(files) if not name.startswith("."))
    for name in sorted(below):
        yield from keys(f"{prefix}/{name}")


def volume(prefix: str) -> Volume:
    """How much is kept below a key. Harmless where nothing is. Raises errors.Unavailable."""
    found = Volume()
    for key in keys(prefix):
        with contextlib.suppress(errors.NotFound), disk.our_errors():  # it was removed meanwhile
            found += Volume(1, _storage().size(key))
    return found


def remove_parts(older_than_seconds: float) -> Volume:
    """Removes files that a killed process had half written; nobody else's, as none takes that long."""
    root, horizon = _path(""), time.time() - older_than_seconds
    removed = Volume()
    for path in root.rglob(".*.part") if root and root.is_dir() else ():
        with contextlib.suppress(errors.NotFound), disk.our_errors():  # it was finished meanwhile
            known = path.stat()
            if known.st_mtime < horizon:
                path.unlink()
                removed += Volume(1, known.st_size)
    return removed


def folders(prefix: str) -> list[str]:
    """The names of the folders right below a key; none where nothing is. Raises errors.Unavailable."""
    try:
        with disk.our_errors():
            return sorted(_storage().listdir(prefix)[0])
    except errors.NotFound:
        return []


def check() -> None:
    """Writes and deletes a small file. Raises errors.Unavailable when the storage takes none."""
    key = f"check-{secrets.token_hex(8)}"
    save_bytes(key, b"ocrsite")
    delete(key)


def _storage() -> Storage:
    return storages[ALIAS]


def _path(key: str) -> Path | None:
    """None where the storage is no file system. Raises SuspiciousFileOperation for a key that leaves the storage."""
    store = _storage()
    return Path(store.path(key)) if isinstance(store, FileSystemStorage) else None


@contextlib.contextmanager
def _writing(key: str, *, durable: bool = False) -> Iterator[IO[bytes]]:
    path = _path(key)
    writing = _beside(path, durable=durable) if path else _afterwards(key)
    with disk.our_errors(), writing as target:
        yield target


@contextlib.contextmanager
def _beside(path: Path, *, durable: bool) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as target:
            yield target
            if durable:
                target.flush()
                os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    """Two may remove it at once: what the other one took first is no failure."""
    while path.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)


def _linked(path: Path, target: Path) -> bool:
    """False where there can be no second name for the file: another disk, or a file system without them."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    with disk.our_errors():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, part)
        except OSError as error:
            if error.errno in NO_LINKS:
                return False
            raise
        try:
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.chmod(target.parent.stat().st_mode & 0o666)  # an upload's own mode keeps other parts' users out
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _afterwards(key: str) -> Iterator[IO[bytes]]:
    """Collects the file here first, so that what is refused half-way never reaches the storage."""
    with tempfile.TemporaryFile() as collected:
        yield cast(IO[bytes], collected)
        collected.seek(0)
        _storage().delete(key)  # save() gives a taken name a new one
        _storage().save(key, File(cast(IO[bytes], collected)))


def _delete_below(storage: Storage, prefix: str) -> None:
    try:
        folders, files = storage.listdir(prefix)
    except FileNotFoundError:
        return
    for name in files:
        storage.delete(f"{prefix}/{name}")
    for name in folders:
        _delete_below(storage, f"{prefix}/{name}")
    storage.delete(prefix)


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / 1024 / 1024
    return f"{megabytes:,.0f} MB" if megabytes >= 1 else f"{size_bytes:,} bytes"
