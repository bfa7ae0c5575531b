"""Makes the files that were trouble elsewhere, each small, written by hand where no library would write it.

Every function writes to `path` and returns it. Ordinary, odd and broken files are made by tests/files.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

PAGE = b"<< /Type /Page /Parent 2 0 R >>"


def raw_pdf(path: Path, objects: Iterable[bytes]) -> Path:
    """Objects 1, 2, … as given, with a right table of their places. The first is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    path.write_bytes(data + b"xref\n0 %d\n0000000000 65535 f \n" % size + rows + end)
    return path


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def one_page_pdf(path: Path, page: bytes, others: Iterable[bytes] = ()) -> Path:
    """`page`: entries of its dictionary. Objects of its own begin with number 4."""
    kids = b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 300 400] >>"
    return raw_pdf(path, [CATALOGUE, kids, b"<< /Type /Page /Parent 2 0 R %s >>" % page, *others])


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"


# ---- pages


def blank_pages_pdf(path: Path, pages: int) -> Path:
    """Thousands of pages in some hundred kilobytes."""
    kids = b" ".join(b"%d 0 R" % number for number in range(3, pages + 3))
    tree = b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 300 400] >>" % (kids, pages)
    return raw_pdf(path, [CATALOGUE, tree, *[PAGE] * pages])


def claimed_pages_pdf(path: Path, claimed: int) -> Path:
    """Says how many pages it has, and has one."""
    tree = b"<< /Type /Pages /Kids [3 0 R] /Count %d /MediaBox [0 0 300 400] >>" % claimed
    return raw_pdf(path, [CATALOGUE, tree, PAGE])


def page_circle_pdf(path: Path) -> Path:
    """Two pages by its count: one, and a branch of the tree that is its own root."""
    tree = b"<< /Type /Pages /Kids [3 0 R 5 0 R] /Count 2 /MediaBox [0 0 300 400] >>"
    page = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>"
    branch = b"<< /Type /Pages /Kids [5 0 R] /Count 1 /Parent 2 0 R >>"
    return raw_pdf(path, [CATALOGUE, tree, page, stream(b"50 50 200 300 re f"), branch])


def boxes_pdf(path: Path, boxes: Iterable[tuple[float, float]]) -> Path:
    """A page of each size in points, even none, its lower left quarter black."""
    boxes = list(boxes)
    kids = b" ".join(b"%d 0 R" % (3 + 2 * place) for place in range(len(boxes)))
    tree = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(boxes))
    objects = [CATALOGUE, tree]
    for width, height in boxes:
        box = b"[0 0 %f %f]" % (width, height)
        content = b"/Contents %d 0 R" % (len(objects) + 2)
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox %s /CropBox %s %s >>" % (box, box, content))
        objects.append(stream(b"0 0 %f %f re f" % (width / 2 or 100, height / 2 or 100)))
    return raw_pdf(path, objects)


def hidden_words_pdf(path: Path) -> Path:
    """A word inside the crop box, and one outside that nobody sees."""
    words = b"BT /F1 24 Tf 120 400 Td (visible) Tj -100 340 Td (hidden) Tj ET"
    font = b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    return one_page_pdf(
        path, b"%s /MediaBox [0 0 600 800] /CropBox [100 200 400 600] /Contents 4 0 R" % font, [stream(words)]
    )


def japanese_pdf(path: Path) -> Path:
    """Five letters in Shift-JIS with a font that is not in the file."""
    words = stream(b"BT /F1 48 Tf 20 200 Td <82A082A282A482A682A8> Tj ET")
    system = b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >>"
    letters = b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /MS-Gothic %s /DW 1000 >>" % system
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /MS-Gothic /Encoding /90ms-RKSJ-H /DescendantFonts [5 0 R] >>"
    return one_page_pdf(path, b"/Resources << /Font << /F1 6 0 R >> >> /Contents 4 0 R", [words, letters, font])


# ---- what explodes or never ends


def drawing_circle_pdf(path: Path) -> Path:
    """A drawing that draws itself, beside a black square."""
    content = stream(b"50 50 200 300 re f /X Do")
    circle = stream(b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 300 400] /Resources 6 0 R")
    return one_page_pdf(path, b"/Resources 6 0 R /Contents 4 0 R", [content, circle, b"<< /XObject << /X 5 0 R >> >>"])


def content_bomb_pdf(path: Path, *, megabytes: int = 300) -> Path:
    """Drawing orders without end, packed a thousand times smaller."""
    orders = b"0 0 m 300 400 l S\n" * (2**20 // 18)
    return one_page_pdf(path, b"/Contents 4 0 R", [stream(_packed(orders, megabytes), b"/Filter /FlateDecode")])


def picture_bomb_pdf(path: Path, *, side_px: int = 20_000) -> Path:
    """A black picture of `side_px` squared, packed twice over."""
    row = bytes(side_px * 3)
    data = zlib.compress(_packed(row, side_px))
    picture = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceRGB" % (
        side_px,
        side_px,
    )
    packed = b"/Filter [/FlateDecode /FlateDecode]"
    return _picture_pdf(path, stream(data, picture + packed))


def fax_bomb_pdf(path: Path, *, side_px: int = 35_000) -> Path:
    """A black JBIG2 picture that is nothing but its size."""
    size = side_px.to_bytes(4, "big")
    page = size + size + b"\0" * 8 + b"\x04\0\0"  # no resolution; black where nothing is drawn
    data = b"\0\0\0\0\x30\0\x01" + len(page).to_bytes(4, "big") + page  # segment 0, page information, of page 1
    picture = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 1 /ColorSpace /DeviceGray" % (
        side_px,
        side_px,
    )
    return _picture_pdf(path, stream(data, picture + b"/Filter /JBIG2Decode"))


def _picture_pdf(path: Path, picture: bytes) -> Path:
    content = stream(b"200 0 0 300 50 50 cm /X Do")
    return one_page_pdf(path, b"/Resources << /XObject << /X 5 0 R >> >> /Contents 4 0 R", [content, picture])


def _packed(piece: bytes, times: int) -> bytes:
    """`piece` many times over, packed in no time: its packed form is repeated, and ends with no check sum."""
    packer = zlib.compressobj(9)
    head = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    body = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + body * (times - 1) + b"\x03\x00"


# ---- what asks for more than it holds


def reaching_out_pdf(path: Path, *, file: Path, address: str) -> Path:
    """Its content is said to be in another file, its picture at an address; it opens with a program, too."""
    content = stream(b"", b"/F (%s)" % str(file).encode())
    remote = b"/F << /Type /Filespec /FS /URL /F (%s) >>" % address.encode()
    picture = stream(b"", b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 " + remote)
    action = b"/AA << /O << /S /URI /URI (%s) >> >>" % address.encode()
    resources = b"/Resources << /XObject << /X 5 0 R >> >>"
    return one_page_pdf(
        path,
        b"%s %s /Contents [4 0 R 6 0 R]" % (resources, action),
        [content, picture, stream(b"200 0 0 300 50 50 cm /X Do")],
    )
