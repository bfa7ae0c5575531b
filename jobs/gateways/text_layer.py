"""The text that a PDF itself carries, page by page: what a born-digital file says of itself.

Read by poppler's pdftotext in the limited child, since the file is somebody else's. Form feeds part the pages: where a
page holds one of its own, the pages cannot be told apart, and nothing is believed. What a crop box hides is told too.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from jobs.gateways import child_process
from jobs.gateways.inspection import PDF
from jobs.gateways.limits import DEFAULT, Limits

logger = logging.getLogger(__name__)

WALL_SECONDS = 15.0  # an ordinary page takes 0.005 s
CPU_SECONDS = 10
MOST_BYTES = 4_000_000  # of all pages asked for together; a page of small print has 15,000


def read_pages(path: Path, first: int, last: int, *, limits: Limits = DEFAULT) -> list[str] | None:
    """The text of pages `first` to `last` (from 1) in their order; None where it cannot be had. Empty for a scan.

    Raises errors.Unavailable when no process can be started.
    """
    request = {
        "operation": "text",
        "path": str(path.absolute()),
        "media_type": PDF,
        "first": first,
        "last": last,
        "most_bytes": MOST_BYTES,
    }
    bounded = replace(limits, cpu_seconds=min(limits.cpu_seconds, CPU_SECONDS))
    wall_seconds = min(limits.wall_seconds, WALL_SECONDS)
    try:
        answer = child_process.run(request, limits=bounded, wall_seconds=wall_seconds, spare_bytes=path.stat().st_size)
    except (child_process.ChildStopped, child_process.ChildDied):
        logger.warning("no text could be taken from pages %s to %s of %s", first, last, path)
        return None
    pages = [str(page) for page in answer["pages"]]
    return pages if len(pages) == last - first + 1 else None
