"""A long document, exported in a process of its own that says what memory Python took for it at most."""

from __future__ import annotations

import resource
import tempfile
import tracemalloc
from pathlib import Path

import pikepdf
from django.conf import settings

from jobs.gateways import storage
from jobs.models import Document, Page, Reading
from jobs.services import exporting
from tests import builders
from tests.exported import block

ROW = "<tr><td>1</td><td>two</td></tr>"


def run(format: str, *lengths: int) -> None:
    """Prints, at its end, a line for each length in pages, shorter ones first, with two peaks in bytes: of Python here,
    without what a first export of two pages took for good (imports, caches); and of the largest child process so far.
    """
    (settings.DATA_DIR / "uploads").mkdir(exist_ok=True)
    _take(_document(2), format)
    peaks: list[tuple[int, int]] = []
    for pages in lengths:
        document = _document(pages)
        tracemalloc.start()
        _take(document, format)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        peaks.append((tracemalloc.get_traced_memory()[1], children))
        tracemalloc.stop()
    for peak in peaks:
        print(*peak)


def _take(document: Document, format: str) -> None:
    """As a download does, keeping nothing."""
    size = sum(len(piece) for piece in exporting.export(document, format, wait=True)[2])
    assert size > 1000


def _document(pages: int) -> Document:
    """Every page with a heading, a long paragraph, a picture and, every twentieth, a table."""
    owner = builders.get_user_model().objects.first() or builders.make_user()
    document = Document.objects.create(
        owner=owner, name="long.pdf", sha256="0" * 64, size_bytes=1, media_type="application/pdf", page_count=pages,
        status="done", pages_done=pages, prepared=True,
    )  # fmt: skip
    _store_original(document, pages)
    Page.objects.bulk_create(_page(document, number) for number in range(1, pages + 1))
    rows = list(document.pages.order_by("number"))
    Reading.objects.bulk_create(_reading(page) for page in rows)
    for reading in Reading.objects.filter(page__document=document).only("id", "page_id"):
        Page.objects.filter(pk=reading.page_id).update(reading=reading)
    image = builders.make_page_image(rows[0])
    for page in rows[1:]:
        storage.save_bytes(page.image_key, image)
    return document


def _page(document: Document, number: int) -> Page:
    return Page(
        document=document, number=number, status="done", width_pt=595, height_pt=842, image_width_px=413,
        image_height_px=585, image_dpi=50,
    )  # fmt: skip


def _reading(page: Page) -> Reading:
    blocks = [
        block("title", f"Page {page.number}", (20, 20, 300, 40)),
        block("text", f"word{page.number} and more words of it. " * 12, (20, 60, 390, 300)),
        block("image", "", (100, 300, 200, 400)),
    ]
    if page.number % 20 == 0:
        blocks.append(block("table", f"<table>{ROW * 5}</table>", (20, 420, 390, 500)))
    from jobs.domain import rendering

    text = rendering.to_markdown(rendering.blocks_from_json(blocks))
    return Reading(page=page, source="recognized", text=text, blocks=blocks)


def _store_original(document: Document, pages: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(595, 842))
        pdf.save(Path(folder, "a.pdf"))
        storage.save_path(document.original_key, Path(folder, "a.pdf"))
