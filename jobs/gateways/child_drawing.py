"""Draws pages of a PDF with pdf2image, in the limited child process.

Poppler's exit code says nothing: a crash leaves pages out, a page it cannot draw comes out white or as one pixel. So
what is believed is the files. Their names carry the page, their sizes are compared by the parent, and a white page is
believed only if poppler did not complain.
"""

from __future__ import annotations

import io
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pdf2image.pdf2image

from jobs.gateways import child_ink, child_limits

PREFIX = "page"
CHUNK_BYTES = 65_536
# A broken stream made poppler write 4 GB of complaints in 40 s; the noisiest file that does draw wrote 0.1 MB.
COMPLAINTS_MOST_BYTES = 32_000_000
BLANK = 1e-5


class Poppler(subprocess.Popen[bytes]):
    """Popen as pdf2image uses it, but that complaints are bounded: pdf2image keeps all of them in memory.

    It also remembers how poppler ended, which pdf2image does not tell.
    """

    last: ClassVar[Poppler]
    complaint = b""
    flooded = False
    out_of_memory = False

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        assert isinstance(self.args, list)
        assert isinstance(self.stderr, io.BufferedReader)
        if self.args[0] != "pdftoppm":
            return super().communicate(input, timeout)
        Poppler.last = self
        heard = 0
        while said := self.stderr.read1(CHUNK_BYTES):
            heard += len(said)
            self.out_of_memory = self.out_of_memory or b"Out of memory" in said
            self.complaint = self.complaint or said
            if heard > COMPLAINTS_MOST_BYTES:
                self.flooded = True
                self.kill()
        self.wait()
        return b"", self.complaint

    @property
    def exhausted(self) -> bool:
        return self.flooded or self.out_of_memory or self.returncode == -signal.SIGXCPU

    @property
    def complained(self) -> bool:
        return bool(self.complaint)


def draw(request: dict[str, Any]) -> dict[str, Any]:
    """{"pages": {number: {"width", "height", "ink", "file"} or {"failed": "too_complex" | "damaged"}}}.

    A page that is not named was not drawn.
    """
    drawing = _Drawing(request)
    for group in request["groups"]:
        drawing.draw_group(group["dpi"], range(group["first"], group["last"] + 1))
    return {"pages": drawing.pages}


class _Drawing:
    def __init__(self, request: dict[str, Any]) -> None:
        self.path: str = request["path"]
        self.folder = Path(request["folder"])
        self.quality: int = request["quality"]
        self.cpu_seconds: int = request["limits"]["cpu_seconds"]
        self.pages: dict[int, dict[str, Any]] = {}

    def draw_group(self, dpi: float, numbers: range) -> None:
        poppler = self._call(dpi, numbers[0], numbers[-1])
        self.measure(numbers)
        if len(numbers) > 1:
            for number in self._suspects(poppler, numbers):
                self._file(self.pages.pop(number)).unlink()
                self.draw_group(dpi, range(number, number + 1))
        elif poppler.exhausted:
            self.pages[numbers[0]] = {"failed": "too_complex"}
        elif self._suspects(poppler, numbers) and self._is_damaged(numbers[0]):
            self.pages[numbers[0]] = {"failed": "damaged"}

    def _is_damaged(self, number: int) -> bool:
        """Its file is away meanwhile: should the look take us down, our parent takes the page without a file for it."""
        drawn = self._file(self.pages[number])
        aside = drawn.with_suffix(".doubtful")
        drawn.rename(aside)
        damaged = may_have_lost_something(self.path, number)
        aside.rename(drawn)
        return damaged

    def _file(self, page: dict[str, Any]) -> Path:
        return self.folder / str(page["file"])

    def _call(self, dpi: float, first: int, last: int) -> Poppler:
        child_limits.allow_cpu(self.cpu_seconds * (last - first + 1))
        pdf2image.pdf2image.Popen = Poppler  # type: ignore[misc, assignment]
        pdf2image.convert_from_path(
            self.path,
            dpi=dpi,  # type: ignore[arg-type]  # goes to pdftoppm as it is, which takes fractions
            first_page=first,
            last_page=last,
            output_folder=self.folder,
            output_file=PREFIX,
            paths_only=True,
            use_cropbox=True,  # what is outside is hidden from a person, and may be there to be hidden
            fmt="jpeg",
            jpegopt={"quality": self.quality},
        )
        return Poppler.last

    def _suspects(self, poppler: Poppler, numbers: Iterable[int]) -> list[int]:
        """Drawn pages that the complaints may be about. One that lacks a picture for want of memory looks like any."""
        drawn = [number for number in numbers if number in self.pages]
        if poppler.out_of_memory:
            return drawn
        return [number for number in drawn if poppler.complained and self.pages[number]["ink"] < BLANK]

    def files(self) -> dict[int, Path]:
        """Never by position: where poppler fails, the files that follow move up."""
        return {int(path.stem.rpartition("-")[2]): path for path in self.folder.glob(f"{PREFIX}*-*.jpg")}

    def measure(self, numbers: Iterable[int]) -> None:
        files = self.files()
        for number in numbers:
            if number in files and number not in self.pages:
                measured = child_ink.measure(files[number])
                if measured is None:
                    files[number].unlink()
                else:
                    self.pages[number] = measured | {"file": files[number].name}


def may_have_lost_something(path: str, number: int) -> bool:
    """Whether a white page that poppler complained about may have shown more once.

    It is blank if it says so itself: it names no content, or an empty one, and a second reader finds the file whole.
    True where nobody can tell: a doubtful page is not blank.
    """
    from jobs.gateways.child_pikepdf import TROUBLE, pikepdf

    try:
        with pikepdf.open(path) as pdf:
            page = pdf.pages[number - 1].obj
            return _says_something(page) or bool(pdf.get_warnings())
    except TROUBLE:
        return True


def _says_something(page: Any) -> bool:
    from jobs.gateways.child_pikepdf import pikepdf

    contents = page.get("/Contents")
    if contents is None:
        return b"/Contents" in page.unparse(resolved=True)  # names one that is nowhere
    streams = contents.as_list() if isinstance(contents, pikepdf.Array) else [contents]
    return any(_is_filled(stream) for stream in streams)


def _is_filled(stream: Any) -> bool:
    return len(stream.read_raw_bytes()) > 1000 or bool(stream.read_bytes().strip())
