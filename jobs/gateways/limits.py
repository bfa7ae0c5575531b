"""What one inspection or one drawn page may cost, and how large a drawn page may become."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.conf import settings


@dataclass(frozen=True)
class Limits:
    """Bounds of the child process and of the images it makes.

    memory_bytes      address space of each process. An ordinary page takes 30 MB, a 35,000 x 35,000 JBIG2 page 57,
                      a bomb all it is given; the rest is for scans that are decoded whole (JPEG 2000)
    cpu_seconds       processor time of one page; a chunk gets it times its pages. An ordinary page takes 0.05 s,
                      the heaviest page of the corpus that does draw 5 s
    wall_seconds      time without a finished page before the child is killed; for an inspection, all of it
    file_bytes        largest file the child may write, beyond what a clear copy needs
    max_side_px       longest side of a drawn page: 3600 lets A4 at 300 dpi (3508) and A3 at 200 (3307) through unscaled
    max_pixels        area of a drawn page: A4 at 300 dpi has 8.7 million
    max_image_pixels  area of an uploaded image that has to be decoded whole: an A0 scan at 200 dpi has 62 million, and
                      twice that, as RGB and turned once, stays within memory_bytes
    min_side_px       below this a drawn page is no picture of anything
    max_aspect        longer side over shorter; beyond it a page scaled to max_side_px is no longer legible
    """

    memory_bytes: int = 2 * 2**30
    cpu_seconds: int = 30
    wall_seconds: float = 45.0
    file_bytes: int = 200_000_000
    max_side_px: int = 3600
    max_pixels: int = 12_000_000
    max_image_pixels: int = 120_000_000
    min_side_px: int = 10
    max_aspect: float = 20.0


DEFAULT = Limits()


def in_force() -> Limits:
    """The defaults, with the memory and the times that this site allows."""
    return replace(
        DEFAULT,
        memory_bytes=settings.DRAW_MEMORY_MB * 2**20,
        cpu_seconds=settings.DRAW_CPU_SECONDS,
        wall_seconds=settings.DRAW_SECONDS,
    )
