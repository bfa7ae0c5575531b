"""A backup on a disk: a folder, or one file where its name ends in .tar. Whole or not at all: it gets its name last."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from jobs import errors
from jobs.domain import backups
from jobs.domain.backups import MANIFEST, Entry
from jobs.gateways import disk

PIECE_BYTES = 1024 * 1024
MODE = 0o600  # it holds everything that everybody ever uploaded


class Writer(Protocol):
    def add(self, name: str, file: IO[bytes], size_bytes: int) -> Entry: ...


class Reader(Protocol):
    def open(self, name: str) -> BinaryIO: ...


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Raises errors.Conflict where `path` is there already, errors.Unavailable; then nothing is left behind."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if path.exists():
        raise errors.Conflict(f"{path} is there already: name a place that is not.")
    try:
        with disk.our_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            if _is_tar(path):
                with tarfile.open(part, "x:", format=tarfile.PAX_FORMAT) as archive:
                    part.chmod(MODE)
                    yield _TarWriter(archive)
            else:
                part.mkdir(mode=0o700)
                yield _FolderWriter(part)
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Raises errors.Invalid for what is no backup, errors.NotFound for a name that is not in it, errors.Unavailable."""
    if path.is_dir():
        yield _FolderReader(path)
        return
    try:
        with disk.our_errors(), tarfile.open(path, "r:") as archive:
            yield _TarReader(archive)
    except (tarfile.TarError, EOFError) as error:
        raise errors.Invalid(backups.NOT_OURS) from error


def measured(reader: Reader, name: str) -> Entry | None:
    """Size and sum of what is really there; None for what is missing."""
    try:
        with reader.open(name) as file:
            counted = _Counted(file)
            while counted.read(PIECE_BYTES):
                pass
    except errors.NotFound:
        return None
    return counted.entry


def read_manifest(reader: Reader) -> bytes:
    """Raises errors.Invalid where there is none."""
    try:
        with reader.open(MANIFEST) as file:
            return file.read()
    except errors.NotFound as error:
        raise errors.Invalid(backups.NOT_OURS) from error


def _is_tar(path: Path) -> bool:
    return path.suffix == ".tar"


class _Counted(io.RawIOBase):
    """Reads on, and knows afterwards how much there was and its sum."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self._size_bytes = file, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self._size_bytes += len(data)
        return data

    @property
    def entry(self) -> Entry:
        return Entry(self._size_bytes, self._digest.hexdigest())


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, file: IO[bytes], size_bytes: int) -> Entry:
        path, counted = self._folder / name, _Counted(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            path.chmod(MODE)
            shutil.copyfileobj(cast(IO[bytes], counted), target, PIECE_BYTES)
            target.flush()
            os.fsync(target.fileno())
        return counted.entry


class _TarWriter:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, name: str, file: IO[bytes], size_bytes: int) -> Entry:
        info, counted = tarfile.TarInfo(name), _Counted(file)
        info.size, info.mode = size_bytes, MODE
        self._archive.addfile(info, cast(IO[bytes], counted))
        return counted.entry


class _FolderReader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> BinaryIO:
        path = self._folder / name
        if path.is_symlink() or not path.is_file():
            raise errors.NotFound(disk.GONE)
        with disk.our_errors():
            return path.open("rb")


class _TarReader:
    """Members are found by name; a link, a device or a second file of the same name is none of ours."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {member.name: member for member in archive.getmembers() if member.isfile()}

    def open(self, name: str) -> BinaryIO:
        member = self._members.get(name)
        file = self._archive.extractfile(member) if member else None
        if file is None:
            raise errors.NotFound(disk.GONE)
        return cast(BinaryIO, file)
