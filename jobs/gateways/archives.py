"""A zip file as a stream: entries come in pieces and go out in pieces, and nothing is kept but the list of names."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

STORED_ENDINGS = (".jpg", ".png", ".zip", ".docx", ".xlsx", ".pdf")  # packed already


def stream(entries: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """The zip of (name, content in pieces), written while it is read."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], pipe), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in entries:
            info = zipfile.ZipInfo(name, time.gmtime()[:6])
            info.compress_type = zipfile.ZIP_STORED if name.endswith(STORED_ENDINGS) else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as target:
                for piece in pieces:
                    target.write(piece)
                    yield from pipe.taken()
            yield from pipe.taken()
    yield from pipe.taken()


class _Pipe:
    """What zipfile takes for a file that cannot be searched: it writes lengths behind each entry then."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        if pieces:
            yield b"".join(pieces)
