"""What a file is, before anything is done with it: its type, its pages and their sizes, whether it is locked.

The file is opened in the limited child process alone; here only its first bytes are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import errors
from jobs.gateways import child_process, disk
from jobs.gateways.limits import DEFAULT, Limits

HEAD_BYTES = 1024  # where readers, ours included, look for a PDF's first words
PDF = "application/pdf"
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
)
DAMAGED = "This file cannot be read. It may be damaged or cut off: save it anew and try again."
ENDINGS = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


@dataclass(frozen=True)
class PageBox:
    """What a person sees of a page, upright, in points of 1/72 inch: the crop box after rotation and unit.

    0 where the page has no area.
    """

    width_pt: float
    height_pt: float


@dataclass(frozen=True)
class Inspection:
    """`decrypted` is the clear copy, where a password was needed; it is to be drawn from then on."""

    media_type: str
    pages: tuple[PageBox, ...]
    warnings: tuple[str, ...] = ()
    decrypted: Path | None = None


def inspect(
    path: Path,
    *,
    password: str = "",
    max_pages: int,
    clear_copy: Path,
    name: str = "",
    limits: Limits = DEFAULT,
) -> Inspection:
    """Reads a PDF, PNG, JPEG or TIFF. A file locked with a password is written to `clear_copy` without it.
    `name` is what its owner calls it: a broken report.pdf is a PDF that cannot be read, not another type.

    Raises errors.UnsupportedType, Unreadable, PasswordRequired, WrongPassword, NoPages, TooManyPages, Unavailable.
    """
    media_type = sniff(path, name)
    request = {
        "operation": "inspect",
        "path": str(path.absolute()),
        "media_type": media_type,
        "password": password,
        "max_pages": max_pages,
        "clear_copy": str(clear_copy.absolute()),
        "max_image_pixels": limits.max_image_pixels,
    }
    answer = _ask(request, path, limits)
    if "refused" in answer:
        raise _refusal(answer, max_pages)
    boxes = tuple(PageBox(*box) for box in answer["pages"])
    return Inspection(media_type, boxes, tuple(answer["warnings"]), clear_copy if answer["unlocked"] else None)


def sniff(path: Path, name: str = "") -> str:
    """The media type by the first bytes; a name only chooses the words of a refusal.

    Raises errors.Unreadable, UnsupportedType.
    """
    with disk.our_errors(), path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise errors.Unreadable("The file is empty.")
    for signature, media_type in SIGNATURES:
        if head.startswith(signature):
            return media_type
    if b"%PDF-" in head:
        return PDF
    if name.lower().endswith(ENDINGS):
        raise errors.Unreadable(
            f"This file is not what its name says: it is no readable {name.rpartition('.')[2].upper()}."
        )
    raise errors.UnsupportedType("This is not a PDF, PNG, JPEG or TIFF file. Only these can be read.")


def _ask(request: Mapping[str, Any], path: Path, limits: Limits) -> dict[str, Any]:
    spare_bytes = path.stat().st_size * 3 // 2
    try:
        return child_process.run(request, limits=limits, wall_seconds=limits.wall_seconds, spare_bytes=spare_bytes)
    except child_process.ChildStopped:
        raise errors.Unreadable(
            "This file takes too long to read. It may be damaged: save it anew and try again."
        ) from None
    except child_process.ChildDied:
        disk.refuse_if_full(Path(str(request["clear_copy"])).parent)
        raise errors.Unreadable(DAMAGED) from None
    finally:
        Path(request["clear_copy"] + ".part").unlink(missing_ok=True)


def _refusal(answer: Mapping[str, Any], max_pages: int) -> errors.RequestRefused:
    refusals = {
        "unreadable": errors.Unreadable(DAMAGED),
        "password_required": errors.PasswordRequired(
            "This PDF is locked with a password. Give the password with the file."
        ),
        "wrong_password": errors.WrongPassword("This password does not open the PDF. Check it and try again."),
        "no_pages": errors.NoPages("This PDF has no pages."),
        "too_many_pages": errors.TooManyPages(
            f"This file has {answer.get('pages', 0):,} pages, and at most {max_pages:,} are taken. Split it first."
        ),
    }
    return refusals[answer["refused"]]
