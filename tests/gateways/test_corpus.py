"""Every file of the corpus, as its manifest says: pages, or a clear refusal, within limits.

Of the cases of docs/reliability.md it has P01 to P05, P07 to P14 and P18.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from jobs import errors
from jobs.gateways import rasterizer
from jobs.gateways.rasterizer import DrawnPage, FailedPage, Limits
from tests.conftest import CORPUS

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")

# A bomb ends within seconds, and the heaviest page that does draw (hugemono.pdf, 5 s) still fits.
LIMITS = Limits(cpu_seconds=20, wall_seconds=30)
PASSWORDS = {
    "libreoffice-writer-password.pdf": "openpassword",
    "pr6531_1.pdf": "asdfasdf",
    "print_protection.pdf": "1234",
    "saslprep-r6.pdf": "S\u00aaSL\u00adprep",
}
UNDRAWABLE = {
    "bomb_giant.pdf": {1: rasterizer.TOO_COMPLEX},
    "issue19484_1.pdf": {1: rasterizer.NO_AREA},
    "poppler-742-0-fuzzed.pdf": {1: rasterizer.NO_AREA},
    "Pages-tree-refs.pdf": {2: rasterizer.NO_AREA},
    "boundingBox_invalid.pdf": {3: rasterizer.NO_AREA},
    "operator_list_cycle.pdf": {1: rasterizer.DAMAGED},
}
BLANK = {"empty.pdf", "empty#hash.pdf", "livecycle.pdf", "GHOSTSCRIPT-698804-1-fuzzed.pdf"}


def manifest() -> dict[str, int | None]:
    """File name to the number of pages poppler opens it with, None where it does not."""
    if not CORPUS.is_dir():
        return {}
    with (CORPUS / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["file"]: int(row["expected_pages_pdfinfo"] or 0) or None for row in rows}


READABLE = sorted(name for name, pages in manifest().items() if pages)
REFUSED = sorted(name for name, pages in manifest().items() if not pages and name not in PASSWORDS)


def inspect(name: str, folder: Path, password: str = "") -> rasterizer.Inspection:
    clear_copy = folder / "clear.pdf"
    return rasterizer.inspect(
        CORPUS / name, password=password, max_pages=10_000, clear_copy=clear_copy, name=name, limits=LIMITS
    )


def draw(found: rasterizer.Inspection, path: Path, folder: Path) -> list[DrawnPage | FailedPage]:
    boxes = dict(enumerate(found.pages, 1))
    return rasterizer.draw(path, found.media_type, boxes, dpi=200, into=folder, limits=LIMITS)


def test_every_file_of_the_corpus_is_in_its_manifest_and_tried_here() -> None:
    assert {path.name for path in CORPUS.glob("*.pdf")} == set(manifest())
    assert {*READABLE, *REFUSED, *PASSWORDS} == set(manifest())
    assert {*UNDRAWABLE, *BLANK} <= set(READABLE)


@pytest.mark.parametrize("name", READABLE)
def test_a_readable_file_gives_all_its_pages_or_says_why_not(name: str, tmp_path: Path) -> None:
    found = inspect(name, tmp_path)
    assert len(found.pages) == manifest()[name]
    results = draw(found, CORPUS / name, tmp_path)
    failed = {result.number: result.reason for result in results if isinstance(result, FailedPage)}
    assert failed == UNDRAWABLE.get(name, {})
    for page in results:
        if isinstance(page, DrawnPage):
            assert max(page.width_px, page.height_px) <= LIMITS.max_side_px
            assert min(page.width_px, page.height_px) > LIMITS.min_side_px
            assert (page.ink == 0) == (name in BLANK)


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(errors.Unreadable):
        inspect(name, tmp_path)


@pytest.mark.parametrize("name", sorted(PASSWORDS))
def test_a_locked_file_opens_with_its_password_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(errors.PasswordRequired):
        inspect(name, tmp_path)
    with pytest.raises(errors.WrongPassword):
        inspect(name, tmp_path, password="not this one")
    found = inspect(name, tmp_path, password=PASSWORDS[name])
    assert found.decrypted is not None
    results = draw(found, found.decrypted, tmp_path)
    assert all(isinstance(page, DrawnPage) and page.ink > 0 for page in results)


def test_the_crop_box_is_the_page(tmp_path: Path) -> None:
    found = inspect("issue6413.pdf", tmp_path)
    assert (found.pages[0].width_pt, found.pages[0].height_pt) == (841, 1190)


def test_a_placeholder_of_a_dynamic_form_is_warned_of(tmp_path: Path) -> None:
    assert "dynamic form" in inspect("livecycle.pdf", tmp_path).warnings[0]
