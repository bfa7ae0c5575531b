"""An uploaded image as a PDF whose pages show it, in the limited child process. Nothing of it is lost on the way.

A JPEG goes in as it is. Anything else is unpacked, set upright on white and packed without loss.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name
from PIL import Image, ImageOps

from jobs.gateways import child_images

TURNS = {1: 0, 3: 180, 6: 90, 8: 270}  # EXIF's orientations without a mirror, as degrees clockwise
LARGEST_PT = 14_400.0  # of a page, so that every reader opens it
TROUBLE = child_images.TROUBLE


def as_pdf(request: dict[str, Any]) -> pikepdf.Pdf:
    """One page a frame. Raises pikepdf.PdfError where the image cannot be read."""
    pdf = pikepdf.new()
    try:
        with child_images.open_image(request) as image:
            for frame in child_images.frames_of(image):
                box = child_images.page_box(image, frame)
                _add_page(pdf, image, box, request)
    except TROUBLE as error:
        raise pikepdf.PdfError("the image cannot be read") from error
    return pdf


def _add_page(pdf: pikepdf.Pdf, image: Any, box: list[float], request: dict[str, Any]) -> None:
    turn = TURNS.get(image.getexif().get(child_images.ORIENTATION_TAG, 1))
    scale = min(1.0, LARGEST_PT / max(box))
    width, height = box[0] * scale, box[1] * scale
    if image.format == "JPEG" and image.mode in ("L", "RGB") and turn is not None:
        if turn % 180:
            width, height = height, width
        picture = _jpeg(pdf, image, Path(request["path"]))
    else:
        if image.width * image.height > request["max_image_pixels"]:
            raise ValueError("too many pixels")
        turn, picture = 0, _packed(pdf, image)
    page = pdf.add_blank_page(page_size=(width, height))
    page.obj.Resources = Dictionary(XObject=Dictionary(Picture=picture))
    page.obj.Contents = pdf.make_stream(f"q {width:.4f} 0 0 {height:.4f} 0 0 cm /Picture Do Q\n".encode())
    if turn:
        page.obj.Rotate = turn


def _jpeg(pdf: pikepdf.Pdf, image: Any, path: Path) -> Any:
    return _picture(pdf, image, path.read_bytes(), Name.DCTDecode)


def _packed(pdf: pikepdf.Pdf, image: Any) -> Any:
    page: Image.Image = child_images.flattened(ImageOps.exif_transpose(image))
    return _picture(pdf, page, zlib.compress(page.tobytes()), Name.FlateDecode)


def _picture(pdf: pikepdf.Pdf, image: Any, data: bytes, packing: Any) -> Any:
    stream = pdf.make_stream(b"")
    stream.write(data, filter=packing)
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height, stream.BitsPerComponent = image.width, image.height, 8
    stream.ColorSpace = Name.DeviceGray if image.mode == "L" else Name.DeviceRGB
    return stream
