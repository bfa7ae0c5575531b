"""Reads a PDF's pages, sizes and locks, in the limited child process.

Poppler decides: it draws the pages later, so its count and its boxes are the ones in force, whatever another reader
would make of a damaged file. pikepdf unlocks, and is asked only where a file may hold something that poppler does not
tell (units, dynamic forms), because it takes 0.1 s to load.
"""

from __future__ import annotations

import math
import mmap
import re
import stringprep
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

SIZE = re.compile(rb"^Page +(\d+) size: +(\S+) x (\S+) pts", re.MULTILINE)
ROTATION = re.compile(rb"^Page +(\d+) rot: +(-?\d+)", re.MULTILINE)
COUNT = re.compile(rb"^Pages: +(\d+)", re.MULTILINE)
# Any of these may matter, and object streams may hide the others.
TELLING = (b"/UserUnit", b"/NeedsRendering", b"/XFA", b"/ObjStm")
# Each word is looked for at about 1 GB/s: above this, pikepdf itself is there sooner (500 MB: 0.3 s instead of 2 s).
SEARCHED_MOST_BYTES = 25_000_000
MAX_USER_UNIT = 75_000.0  # Acrobat's own largest page, 15 million inches, over its largest box
DYNAMIC_FORM = (
    "This PDF is a dynamic form (XFA). Only its placeholder page may be visible here: "
    "print the filled form to a PDF in Adobe Reader and upload that."
)


def inspect(request: dict[str, Any]) -> dict[str, Any]:
    """{"pages": [[width_pt, height_pt], ...], "warnings": [...], "unlocked": bool} or {"refused": word, "pages": n}."""
    path, unlocked = Path(request["path"]), False
    told, complaint = _pdfinfo(path, request["max_pages"])
    if b"Incorrect password" in complaint:
        refused = _unlock(path, request["password"], Path(request["clear_copy"]))
        if refused:
            return {"refused": refused}
        path, unlocked = Path(request["clear_copy"]), True
        told, complaint = _pdfinfo(path, request["max_pages"])
    answer = _read_pages(path, told, request["max_pages"])
    return answer | {"unlocked": unlocked}


def _pdfinfo(path: Path, max_pages: int) -> tuple[bytes, bytes]:
    """What it tells and what it complains of. All pages in one call: 10,000 take 0.1 s."""
    command = ["pdfinfo", "-f", "1", "-l", str(max_pages), str(path)]
    done = subprocess.run(command, capture_output=True, check=False)  # the parent keeps the clock for both of us
    return done.stdout, done.stderr


def _read_pages(path: Path, told: bytes, max_pages: int) -> dict[str, Any]:
    counts = COUNT.findall(told)
    if not counts:
        return {"refused": "no_pages" if _is_empty(path) else "unreadable"}
    count = int(counts[-1])  # a title with a line break can forge an earlier one
    if not 0 < count <= max_pages:
        return {"refused": "too_many_pages" if count else "no_pages", "pages": count}
    units, warnings = _look_inside(path, count) if _may_tell_more(path) else ({}, [])
    return {"pages": _boxes(told, count, units), "warnings": warnings}


def _boxes(told: bytes, count: int, units: dict[int, float]) -> list[list[float]]:
    sizes = {int(number): (_points(width), _points(height)) for number, width, height in SIZE.findall(told)}
    turned = {int(number) for number, degrees in ROTATION.findall(told) if int(degrees) % 180 == 90}
    boxes = []
    for number in range(1, count + 1):
        width, height = sizes.get(number, (0.0, 0.0))
        unit = units.get(number, 1.0)
        box = [width * unit, height * unit]
        boxes.append(box[::-1] if number in turned else box)
    return boxes


def _points(word: bytes) -> float:
    try:
        value = float(word)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def _may_tell_more(path: Path) -> bool:
    if path.stat().st_size > SEARCHED_MOST_BYTES:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(word) >= 0 for word in TELLING)


def _look_inside(path: Path, count: int) -> tuple[dict[int, float], list[str]]:
    """Page units other than 1 by page number, and warnings. What pikepdf cannot read is left to poppler's word."""
    from jobs.gateways.child_pikepdf import TROUBLE, pikepdf

    try:
        with pikepdf.open(path) as pdf:
            warnings = [DYNAMIC_FORM] if _is_dynamic_form(pdf) else []
            units = {number: _unit(page.obj) for number, page in enumerate(pdf.pages, 1) if "/UserUnit" in page.obj}
            return (units if len(pdf.pages) == count else {}), warnings
    except TROUBLE:
        return {}, []


def _unit(page: Any) -> float:
    value = float(page["/UserUnit"])
    return value if math.isfinite(value) and 0 < value <= MAX_USER_UNIT else 1.0


def _is_dynamic_form(pdf: Any) -> bool:
    """A static XFA form has fields that poppler draws; a dynamic one has none, or says that it needs rendering."""
    if pdf.Root.get("/NeedsRendering", False):
        return True
    form = pdf.Root.get("/AcroForm")
    return form is not None and "/XFA" in form and len(form.get("/Fields", [])) == 0


def _is_empty(path: Path) -> bool:
    """Poppler has one message for a file without pages and for one that it cannot read."""
    from jobs.gateways.child_pikepdf import TROUBLE, pikepdf

    try:
        with pikepdf.open(path) as pdf:
            return len(pdf.pages) == 0
    except TROUBLE:
        return False


def _unlock(path: Path, password: str, clear_copy: Path) -> str | None:
    """Writes the clear copy, or says what is in the way. The copy appears whole or not at all."""
    from jobs.gateways.child_pikepdf import TROUBLE, pikepdf

    if not password:
        return "password_required"
    part = clear_copy.with_name(clear_copy.name + ".part")
    for spelling in _spellings(password):
        try:
            with pikepdf.open(path, password=spelling) as pdf:
                pdf.save(part, encryption=False, preserve_pdfa=False, fix_metadata_version=False)
        except pikepdf.PasswordError:
            continue
        except TROUBLE:
            return "unreadable"
        part.replace(clear_copy)
        return None
    return "wrong_password"


def _spellings(password: str) -> list[str | bytes]:
    """As typed, as PDF 2.0 prepares it (RFC 4013), and as the single bytes older files were locked with."""
    spellings: list[str | bytes] = [password]
    prepared = _saslprep(password)
    if prepared != password:
        spellings.append(prepared)
    if not password.isascii():
        spellings.append(password.encode("latin-1", "ignore"))
    return spellings


def _saslprep(password: str) -> str:
    kept = (
        " " if stringprep.in_table_c12(letter) else letter for letter in password if not stringprep.in_table_b1(letter)
    )
    return unicodedata.normalize("NFKC", "".join(kept))
