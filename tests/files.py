"""Makes files to upload: ordinary, odd, broken and hostile ones. Every function writes to `path` and returns it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

A4_AT_200_DPI = (1654, 2339)
EXIF_ORIENTATION = 274
SUBFILE_TAG = 254


# ---- ordinary


def numbered_pdf(
    path: Path, pages: int = 3, *, size: tuple[float, float] = A4, word: str = "Page", first: int = 1
) -> Path:
    """Every page names itself in letters large enough for any OCR."""
    canvas = Canvas(str(path), pagesize=size)
    for number in range(first, first + pages):
        canvas.setFont("Helvetica-Bold", min(size) / 7)
        canvas.drawCentredString(size[0] / 2, size[1] / 2, f"{word} {number}")
        canvas.showPage()
    canvas.save()
    return path


def text_pdf(path: Path, pages: Sequence[str]) -> Path:
    """A page for each text, line by line in 14 pt; an empty text makes a blank page."""
    canvas = Canvas(str(path), pagesize=A4)
    for text in pages:
        lines = canvas.beginText(60, A4[1] - 80)
        lines.setFont("Helvetica", 14, leading=20)
        lines.textLines(text)
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return path


def sized_pdf(path: Path, sizes: Iterable[tuple[float, float]]) -> Path:
    """Pages of the given sizes in points, each with a grey cross from corner to corner."""
    canvas = Canvas(str(path))
    for width, height in sizes:
        canvas.setPageSize((width, height))
        canvas.setLineWidth(min(width, height) / 50)
        canvas.line(0, 0, width, height)
        canvas.line(0, height, width, 0)
        canvas.showPage()
    canvas.save()
    return path


def changed_pdf(path: Path, change: Callable[[pikepdf.Pdf], None], *, pages: int = 3, **saving: object) -> Path:
    """A numbered PDF after `change` has had its way with it."""
    numbered_pdf(path, pages)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(path, **saving)
    return path


# ---- odd


def rotated_pdf(path: Path, degrees: Sequence[int] = (0, 90, 180, 270)) -> Path:
    """A black band that a person sees at the top of every page, whatever its /Rotate."""

    def turn(pdf: pikepdf.Pdf) -> None:
        width, height = (float(value) for value in A4)
        bands = {
            0: (0, height - 100, width, 100),
            90: (0, 0, 100, height),
            180: (0, 0, width, 100),
            270: (width - 100, 0, 100, height),
        }
        for page, angle in zip(pdf.pages, degrees, strict=True):
            page.Rotate = angle
            band = " ".join(str(value) for value in bands[angle])
            page.Contents = pdf.make_stream(f"{band} re f".encode())

    return changed_pdf(path, turn, pages=len(degrees))


def cropped_pdf(path: Path) -> Path:
    """A page of 600 x 800 points whose crop box, 300 x 400, is white; all around it is black."""

    def crop(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0]
        page.MediaBox, page.CropBox = [0, 0, 600, 800], [100, 200, 400, 600]
        page.Contents = pdf.make_stream(b"0 g 0 0 600 800 re f 1 g 100 200 300 400 re f")

    return changed_pdf(path, crop, pages=1)


def unit_pdf(path: Path, unit: float) -> Path:
    """One A4 page that says it is `unit` times as large, and one that does not."""

    def magnify(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].UserUnit = unit

    return changed_pdf(path, magnify, pages=2)


def dynamic_form_pdf(path: Path) -> Path:
    """An XFA form without fields of its own."""

    def add_form(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(XFA=pdf.make_stream(b"<xdp/>"), Fields=pikepdf.Array())

    return changed_pdf(path, add_form, pages=1)


def locked_pdf(path: Path, *, user: str, owner: str = "owner", pages: int = 3) -> Path:
    """`user` opens it; empty, it opens without asking."""
    encryption = pikepdf.Encryption(user=user, owner=owner)
    return changed_pdf(path, lambda pdf: None, pages=pages, encryption=encryption)


# ---- broken


def empty_file(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def html_file(path: Path) -> Path:
    path.write_text("<!doctype html><title>Not found</title><p>The page you asked for is not here.", encoding="utf-8")
    return path


def truncated_pdf(path: Path) -> Path:
    """The first half: without the catalogue, which comes last."""
    data = numbered_pdf(path, 5).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def zero_pages_pdf(path: Path) -> Path:
    with pikepdf.new() as pdf:
        pdf.save(path)
    return path


def broken_page_pdf(path: Path, *, pages: int = 5, broken: int = 3) -> Path:
    """One page's content is compressed garbage; the others are whole."""

    def damage(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(b"")
        stream.write(b"\x00garbage" * 50, filter=pikepdf.Name.FlateDecode)
        pdf.pages[broken - 1].Contents = stream

    return changed_pdf(path, damage, pages=pages, recompress_flate=False)


def stray_count_pdf(path: Path) -> Path:
    """Two pages with units of their own, a third that is not there, and a count that is no whole number.

    Poppler opens it. pikepdf does not, with an error that is not its usual one.
    """
    data = unit_pdf(path, 2.0).read_bytes()
    path.write_bytes(data.replace(b"/Count 2", b"/Count 2.0").replace(b"/Kids [", b"/Kids [ 99 0 R"))
    return path


def lost_content_pdf(path: Path, *, pages: int = 3, lost: int = 2) -> Path:
    """A page names a content that is nowhere in the file."""
    return _spoiled_page_pdf(path, pages, lost, lambda content: (b"\n%d 0 obj" % content, b"\n0 0 xyz"))


def lost_word_pdf(path: Path, *, pages: int = 3, lost: int = 2) -> Path:
    """The word by which a page names its content is none."""
    return _spoiled_page_pdf(
        path, pages, lost, lambda content: (b"/Contents %d 0 R" % content, b" Contents %d 0 R" % content)
    )


def _spoiled_page_pdf(path: Path, pages: int, spoiled: int, change: Callable[[int], tuple[bytes, bytes]]) -> Path:
    """`change`: from the number of the page's content to bytes of the file and those that take their place."""
    changed_pdf(path, lambda pdf: None, pages=pages, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    with pikepdf.open(path) as pdf:
        whole, broken = change(pdf.pages[spoiled - 1].obj.Contents.objgen[0])
    data = path.read_bytes()
    assert data.count(whole) == 1
    path.write_bytes(data.replace(whole, broken))
    return path


# ---- hostile


def bomb_pdf(path: Path, *, pages: int = 3, bomb: int = 2) -> Path:
    """A page of 10^9 nested drawings in a few kilobytes: it never gets done, and takes no memory."""

    def plant(pdf: pikepdf.Pdf) -> None:
        nested = form(pdf, b"0 0 500 500 re f", {})
        for _ in range(9):
            nested = form(pdf, b"/X Do\n" * 10, {"/X": nested})
        page = pdf.pages[bomb - 1]
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary({"/X": nested}))
        page.Contents = pdf.make_stream(b"/X Do")

    return changed_pdf(path, plant, pages=pages)


def form(pdf: pikepdf.Pdf, content: bytes, forms: dict[str, pikepdf.Object]) -> pikepdf.Object:
    stream = pdf.make_stream(content)
    stream.Type, stream.Subtype, stream.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, [0, 0, 600, 800]
    stream.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(forms))
    return stream


def forged_title_pdf(path: Path, *, pages: int = 2) -> Path:
    """A title that looks like a reader's report of 9,999 pages."""

    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Title"] = "Report\nPages: 9999\nPage    1 size: 1 x 1 pts\n"

    return changed_pdf(path, forge, pages=pages)


def pixel_bomb_png(path: Path, *, side_px: int = 20_000) -> Path:
    """A white square of 400 million pixels in a few dozen kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = side_px.to_bytes(4, "big")
    rows = zlib.compress((b"\x00" + b"\xff" * (side_px // 8)) * side_px, 9)
    header = chunk(b"IHDR", size + size + b"\x01\x00\x00\x00\x00")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


# ---- images


def picture(size: tuple[int, int] = (1654, 2339), text: str = "Page 1") -> Image.Image:
    """White, with a black band at the top and large letters in the middle."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0], size[1] // 10), fill="black")
    draw.text((size[0] / 2, size[1] / 2), text, fill="black", anchor="mm", font_size=min(size) // 8)
    return image


def sideways_jpeg(path: Path) -> Path:
    """Stored lying on its side, with the EXIF tag by which it is upright: as a phone does it."""
    image = picture((1200, 1600)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    image.save(path, "JPEG", exif=exif, dpi=(200, 200))
    return path


def multipage_tiff(path: Path, pages: int = 3) -> Path:
    """Pages of different heights, so that they can be told apart by size."""
    first, *others = [picture((800, 1000 + 100 * number), f"Page {number}") for number in range(1, pages + 1)]
    first.save(path, "TIFF", save_all=True, append_images=others, dpi=(200, 200), compression="tiff_deflate")
    return path


def fax_tiff(path: Path) -> Path:
    """Twice as many pixels across as down, as fax machines send A4."""
    image = picture((1728, 1143)).convert("1")
    image.save(path, "TIFF", dpi=(204, 98), compression="group4")
    return path


def transparent_png(path: Path) -> Path:
    """Black letters on nothing: black on black, where transparency is dropped."""
    image = Image.new("RGBA", (800, 600), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((400, 300), "Page 1", fill=(0, 0, 0, 255), anchor="mm", font_size=120)
    image.save(path, "PNG")
    return path


def deep_png(path: Path) -> Path:
    """16 bits: black, a middle grey and white, a third each from left to right."""
    row = b"\x00\x00" * 200 + b"\x00\x80" * 200 + b"\xff\xff" * 200
    Image.frombytes("I;16", (600, 300), row * 300).save(path, "PNG")
    return path


def cmyk_jpeg(path: Path) -> Path:
    picture((600, 800)).convert("CMYK").save(path, "JPEG")
    return path
