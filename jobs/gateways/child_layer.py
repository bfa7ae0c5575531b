"""Adds an invisible layer of text to a PDF, or makes a PDF of an uploaded image, in the limited child process.

The layer stands before a page's own content, in a bracket of its own: nothing that a page draws can change it, and it
changes nothing that a page draws. What a page says already in letters of its own is not said twice.
"""

from __future__ import annotations

import json
import math
import subprocess
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name

from jobs.gateways import glyphless
from jobs.gateways.child_pikepdf import TROUBLE

FONT = Name("/OcrsiteText")
OWN_TEXT_PAGES = 50  # whose own text is asked for at once
OWN_TEXT_MOST_BYTES = 20_000_000
SAID_ALREADY = 0.5  # of a block's words on the page in letters of its own: the block is there already
ASPECT_SLACK = 0.05
PARENTS_MOST = 50


def add(request: dict[str, Any]) -> dict[str, Any]:
    """{"pages": with a layer, "left": [numbers of pages whose boxes are too odd for one]} or {"refused": word}.

    Each line of the file `layer` is a page: {"number", "width", "height" (px), "blocks": [[[word, left, right,
    baseline, size], ...], ...]}, by number.
    """
    try:
        with _opened(request) as pdf:
            answer = _add_all(pdf, request)
            pdf.save(
                request["target"],
                stream_decode_level=pikepdf.StreamDecodeLevel.none,  # what is there stays as it is
                object_stream_mode=pikepdf.ObjectStreamMode.preserve,
            )
    except pikepdf.PikepdfError:
        return {"refused": "unreadable"}
    return answer


def _opened(request: dict[str, Any]) -> pikepdf.Pdf:
    if request["media_type"] == "application/pdf":
        return pikepdf.open(request["path"])
    from jobs.gateways import child_image_pages

    return child_image_pages.as_pdf(request)


def _add_all(pdf: pikepdf.Pdf, request: dict[str, Any]) -> dict[str, Any]:
    font, letters = glyphless.add_to(pdf), glyphless.Letters()
    own = _OwnText(request["path"]) if request["media_type"] == "application/pdf" else None
    done, left = 0, []
    for told in _lines(request["layer"]):
        number = told["number"]
        try:
            blocks = own.unsaid(number, told["blocks"]) if own else told["blocks"]
            if any(blocks):
                _add(pdf, pdf.pages[number - 1].obj, told, blocks, font, letters)
                done += 1
        except TROUBLE:
            left.append(number)
    if done:
        glyphless.finish(pdf, font, letters)
    return {"pages": done, "left": left}


def _lines(path: str) -> Iterator[dict[str, Any]]:
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _add(pdf: pikepdf.Pdf, page: Any, told: dict[str, Any], blocks: list[Any], font: Any, letters: Any) -> None:
    matrix, width_pt, height_pt = geometry(page)
    across, down = width_pt / told["width"], height_pt / told["height"]
    if abs(across / down - 1) > ASPECT_SLACK:
        raise ValueError("the page's box is not the one that was drawn")
    words = [_word(word, across, down, height_pt, letters) for block in blocks for word in block]
    placed = " ".join(f"{value:.5f}".rstrip("0").rstrip(".") for value in matrix)
    content = f"q {placed} cm BT 3 Tr\n{''.join(words)}ET Q\n"
    stream = pdf.make_stream(b"")
    stream.write(zlib.compress(content.encode("ascii")), filter=Name.FlateDecode)
    _give_font(page, font)
    pikepdf.Page(page).contents_add(stream, prepend=True)


def _word(word: list[Any], across: float, down: float, height_pt: float, letters: Any) -> str:
    text, left, right, baseline, size = word
    size_pt = max(size * down, 0.1)
    natural = len(text) * glyphless.ADVANCE * size_pt
    stretch = max((right - left) * across, 0.1) / natural * 100
    codes = letters.codes(text + " ")  # a space, for whoever copies without looking at gaps
    return (
        f"{FONT} {size_pt:.2f} Tf {stretch:.2f} Tz "
        f"1 0 0 1 {left * across:.2f} {height_pt - baseline * down:.2f} Tm <{codes}> Tj\n"
    )


def _give_font(page: Any, font: Any) -> None:
    """In resources of the page's own: those it has may be another page's too."""
    known: Any = inherited(page, "/Resources")
    resources = Dictionary(known or {})
    known = resources.get("/Font", {})
    fonts = Dictionary(known)
    fonts[FONT] = font
    resources.Font = fonts
    page.Resources = resources


def geometry(page: Any) -> tuple[tuple[float, ...], float, float]:
    """From the page as a person sees it (points, from its lower left corner) to its own space; its width and height.

    What is seen is the crop box inside the media box, turned. The unit makes all of it larger, so it needs no regard.
    Raises ValueError where nothing is to be seen.
    """
    x1, y1, x2, y2 = _visible(page)
    width, height = x2 - x1, y2 - y1
    turn = int(inherited(page, "/Rotate") or 0) % 360
    if turn == 90:
        return (0, 1, -1, 0, x2, y1), height, width
    if turn == 180:
        return (-1, 0, 0, -1, x2, y2), width, height
    if turn == 270:
        return (0, -1, 1, 0, x1, y2), height, width
    return (1, 0, 0, 1, x1, y1), width, height


def _visible(page: Any) -> tuple[float, float, float, float]:
    media = _box(inherited(page, "/MediaBox"))
    crop = _box(inherited(page, "/CropBox") or inherited(page, "/MediaBox"))
    x1, y1, x2, y2 = max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3])
    if x2 <= x1 or y2 <= y1:
        raise ValueError("nothing of this page is to be seen")
    return x1, y1, x2, y2


def _box(values: Any) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in values)
    if not all(math.isfinite(value) for value in (a, b, c, d)):
        raise ValueError("a box without end")
    return min(a, c), min(b, d), max(a, c), max(b, d)


def inherited(page: Any, name: str) -> Any:
    """A page's attribute, or the one of the branch it hangs on."""
    node = page
    for _ in range(PARENTS_MOST):
        if name in node:
            return node[name]
        if "/Parent" not in node:
            return None
        node = node["/Parent"]
    return None


class _OwnText:
    """What the file's pages say in letters of their own, asked of poppler some pages at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._first = -OWN_TEXT_PAGES
        self._pages: list[Counter[str]] = []

    def unsaid(self, number: int, blocks: list[Any]) -> list[Any]:
        """The blocks that the page does not say already."""
        own = self._of(number)
        return [block for block in blocks if not _is_said(block, own)]

    def _of(self, number: int) -> Counter[str]:
        if not self._first <= number < self._first + OWN_TEXT_PAGES:
            self._first = number
            self._pages = [Counter(_plain(page.split())) for page in self._ask(number).split("\f")]
        place = number - self._first
        return self._pages[place] if place < len(self._pages) else Counter()

    def _ask(self, first: int) -> str:
        last = first + OWN_TEXT_PAGES - 1
        command = ["pdftotext", "-q", "-enc", "UTF-8", "-f", str(first), "-l", str(last), self._path, "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            said = process.stdout.read(OWN_TEXT_MOST_BYTES)  # the parent keeps the clock for both of us
            process.kill()
        return said.decode("utf-8", "replace")


def _is_said(block: list[Any], own: Counter[str]) -> bool:
    words = Counter(_plain([word[0] for word in block]))
    if not own:
        return False
    if not words:
        return True
    return (words & own).total() >= SAID_ALREADY * words.total()


def _plain(words: list[str]) -> list[str]:
    """Without what an OCR and a PDF may write differently: case, punctuation, ligatures' parts."""
    plain = ("".join(letter for letter in word.casefold() if letter.isalnum()) for word in words)
    return [word for word in plain if word]
