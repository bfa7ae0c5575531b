"""Files on their way in: streamed to disk while they are hashed and counted, never whole in memory.

`HashingUploadHandler` is Django's upload handler (settings.FILE_UPLOAD_HANDLERS). A file that goes over the cap, or
that the disk has no room for, is remembered as refused and the rest of its bytes thrown away: so the other files of
the same request are unharmed, and a person reads a sentence instead of a broken connection.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from jobs import errors
from jobs.gateways import disk

CHUNK_BYTES = 1024 * 1024
REQUEST_CHUNK_BYTES = 256 * 1024  # 500 MB: 1.6 s; Django's own 64 kB takes 1.9, and 1 MB, of fresh memory each, 2.6
LOOK_BYTES = 16 * 1024 * 1024
_PREFIX = "incoming-"
SCRATCH = (_PREFIX, "draw-", "export-")  # what anybody makes in the folder for uploads begins so


@dataclass(frozen=True)
class Received:
    """A whole file on the local disk. The path is good until the `with` block around it ends."""

    path: Path
    size_bytes: int
    sha256: str


class Incoming:
    """A temporary file that counts, hashes and refuses. Gone when it is closed."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self.refusal: errors.OcrsiteError | None = None
        self._next_look_bytes = 0
        self._digest = hashlib.sha256()
        self.file = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix=_PREFIX)  # noqa: SIM115 - kept open by its owner

    def write(self, data: bytes) -> None:
        """Keeps `data`, or throws it away once the file is refused."""
        self.size_bytes += len(data)
        if self.refusal is not None:
            return
        self._look_at_the_disk()
        if self.size_bytes > self.max_bytes:
            self._refuse(too_large(self.max_bytes))
        if self.refusal is not None:
            return
        self._digest.update(data)
        with self._refusing():
            self.file.write(data)

    def _look_at_the_disk(self) -> None:
        """At the first piece and every LOOK_BYTES: many may arrive at once, and no length need be announced."""
        if self.size_bytes < self._next_look_bytes:
            return
        self._next_look_bytes = self.size_bytes + LOOK_BYTES
        try:
            disk.refuse_new_work()
        except errors.Unavailable as refusal:
            self._refuse(refusal)

    def finish(self) -> None:
        """Everything written is on the disk, or the file is refused."""
        if self.refusal is None:
            with self._refusing():
                self.file.flush()
                self.file.seek(0)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def received(self) -> Received:
        """Raises the refusal, if there was one."""
        if self.refusal is not None:
            raise self.refusal
        return Received(Path(self.file.name), self.size_bytes, self.sha256)

    def close(self) -> None:
        try:
            self.file.close()
        except FileNotFoundError:
            pass  # it was moved into storage
        except OSError:
            Path(self.file.name).unlink(missing_ok=True)  # what was still buffered has no room: nothing of it is kept

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            with disk.our_errors():
                yield
        except errors.OcrsiteError as refusal:
            self._refuse(refusal)

    def _refuse(self, refusal: errors.OcrsiteError) -> None:
        self.refusal = refusal
        try:
            self.file.truncate(0)
        except OSError:
            Path(self.file.name).unlink(missing_ok=True)


class HashedUpload(UploadedFile):
    """An uploaded file whose hash is known. `incoming.received()` raises if it was refused."""

    def __init__(
        self, incoming: Incoming, name: str, content_type: str | None, charset: str | None, extra: Any
    ) -> None:
        super().__init__(incoming.file, name, content_type, incoming.size_bytes, charset, extra)
        self.incoming = incoming

    def temporary_file_path(self) -> str:
        return self.incoming.file.name

    def close(self) -> None:
        self.incoming.close()


class HashingUploadHandler(FileUploadHandler):
    """Writes each file of a request to its own temporary file, at most settings.MAX_UPLOAD_BYTES of it."""

    chunk_size = REQUEST_CHUNK_BYTES
    # Set before the first file too: an upload may be interrupted before there is one.
    _incoming: Incoming | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._incoming = Incoming(settings.MAX_UPLOAD_BYTES)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._incoming is not None
        self._incoming.write(raw_data)

    def file_complete(self, file_size: int) -> HashedUpload:
        assert self._incoming is not None
        incoming, self._incoming = self._incoming, None
        incoming.finish()
        return HashedUpload(incoming, self.file_name or "", self.content_type, self.charset, self.content_type_extra)

    def upload_interrupted(self) -> None:
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None


@contextmanager
def received(file: IO[bytes] | UploadedFile, *, max_bytes: int) -> Iterator[Received]:
    """The whole of `file` on the local disk: at once for an upload, else streamed there.

    Raises errors.TooLarge and errors.Unavailable (no room). Nothing is left behind in either case.
    """
    if isinstance(file, HashedUpload):
        arrived = file.incoming.received()
        if arrived.size_bytes > max_bytes:
            raise too_large(max_bytes)
        yield arrived
        return
    incoming = Incoming(max_bytes)
    try:
        while incoming.refusal is None and (data := file.read(CHUNK_BYTES)):
            incoming.write(data)
        incoming.finish()
        yield incoming.received()
    finally:
        incoming.close()


def sha256_of(file: UploadedFile) -> str:
    """Known from its arrival; any other file is read once more, and stands at its beginning afterwards."""
    if isinstance(file, HashedUpload):
        return file.incoming.sha256
    digest = hashlib.sha256()
    for data in file.chunks():
        digest.update(data)
    file.seek(0)
    return digest.hexdigest()


@contextmanager
def scratch_path() -> Iterator[Path]:
    """A name beside the uploads that nobody else uses; what is put there is gone when the block ends."""
    handle, name = tempfile.mkstemp(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix=_PREFIX)
    os.close(handle)
    path = Path(name)
    path.unlink()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def remove_forgotten(older_than_seconds: float) -> int:
    """Removes what a killed process left behind: uploads, and folders of pages and exports nothing in which is younger.

    Returns how many. For the clock, once in a while.
    """
    horizon = time.time() - older_than_seconds
    removed = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        if not path.name.startswith(SCRATCH):
            continue
        try:
            if _last_touched(path) < horizon:
                _remove(path)
                removed += 1
        except FileNotFoundError:
            continue  # it ended by itself meanwhile
    return removed


def _last_touched(path: Path) -> float:
    return max(entry.stat().st_mtime for entry in (path, *path.rglob("*")))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def too_large(max_bytes: int) -> errors.TooLarge:
    limit = f"{max_bytes // 2**20} MB" if max_bytes >= 2**20 else f"{max_bytes} bytes"
    return errors.TooLarge(f"The file is larger than {limit}, the most that is taken here. Split it into parts.")
