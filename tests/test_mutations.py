"""The fuzzer's own promises, then what it is for: hundreds of damaged files, and no promise broken."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs import errors
from jobs.domain.placement import PlacedWord
from jobs.gateways import rasterizer, searchable_pdf, text_layer
from jobs.gateways.inspection import PDF
from jobs.gateways.limits import Limits
from jobs.gateways.searchable_pdf import PageLayer
from tests import files, mutations, originals, trial
from tests.gateways import fake_poppler
from tests.mutations import mutant

SEEDS = range(1, 301)
# Processor time is the same on a busy machine; by the clock there is plenty, for nothing here waits.
LIMITS = Limits(cpu_seconds=3, wall_seconds=40.0)


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return originals.made(Path(folder))


# ---- a mutant is told by its seed


def test_the_whole_files_are_the_same_bytes_each_time(whole: dict[str, bytes], tmp_path: Path) -> None:
    assert originals.made(tmp_path) == whole


def test_the_same_seed_makes_the_same_mutant_and_another_seed_another(whole: dict[str, bytes]) -> None:
    made = [mutant(seed, whole) for seed in SEEDS]
    assert made == [mutant(seed, whole) for seed in SEEDS]
    assert len({one.data for one in made}) > 0.95 * len(SEEDS)
    assert sum(one.data == whole[one.origin] for one in made) < 0.05 * len(SEEDS)
    assert {kind for one in made for kind in one.kinds} == set(mutations.KINDS)
    assert {one.origin for one in made} == set(whole)


# ---- the judge sees what it is there to see


def test_a_file_that_is_whole_breaks_nothing(tmp_path: Path) -> None:
    verdict = trial.try_file(files.numbered_pdf(own_file(tmp_path), 2), LIMITS)
    assert (verdict.broken, verdict.counts) == ([], Counter({"page drawn": 2}))
    assert all(ink > 0 for ink in verdict.ink.values())


def test_a_page_that_lost_its_ink_while_poppler_complained_is_a_broken_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial.rasterizer, "draw", blank_success)
    path = files.broken_page_pdf(own_file(tmp_path), pages=1, broken=1)
    (promise,) = trial.try_file(path, LIMITS, before={1: 0.1}).broken
    assert "blank" in promise


def test_a_page_that_says_of_itself_that_it_is_blank_is_taken_at_its_word(tmp_path: Path) -> None:
    verdict = trial.try_file(files.text_pdf(own_file(tmp_path), [""]), LIMITS, before={1: 0.1})
    assert (verdict.broken, verdict.counts) == ([], Counter({"page drawn: blank where there was ink": 1}))


def test_what_is_left_behind_is_a_broken_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = trial.rasterizer.draw

    def leave(path, *args, into, **options):
        (into / "forgotten").touch()
        return draw(path, *args, into=into, **options)

    monkeypatch.setattr(trial.rasterizer, "draw", leave)
    (promise,) = trial.try_file(files.numbered_pdf(own_file(tmp_path), 1), LIMITS).broken
    assert "forgotten" in promise


def test_an_error_that_is_no_refusal_is_a_broken_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(trial.rasterizer, "draw", crash)
    (promise,) = trial.try_file(files.numbered_pdf(own_file(tmp_path), 1), LIMITS).broken
    assert "ZeroDivisionError" in promise


def test_a_file_that_takes_its_reader_down_each_time_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_poppler.replace(monkeypatch, tmp_path, "kill -SEGV $$")
    verdict = trial.try_file(files.numbered_pdf(own_file(tmp_path), 1), LIMITS)
    assert verdict.broken == []
    assert [words for words in verdict.counts if words.startswith("page failed")]


def own_file(folder: Path) -> Path:
    own = folder / "own"
    own.mkdir()
    return own / "file.pdf"


def blank_success(path, media_type, boxes, *, dpi, into, limits):
    (page,) = boxes.values()
    size = (round(page.width_pt * dpi / 72), round(page.height_pt * dpi / 72))
    drawn = into / "1.jpg"
    trial.Image.new("L", size, "white").save(drawn)
    return [trial.DrawnPage(1, drawn, *size, dpi, 0.0)]


# ---- three hundred damaged files


@pytest.mark.slow
def test_no_damaged_file_breaks_a_promise(whole: dict[str, bytes], tmp_path: Path) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # what takes time are children: threads are enough
        ink = dict(zip(whole, pool.map(lambda name: ink_of(whole[name], tmp_path), whole), strict=True))
        verdicts = list(pool.map(lambda seed: trial.try_mutant(mutant(seed, whole), tmp_path, LIMITS, ink), SEEDS))
    broken = {str(mutant(seed, whole)): one.broken for seed, one in zip(SEEDS, verdicts, strict=True) if one.broken}
    assert broken == {}
    counts = sum((verdict.counts for verdict in verdicts), Counter[str]())
    assert counts["page drawn"] > 50
    assert sum(count for words, count in counts.items() if words.startswith("refused")) > 50
    assert sum(count for words, count in counts.items() if words.startswith("page failed")) > 10


def ink_of(data: bytes, folder: Path) -> trial.Ink:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        path = Path(own) / "file"
        path.write_bytes(data)
        verdict = trial.try_file(path, LIMITS)
    assert verdict.broken == []
    return verdict.ink


@pytest.mark.slow
def test_damaged_files_give_their_own_text_and_take_a_layer_or_refuse(whole: dict[str, bytes], tmp_path: Path) -> None:
    """What is asked of a file after it was read: the same promises, with one file and one child for each."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ends = Counter(pool.map(lambda seed: _exported(mutant(seed, whole).data, tmp_path), SEEDS[:60]))
    assert ends["refused at the door"] < 60
    assert ends["with a layer"] > 0
    assert trial.processes_with(str(tmp_path)) == []


def _exported(data: bytes, folder: Path) -> str:
    """How it ended. Any error but a refusal fails the test."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        path, target = Path(own) / "file", Path(own) / "target.pdf"
        path.write_bytes(data)
        try:
            found = rasterizer.inspect(path, max_pages=10_000, clear_copy=Path(own) / "clear", limits=LIMITS)
        except errors.RequestRefused:
            return "refused at the door"
        box, words = found.pages[0], [[PlacedWord("word", 10, 50, 100, 12)]]
        layer = PageLayer(1, max(1, round(box.width_pt)), max(1, round(box.height_pt)), words)
        if found.media_type == PDF:
            text_layer.read_pages(path, 1, 1, limits=LIMITS)
        try:
            searchable_pdf.make(path, found.media_type, [layer], target, page_count=1, limits=LIMITS)
        except errors.OcrsiteError:
            return "refused"
        assert {entry.name for entry in Path(own).iterdir()} <= {"file", "target.pdf"}
        return "with a layer" if target.exists() else "without"
