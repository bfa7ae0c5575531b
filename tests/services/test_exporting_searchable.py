"""Searchable PDF, looked at from outside: by poppler's pdftotext and pdftoppm."""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from jobs import errors
from jobs.cpu_backend import layout
from jobs.domain import grounding, rendering
from jobs.models import Document
from tests import builders, exported, files
from tests.conftest import CORPUS
from tests.exported import block
from tests.services_fixtures import need

pytestmark = pytest.mark.django_db

NEAR_POINTS = 5.0
LINES = """Quarterly report of the harbour office
The harbour office counted every vessel that passed the lock between
January and March. Larger ships waited longer than in the year before,
mostly because the northern gate was closed for repairs. Jigsaw puzzles,
oxygen and quartz were the goods most often declared to the office."""


def scanned(folder: Path, source: Path, *, dpi: int = 200) -> Path:
    """The same pages as pictures alone."""
    subprocess.run(["pdftoppm", "-r", str(dpi), "-jpeg", str(source), str(folder / "scan")], check=True, timeout=60)
    first, *others = [Image.open(path) for path in sorted(folder.glob("scan*.jpg"))]
    first.save(folder / "scan.pdf", "PDF", save_all=True, append_images=others, resolution=dpi)
    return folder / "scan.pdf"


def read_like_a_model(document: Document, found: exported.Words, *, heading_words: int, dpi: int = 200) -> None:
    """A title and a paragraph as DeepSeek-OCR gives them: one box each, the paragraph's lines joined."""
    scale = dpi / 72
    said = [word for word, _ in found]
    exported.read(
        document.pages.get(number=1),
        block("title", " ".join(said[:heading_words]), exported.union(found[:heading_words], scale)),
        block("text", " ".join(said[heading_words:]), exported.union(found[heading_words:], scale)),
    )


def assert_near(found: exported.Words, true: exported.Words) -> None:
    assert [word for word, _ in found] == [word for word, _ in true]
    for (word, there), (_, here) in zip(found, true, strict=True):
        assert max(abs(a - b) for a, b in zip(there, here, strict=True)) <= NEAR_POINTS, (word, there, here)


@pytest.mark.parametrize("dpi", [150, 200])
def test_the_words_of_a_scan_are_found_within_five_points_of_where_they_stand(
    mira: Any, tmp_path: Path, dpi: int
) -> None:
    source = files.text_pdf(tmp_path / "born.pdf", [LINES])
    true = exported.words(source)[0]
    scan = scanned(tmp_path, source, dpi=dpi)
    document = exported.document_of(mira, scan, tmp_path, dpi=dpi)
    read_like_a_model(document, true, heading_words=6, dpi=dpi)
    made = exported.saved(document, "pdf", tmp_path)
    assert_near(exported.words(made)[0], true)
    assert exported.same(exported.pictures(scan, tmp_path / "a"), exported.pictures(made, tmp_path / "b"))


def test_a_born_digital_page_keeps_its_own_words_and_none_is_there_twice(mira: Any, tmp_path: Path) -> None:
    source = files.text_pdf(tmp_path / "born.pdf", [LINES])
    true = exported.words(source)[0]
    document = exported.document_of(mira, source, tmp_path)
    read_like_a_model(document, true, heading_words=6)
    made = exported.saved(document, "pdf", tmp_path)
    assert exported.words(made)[0] == true


def test_what_a_born_digital_page_does_not_say_itself_is_added_where_it_stands(mira: Any, tmp_path: Path) -> None:
    source = files.text_pdf(tmp_path / "born.pdf", ["Page heading in letters"])
    document = exported.document_of(mira, source, tmp_path)
    exported.read(
        document.pages.get(),
        block("title", "Page heading in letters", (160, 180, 900, 240)),
        block("text", "stamped by hand", (200, 1000, 900, 1060)),
    )
    found = exported.words(exported.saved(document, "pdf", tmp_path))[0]
    assert sorted(word for word, _ in found) == sorted(["Page", "heading", "in", "letters", "stamped", "by", "hand"])
    stamped = dict(found)["stamped"]
    assert abs(stamped[0] - 72) < NEAR_POINTS and abs(stamped[1] - 360) < NEAR_POINTS


def test_what_the_built_in_backend_reads_is_found_where_it_stands(mira: Any, tmp_path: Path) -> None:
    need("tesseract")
    source = files.text_pdf(tmp_path / "born.pdf", [LINES])
    true = dict(exported.words(source)[0])
    document = exported.document_of(mira, scanned(tmp_path, source), tmp_path)
    page = document.pages.get()
    command = [
        "tesseract",
        builders.storages["documents"].path(page.image_key),
        "stdout",
        "--psm",
        "1",
        "-l",
        "eng",
        "tsv",
    ]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    width, height = page.image_width_px, page.image_height_px
    tagged = "\n\n".join(layout.tagged_blocks(layout.read_tsv(done.stdout), width, height))
    blocks = grounding.parse(tagged, width, height)
    builders.make_reading(page, text=rendering.to_markdown(blocks), blocks=rendering.blocks_as_json(blocks))
    found = exported.words(exported.saved(document, "pdf", tmp_path))[0]
    compared = [(word, there, true[word]) for word, there in found if LINES.split().count(word) == 1]
    assert len(compared) > 30
    for word, there, here in compared:
        assert max(abs(a - b) for a, b in zip(there, here, strict=True)) <= NEAR_POINTS, (word, there, here)


def odd_files() -> dict[str, Any]:
    return {
        "rotated": lambda path: files.rotated_pdf(path),
        "cropped": lambda path: files.cropped_pdf(path),
        "unit": lambda path: files.unit_pdf(path, 2.0),
        "mixed": lambda path: files.sized_pdf(path, [(300, 500), (842, 595), (200, 200)]),
        "inherited": lambda path: files.changed_pdf(path, inherited, pages=2),
        "unbalanced": lambda path: files.changed_pdf(path, unbalanced, pages=1),
    }


def inherited(pdf: pikepdf.Pdf) -> None:
    """Rotation, box and resources at the root of the tree; one resources dictionary for all pages."""
    pdf.Root.Pages.MediaBox, pdf.Root.Pages.Rotate = [0, 0, 400, 700], 90
    pdf.Root.Pages.Resources = pdf.pages[0].Resources
    for page in pdf.pages:
        del page.MediaBox
        del page.Resources
        if "/Rotate" in page:
            del page["/Rotate"]


def unbalanced(pdf: pikepdf.Pdf) -> None:
    """A page that scales everything and never takes it back."""
    pdf.pages[0].Contents = pdf.make_stream(b"q 0.1 0 0 0.1 0 0 cm 1 0 0 rg 0 0 3000 3000 re f")


@pytest.mark.parametrize("kind", odd_files())
def test_pages_of_any_kind_look_as_they_did_and_hold_their_words_where_they_were_read(
    mira: Any, tmp_path: Path, kind: str
) -> None:
    source = odd_files()[kind](tmp_path / "odd.pdf")
    document = exported.document_of(mira, source, tmp_path, dpi=100)
    expected = []
    for page in document.pages.order_by("number"):
        width, height = page.image_width_px, page.image_height_px
        box = (width // 4, height // 5, width // 4 + width // 2, height // 5 + max(height // 30, 8))
        exported.read(page, block("text", "Zebrafish", box))
        expected.append([value * 72 / page.image_dpi for value in box])
    made = exported.saved(document, "pdf", tmp_path)
    assert exported.same(exported.pictures(source, tmp_path / "a"), exported.pictures(made, tmp_path / "b"))
    pages = list(document.pages.order_by("number"))
    for page, found, (left, top, _, bottom) in zip(pages, exported.words(made), expected, strict=True):
        with pikepdf.open(source) as pdf:
            unit = float(pdf.pages[page.number - 1].obj.get("/UserUnit", 1))  # poppler tells of places without it
        there = dict(found)["Zebrafish"]
        middle = (top + bottom) / 2 / unit
        assert math.isclose(there[0], left / unit, abs_tol=NEAR_POINTS)
        assert there[1] - NEAR_POINTS < middle < there[3] + NEAR_POINTS


@pytest.mark.parametrize("words", ["Größe naïve Œuvre", "Привет мир", "漢字 かな", "עברית العربية", "🦊 𝔘nicode"])
def test_text_of_any_script_is_found(mira: Any, tmp_path: Path, words: str) -> None:
    document = exported.document_of(mira, files.sized_pdf(tmp_path / "a.pdf", [(400, 400)]), tmp_path)
    exported.read(document.pages.get(), block("text", words, (100, 100, 900, 150)))
    made = exported.saved(document, "pdf", tmp_path)
    done = subprocess.run(["pdftotext", str(made), "-"], capture_output=True, text=True, timeout=60, check=True)
    shown = "".join(letter for letter in done.stdout if letter not in "\u202a\u202b\u202c\u200e\u200f\f\n ")
    assert sorted(shown) == sorted(words.replace(" ", ""))
    assert done.stderr == ""


IMAGES: dict[str, Any] = {
    "png": lambda path: files.picture((400, 600)).save(path, "PNG", dpi=(100, 100)),
    "jpeg": lambda path: files.picture((400, 600)).save(path, "JPEG", dpi=(100, 100)),
    "sideways": files.sideways_jpeg,
    "transparent": files.transparent_png,
    "deep": files.deep_png,
    "cmyk": files.cmyk_jpeg,
    "tiff": files.multipage_tiff,
    "fax": files.fax_tiff,
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_uploaded_image_becomes_pages_that_show_it_upright(mira: Any, tmp_path: Path, kind: str) -> None:
    IMAGES[kind](tmp_path / "picture")
    document = exported.document_of(mira, tmp_path / "picture", tmp_path)
    for page in document.pages.all():
        exported.read(page, block("text", f"Page{page.number}", (50, 60, 250, 100)))
    made = exported.saved(document, "pdf", tmp_path)
    shown = exported.pictures(made, tmp_path / "a", dpi=72)
    assert len(shown) == document.pages.count()
    for page, picture, found in zip(document.pages.order_by("number"), shown, exported.words(made), strict=True):
        assert abs(picture.width - page.width_pt) <= 1 and abs(picture.height - page.height_pt) <= 1
        with Image.open(builders.storages["documents"].path(page.image_key)) as drawn:
            small = [image.convert("L").resize((20, 30)) for image in (drawn, picture)]
        assert max(abs(a - b) for a, b in zip(*(image.tobytes() for image in small), strict=True)) < 60
        assert [word for word, _ in found] == [f"Page{page.number}"]


def test_a_missing_page_says_so_unseen(mira: Any, tmp_path: Path) -> None:
    source = files.numbered_pdf(tmp_path / "a.pdf", 2)
    document = exported.document_of(mira, source, tmp_path)
    document.pages.filter(number=2).update(status="failed", reason="No host could read it.", reading=None)
    made = exported.saved(document, "pdf", tmp_path)
    said = " ".join(word for word, _ in exported.words(made)[1])
    assert "[page 2: failed: No host could read it.]" in said
    assert exported.same(exported.pictures(source, tmp_path / "x"), exported.pictures(made, tmp_path / "y"))


def test_a_text_without_boxes_can_be_found_all_the_same(mira: Any, tmp_path: Path) -> None:
    document = exported.document_of(mira, files.sized_pdf(tmp_path / "a.pdf", [(400, 400)]), tmp_path)
    builders.make_reading(document.pages.get(), text="# Mended\n\nby a person", source="edit", blocks=[])
    found = exported.words(exported.saved(document, "pdf", tmp_path))[0]
    assert [word for word, _ in found] == ["Mended", "by", "a", "person"]


def test_a_file_that_nothing_can_be_added_to_is_refused_with_a_sentence(mira: Any, tmp_path: Path) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    (tmp_path / "none").write_bytes(b"%PDF-1.7\nnothing")
    from jobs.gateways import storage

    storage.save_path(document.original_key, tmp_path / "none")
    with pytest.raises(errors.Unreadable, match="other formats"):
        exported.result(document, "pdf")


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.glob("*.pdf")) if CORPUS.exists() else [])
def test_files_of_all_kinds_look_as_they_did(mira: Any, tmp_path: Path, name: str) -> None:
    try:
        document = exported.document_of(mira, CORPUS / name, tmp_path, dpi=60)
    except errors.OcrsiteError:
        pytest.skip("refused at the door")
    if document.pages.filter(image_width_px=None).exists() or document.page_count > 20:
        pytest.skip("not drawn, or long")
    for page in document.pages.all():
        exported.read(page, block("text", "Zebrafish", (10, 10, page.image_width_px - 10, 40)))
    try:
        made = exported.saved(document, "pdf", tmp_path)
    except errors.Unreadable:
        return  # qpdf cannot mend it: said in a sentence
    original = Path(builders.storages["documents"].path(document.original_key))
    assert exported.same(
        exported.pictures(original, tmp_path / "a", dpi=40), exported.pictures(made, tmp_path / "b", dpi=40)
    )
