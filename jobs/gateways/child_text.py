"""Takes the text that a PDF carries out of some pages, with poppler's pdftotext, in the limited child process."""

from __future__ import annotations

import io
import subprocess
from typing import Any

CHUNK_BYTES = 65_536


def read(request: dict[str, Any]) -> dict[str, Any]:
    """{"pages": [text of the first page, of the next, …]}; fewer than asked for where poppler gave up."""
    command = ["pdftotext", "-q", "-enc", "UTF-8", "-f", str(request["first"]), "-l", str(request["last"])]
    most_bytes = request["most_bytes"]
    with subprocess.Popen(
        [*command, request["path"], "-"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as poppler:
        assert isinstance(poppler.stdout, io.BufferedReader)
        pieces: list[bytes] = []
        size = 0
        while size <= most_bytes and (said := poppler.stdout.read1(CHUNK_BYTES)):
            pieces.append(said)
            size += len(said)
        poppler.kill()  # ended already, or it says more than any reader could
    pages = b"".join(pieces)[:most_bytes].decode("utf-8", "replace").split("\f")
    # Each page ends with a form feed; what follows the last is no page, or one that was cut.
    return {"pages": pages[:-1]}
