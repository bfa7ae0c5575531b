"""Page images that were drawn before in the same run: what a benchmark needs "drawn already" need not be drawn anew.

A page is known by its content, so another one is never handed out for it. What is missing is drawn by the site's own
rasterizer; files and rows are made as ever by the site's own service. No benchmark that measures drawing uses it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pikepdf
from django.conf import settings

from bench.one import STOCK
from jobs.gateways import rasterizer

Boxes = Mapping[int, rasterizer.PageBox]
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
    pages: Boxes,
    *,
    dpi: int,
    into: Path,
    limits: rasterizer.Limits = rasterizer.DEFAULT,
) -> Results:
    """As rasterizer.draw, for PDFs of bench/pages.py; the files are those of the stock, not in `into`."""
    folder = Path(os.environ.get(STOCK) or settings.DATA_DIR / "stock")
    folder.mkdir(exist_ok=True)
    files = {number: folder / name for number, name in _names(path, pages, dpi).items()}
    failed: dict[int, rasterizer.FailedPage] = {}
    if not all(map(_is_there, files.values())):
        # Together with the rest of the file, as few children start faster than many; all its pages have one size.
        whole = dict.fromkeys(range(1, _length(path) + 1), next(iter(pages.values()))) | dict(pages)
        names = _names(path, whole, dpi)
        missing = [number for number in whole if not _is_there(folder / names[number])]
        for page in _side_by_side(
            missing,
            lambda some: _draw(path, media_type, {n: whole[n] for n in some}, dpi=dpi, into=into, limits=limits),
        ):
            if isinstance(page, rasterizer.DrawnPage):
                _keep(page, folder / names[page.number])
            else:
                failed[page.number] = page
    return [failed.get(number) or _kept(file, number) for number, file in sorted(files.items())]


def _side_by_side(numbers: list[int], work: Callable[[list[int]], Results]) -> Results:
    """On all cores. Neighbours stay together: they are drawn by one poppler."""
    cores = os.cpu_count() or 1
    size = -(-len(numbers) // cores)
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    with ThreadPoolExecutor(cores) as pool:
        return [page for part in pool.map(work, parts) for page in part]


def _length(path: Path) -> int:
    with pikepdf.open(path) as pdf:
        return len(pdf.pages)


def _names(path: Path, pages: Boxes, dpi: int) -> dict[int, str]:
    """What each page shows and how it is drawn, as the name of its file. The fonts are the same everywhere."""
    with pikepdf.open(path) as pdf:
        shown = {number: pdf.pages[number - 1].Contents.read_raw_bytes() for number in pages}
    how = f"{dpi} {rasterizer.JPEG_QUALITY}"
    return {n: hashlib.sha256(content + f"{pages[n]} {how}".encode()).hexdigest() for n, content in shown.items()}


def _is_there(name: Path) -> bool:
    return name.with_suffix(".json").exists()


def _keep(page: rasterizer.DrawnPage, name: Path) -> None:
    shutil.move(page.path, name.with_suffix(".jpg"))
    facts = {"width_px": page.width_px, "height_px": page.height_px, "dpi": page.dpi, "ink": page.ink}
    name.with_suffix(".json").write_text(json.dumps(facts))


def _kept(name: Path, number: int) -> rasterizer.DrawnPage:
    facts = json.loads(name.with_suffix(".json").read_text())
    return rasterizer.DrawnPage(number=number, path=name.with_suffix(".jpg"), **facts)
