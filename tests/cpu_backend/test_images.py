from __future__ import annotations

import base64
import io
import zlib

import pytest
from PIL import Image

from jobs.cpu_backend import images


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(bitmap: images.Bitmap) -> bytes:
    return bitmap.pgm.split(b"255\n", 1)[1]


def test_a_data_url_gives_its_bytes():
    assert images.bytes_of("data:image/png;base64," + base64.b64encode(b"abc").decode()) == b"abc"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/page.png", "fetches nothing"),
        ("file:///etc/hostname", "fetches nothing"),
        ("data:image/png;base64", "missing ','"),
        ("data:image/png,abc", "Only base64"),
        ("data:image/png;base64,@@@@", "not valid base64"),
        ("data:image/png;base64,é", "not valid base64"),
    ],
)
def test_what_is_no_image_in_a_data_url_is_refused_with_a_reason(url: str, reason: str):
    with pytest.raises(images.BadImage, match=reason):
        images.bytes_of(url)


def test_an_image_becomes_grey_and_keeps_its_size_and_dpi():
    bitmap = images.decode(encoded(Image.new("RGB", (30, 20), "white"), "JPEG", dpi=(200, 200)))
    assert (bitmap.width_px, bitmap.height_px, bitmap.dpi) == (30, 20, 200)
    assert bitmap.pgm == b"P5 30 20 255\n" + b"\xff" * 600


@pytest.mark.parametrize("dpi", [None, (1, 1), (50_000, 50_000)])
def test_a_resolution_that_cannot_be_true_is_not_believed(dpi):
    options = {"dpi": dpi} if dpi else {}
    assert images.decode(encoded(Image.new("L", (4, 4)), **options)).dpi is None


@pytest.mark.parametrize("image", [Image.new("RGBA", (2, 2), (0, 0, 0, 0)), Image.new("LA", (2, 2), (0, 0))])
def test_transparent_is_white(image: Image.Image):
    assert pixels(images.decode(encoded(image))) == b"\xff" * 4


def test_sixteen_bits_become_eight_instead_of_white():
    image = Image.new("I;16", (2, 1))
    image.putpixel((0, 0), 65_535)
    image.putpixel((1, 0), 32_768)
    assert pixels(images.decode(encoded(image))) == b"\xff\x7f"


def test_a_photo_is_turned_as_its_camera_said():
    exif = Image.Exif()
    exif[0x0112] = 6
    bitmap = images.decode(encoded(Image.new("L", (30, 20), "white"), "JPEG", exif=exif))
    assert (bitmap.width_px, bitmap.height_px) == (20, 30)


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 20,000 px by 20,000 px."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = (20_000).to_bytes(4) * 2 + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def slightly_too_large() -> bytes:
    return encoded(Image.new("1", (9_500, 9_500)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot identify image file$"),
        (b"/etc/hostname\n", "cannot identify image file$"),
        (encoded(Image.effect_noise((200, 200), 50))[:5_000], "truncated"),
        (encoded(Image.effect_noise((200, 200), 50), "JPEG")[:5_000], "truncated"),
        (bomb(), "exceed the maximum"),
        (slightly_too_large(), "exceed the maximum"),
    ],
    ids=["empty", "a list of files", "cut PNG", "cut JPEG", "pixel bomb", "just over the bound"],
)
def test_bytes_that_cannot_be_decoded_are_refused_with_a_reason(data: bytes, reason: str):
    with pytest.raises(images.BadImage, match=reason):
        images.decode(data)
