"""Small whole files of many kinds, to be damaged: what the tests make themselves, and the corpus where it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pytest
from reportlab import rl_config

from tests import files

LARGEST_BYTES = 130_000  # of the corpus, so that thousands of mutants stay quick
# Each takes its whole processor time, mutant or not: they are tried by name elsewhere.
SLOW = {"bomb_giant.pdf", "hugemono.pdf"}


def made(folder: Path) -> dict[str, bytes]:
    """Name to content. Plain PDFs, so that damage hits the language and not only packed bytes, and packed ones."""
    makers: dict[str, Callable[[Path], Path]] = {
        "packed.pdf": lambda path: files.numbered_pdf(path, 2),
        "plain.pdf": _plain,
        "object streams.pdf": _with_object_streams,
        "pictures.pdf": _with_pictures,
        "turned.pdf": files.rotated_pdf,
        "cropped.pdf": files.cropped_pdf,
        "magnified.pdf": lambda path: files.unit_pdf(path, 2.0),
        "open lock.pdf": _with_an_open_lock,
        "form.pdf": files.dynamic_form_pdf,
        "nested.pdf": _nested,
        "fax.tif": files.fax_tiff,
        "frames.tif": lambda path: files.multipage_tiff(path, 2),
        "photo.jpg": files.sideways_jpeg,
        "clear.png": files.transparent_png,
    }
    with _without_time_and_chance():
        return {name: make(folder / name).read_bytes() for name, make in makers.items()}


@contextmanager
def _without_time_and_chance() -> Iterator[None]:
    """The same bytes each time, so that a seed says which mutant it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rl_config, "invariant", 1)
        patch.setattr(pikepdf.Pdf, "save", _save_without_chance(pikepdf.Pdf.save))
        yield


def _save_without_chance(save: Callable[..., None]) -> Callable[..., None]:
    return lambda pdf, *args, **saving: save(pdf, *args, deterministic_id="encryption" not in saving, **saving)


def of_the_corpus(folder: Path) -> dict[str, bytes]:
    """Empty where the corpus is not beside the repository."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.glob("*.pdf"))
        if path.stat().st_size <= LARGEST_BYTES and path.name not in SLOW
    }


def _plain(path: Path) -> Path:
    readable = pikepdf.StreamDecodeLevel.all
    return files.changed_pdf(path, lambda pdf: None, stream_decode_level=readable, compress_streams=False)


def _with_object_streams(path: Path) -> Path:
    streams = pikepdf.ObjectStreamMode.generate
    return files.changed_pdf(path, lambda pdf: None, object_stream_mode=streams)


def _with_an_open_lock(path: Path) -> Path:
    """Opens without a password. The old cipher: the newer ones begin with chance."""
    lock = pikepdf.Encryption(user="", owner="owner", R=3, aes=False, metadata=False)
    return files.changed_pdf(path, lambda pdf: None, pages=2, encryption=lock, static_id=True)


def _with_pictures(path: Path) -> Path:
    """A grey picture as JPEG and a bilevel one as fax."""
    text = files.picture((400, 500), "Page 1").convert("L")
    text.save(
        path, "PDF", save_all=True, append_images=[text.convert("1")], resolution=72, creationDate=None, modDate=None
    )
    return path


def _nested(path: Path) -> Path:
    """A page whose words are drawn by a form inside a form, and a shape clipped by another."""

    def nest(pdf: pikepdf.Pdf) -> None:
        inner = files.form(pdf, b"0 0 300 400 re W n 0 0 500 500 re f", {})
        outer = files.form(pdf, b"q .5 0 0 .5 50 50 cm /X Do Q", {"/X": inner})
        page = pdf.pages[0]
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary({"/X": outer}))
        page.Contents = pdf.make_stream(b"/X Do")

    return files.changed_pdf(path, nest, pages=1, compress_streams=False)
