"""A file's trial: inspected and drawn as the site does it, then every promise about hostile files is looked at.

The promises: a refusal or pages, each drawn or failed with a sentence; a drawn page has the size that was promised; no
other exception; nothing beyond the limits; no process and no file left behind; no page that had ink comes out blank as
a success while poppler complained.

That last one, the oracle for blank pages: page n of the PDF before it was damaged showed ink; page n of the mutant was
kept as blank. Poppler is asked again, for this page alone. If it complains, a promise is broken. If it does not, the
file now says something else, such as white letters or no content, and is taken at its word, as is a picture that its
decoder takes without complaint: those are counted, not condemned.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from jobs import errors
from jobs.gateways import inspection, rasterizer
from jobs.gateways.rasterizer import DrawnPage, FailedPage, Limits, PageBox
from tests.mutations import Mutant

DPI = 30
MOST_PAGES = 4  # of a file that are drawn
BLANK_INK = 1e-5  # services/preparing.py keeps a page below as blank
POPPLER_SECONDS = 60
SLACK_SECONDS = 30.0  # to start, end and reap, on a machine that does much else

Ink = dict[int, float]


@dataclass
class Verdict:
    """`counts`: what came of it, in words ("refused: …", "drawn", "failed: …"). `broken`: promises, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    ink: Ink = field(default_factory=dict)


def try_file(path: Path, limits: Limits, *, before: Mapping[int, float] | None = None) -> Verdict:
    """The trial of the file at `path`, which must be in a folder of its own. `before`: ink of its undamaged pages."""
    verdict = Verdict()
    with _own_scratch(path.parent) as scratch:
        started = time.monotonic()
        _inspect_and_draw(path, limits, verdict, before or {})
        _look_at_the_clock(time.monotonic() - started, limits, verdict)
        if left := sorted(entry.name for entry in scratch.iterdir()):
            verdict.broken.append(f"left files behind: {left}")
    if left := processes_with(str(path.parent)):
        verdict.broken.append(f"left processes behind: {left}")
    return verdict


def try_mutant(mutant: Mutant, folder: Path, limits: Limits, ink: Mapping[str, Ink]) -> Verdict:
    """`ink`: that of each undamaged file's pages, by name. Leaves nothing in `folder`."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"mutant-{mutant.seed}-") as own:
        path = Path(own) / "file"
        path.write_bytes(mutant.data)
        return try_file(path, limits, before=ink[mutant.origin])


@contextmanager
def _own_scratch(folder: Path) -> Iterator[Path]:
    """What the site would put beside its uploads goes here."""
    scratch = folder / "scratch"
    scratch.mkdir()
    yield scratch
    for entry in scratch.iterdir():
        entry.unlink()
    scratch.rmdir()


def _inspect_and_draw(path: Path, limits: Limits, verdict: Verdict, before: Mapping[int, float]) -> None:
    scratch = path.parent / "scratch"
    try:
        found = rasterizer.inspect(path, max_pages=10_000, clear_copy=scratch / "clear", limits=limits)
        boxes = dict(list(enumerate(found.pages, 1))[:MOST_PAGES])
        results = rasterizer.draw(path, found.media_type, boxes, dpi=DPI, into=scratch, limits=limits)
    except errors.RequestRefused as refusal:
        verdict.counts[f"refused: {refusal.code}"] += 1
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, it would have taken a worker's message down
        verdict.broken.append(f"raised {error!r}")
        return
    if [result.number for result in results] != list(boxes):
        verdict.broken.append("a page has no result")
    for result in results:
        if isinstance(result, FailedPage):
            verdict.counts[f"page failed: {result.reason}"] += 1
        else:
            _look_at_page(path, result, boxes[result.number], limits, verdict, before)
            result.path.unlink()


def _look_at_page(
    path: Path, page: DrawnPage, box: PageBox, limits: Limits, verdict: Verdict, before: Mapping[int, float]
) -> None:
    verdict.ink[page.number] = page.ink
    with Image.open(page.path) as image:
        image.load()
        size = image.size
    if size != (page.width_px, page.height_px) or min(size) < limits.min_side_px or max(size) > limits.max_side_px:
        verdict.broken.append(f"page {page.number} is {size}")
    if abs(size[0] * box.height_pt - size[1] * box.width_pt) > 4 * max(box.height_pt, box.width_pt):
        verdict.broken.append(f"page {page.number} is {size}, its box {box}")
    if page.ink >= BLANK_INK or before.get(page.number, 0.0) < BLANK_INK:
        verdict.counts["page drawn"] += 1
        return
    verdict.counts["page drawn: blank where there was ink"] += 1
    complaint = _complaint_about(path, page.number) if _is_pdf(path) else b""
    if complaint:
        verdict.broken.append(f"page {page.number} is blank, and poppler said {complaint[:300]!r}")


def _is_pdf(path: Path) -> bool:
    return inspection.sniff(path) == inspection.PDF


def _complaint_about(path: Path, number: int) -> bytes:
    command = ["pdftoppm", "-r", str(DPI), "-cropbox", "-f", str(number), "-l", str(number), str(path)]
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=POPPLER_SECONDS)
    except subprocess.TimeoutExpired:
        return b"nothing, but it took too long"
    return done.stderr


def _look_at_the_clock(seconds: float, limits: Limits, verdict: Verdict) -> None:
    """Each page may hang once and crash twice; the file is inspected once."""
    most = limits.wall_seconds * (1 + MOST_PAGES * rasterizer.TRIES) + SLACK_SECONDS
    if seconds > most:
        verdict.broken.append(f"took {seconds:.0f} s, more than {most:.0f}")


def processes_with(words: str) -> list[str]:
    """Command lines of this machine's processes that name `words`; a zombie's is empty and told by its state."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it ended meanwhile
        if words in line:
            found.append(line)
    return found
