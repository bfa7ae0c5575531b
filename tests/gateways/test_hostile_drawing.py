"""A page that is damaged so that its readers disagree, or that takes its reader down, costs itself and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from jobs.gateways import rasterizer
from jobs.gateways.rasterizer import DrawnPage, FailedPage, Limits
from tests import files
from tests.gateways import fake_child, fake_poppler

DPI = 40


def draw(path: Path, limits: Limits = rasterizer.DEFAULT) -> dict[int, DrawnPage | FailedPage]:
    found = rasterizer.inspect(path, max_pages=100, clear_copy=path.parent / "clear.pdf", limits=limits)
    into = path.parent / "drawn"
    into.mkdir()
    boxes = dict(enumerate(found.pages, 1))
    results = rasterizer.draw(path, found.media_type, boxes, dpi=DPI, into=into, limits=limits)
    return {result.number: result for result in results}


def failures(results: dict[int, DrawnPage | FailedPage]) -> dict[int, str]:
    return {number: result.reason for number, result in results.items() if isinstance(result, FailedPage)}


# ---- a white page is believed only if it says so itself


@pytest.mark.parametrize("make", [files.lost_content_pdf, files.lost_word_pdf])
def test_a_page_whose_content_is_lost_is_not_taken_for_blank(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    results = draw(make(tmp_path / "a.pdf"))
    assert failures(results) == {2: rasterizer.DAMAGED}


def test_a_page_that_is_blank_stays_so_beside_one_that_is_damaged(tmp_path: Path) -> None:
    def damage(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(b"")
        stream.write(b"\x00garbage" * 50, filter=pikepdf.Name.FlateDecode)
        pdf.pages[0].Contents = stream
        pdf.pages[1].Contents = pdf.make_stream(b" \n ")
        del pdf.pages[2].Contents

    results = draw(files.changed_pdf(tmp_path / "a.pdf", damage, pages=4, recompress_flate=False))
    assert failures(results) == {1: rasterizer.DAMAGED}
    assert [results[number].ink for number in (2, 3)] == [0, 0]
    assert results[4].ink > 0


# ---- whoever takes the reader down


def test_a_file_that_the_second_reader_cannot_open_is_read_by_the_first_alone(tmp_path: Path) -> None:
    assert failures(draw(files.stray_count_pdf(tmp_path / "a.pdf"))) == {}


def test_a_page_that_crashes_the_look_at_it_fails_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child.replace(monkeypatch, tmp_path, "child_drawing.may_have_lost_something = lambda *args: os._exit(3)")
    assert failures(draw(files.broken_page_pdf(tmp_path / "a.pdf", pages=5, broken=2))) == {2: rasterizer.BROKEN}


def test_each_round_begins_anew_so_that_every_page_in_it_is_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages drawn a second time under their old names were no progress: whoever came behind them was stopped."""
    seen = tmp_path / "seen"
    script = f'for last; do :; done; echo "$(ls "$last"*.jpg 2>/dev/null | wc -l)" >> {seen}; exec $REAL "$@"'
    fake_poppler.replace(monkeypatch, tmp_path, script)
    fake_child.replace(monkeypatch, tmp_path, "child_drawing.may_have_lost_something = lambda *args: os._exit(3)")
    draw(files.broken_page_pdf(tmp_path / "a.pdf", pages=3, broken=3))
    before_each_call = [int(line) for line in seen.read_text().split()]
    assert before_each_call[0] == 0
    assert max(before_each_call) == 2  # the pages before it in the same round, never itself


def test_a_page_is_looked_at_again_without_what_was_drawn_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a page that hangs at its second drawing has a file already, and another one is taken for it."""
    script = 'case "$*" in *"-f 2 -l 2 "*) exec sleep 600;; esac; exec $REAL "$@"'
    fake_poppler.replace(monkeypatch, tmp_path, script)
    path = files.broken_page_pdf(tmp_path / "a.pdf", pages=3, broken=2)
    assert failures(draw(path, Limits(wall_seconds=8))) == {2: rasterizer.TOO_COMPLEX}
