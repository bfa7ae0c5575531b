"""Page images that were drawn before in the same run: what a benchmark needs "drawn already" need not be drawn anew.

A page is known by its content, so another one is never handed out for it. What is missing is drawn by the site's own
rasterizer; files and rows are made as ever by the site's own service. No benchmark that measures drawing uses it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pikepdf
from django.conf import settings

from bench.one import STOCK
from jobs.gateways import rasterizer

Results = list[rasterizer.DrawnPage | rasterizer.FailedPage]
_draw = rasterizer.draw


@contextmanager
def in_use() -> Iterator[None]:
    """Meanwhile the site's rasterizer hands out of the stock what is there."""
    with patch.object(rasterizer, "draw", draw):
        yield


def draw(
    path: Path,
    media_type: str,
    pages: Mapping[int, rasterizer.PageBox],
    *,
    dpi: int,
    into: Path,
    limits: rasterizer.Limits = rasterizer.DEFAULT,
) -> Results:
    """As rasterizer.draw, for PDFs of bench/pages.py; the files are those of the stock, not in `into`."""
    folder = _folder()
    names = _names(path, pages, dpi)
    missing = [number for number in pages if not (folder / f"{names[number]}.json").exists()]
    cores = os.cpu_count() or 1

    def add(numbers: list[int]) -> Results:
        boxes = {number: pages[number] for number in numbers}
        return _draw(path, media_type, boxes, dpi=dpi, into=into, limits=limits)

    with ThreadPoolExecutor(cores) as pool:
        parts = [part for start in range(cores) if (part := missing[start::cores])]
        drawn = [page for part in pool.map(add, parts) for page in part]
    failed = [page for page in drawn if isinstance(page, rasterizer.FailedPage)]
    for page in drawn:
        if isinstance(page, rasterizer.DrawnPage):
            _keep(page, folder / names[page.number])
    there = pages.keys() - {page.number for page in failed}
    return sorted([*failed, *(_kept(folder / names[number], number) for number in there)], key=lambda one: one.number)


def _folder() -> Path:
    folder = Path(os.environ.get(STOCK) or settings.DATA_DIR / "stock")
    folder.mkdir(exist_ok=True)
    return folder


def _names(path: Path, pages: Mapping[int, rasterizer.PageBox], dpi: int) -> dict[int, str]:
    """What each page shows and how it is drawn, as the name of its file. The fonts are the same everywhere."""
    with pikepdf.open(path) as pdf:
        shown = {number: pdf.pages[number - 1].Contents.read_raw_bytes() for number in pages}
    how = f"{dpi} {rasterizer.JPEG_QUALITY}"
    return {n: hashlib.sha256(content + f"{pages[n]} {how}".encode()).hexdigest() for n, content in shown.items()}


def _keep(page: rasterizer.DrawnPage, name: Path) -> None:
    page.path.rename(name.with_suffix(".jpg"))
    facts = {"width_px": page.width_px, "height_px": page.height_px, "dpi": page.dpi, "ink": page.ink}
    name.with_suffix(".json").write_text(json.dumps(facts))


def _kept(name: Path, number: int) -> rasterizer.DrawnPage:
    facts = json.loads(name.with_suffix(".json").read_text())
    return rasterizer.DrawnPage(number=number, path=name.with_suffix(".jpg"), **facts)
