"""What the disk refuses, in our words: full, closed or failing; and how much of it is kept free.

settings.KEEP_FREE_BYTES is for the database and for pages in hand: nothing new is begun that would use it up.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from jobs import errors

logger = logging.getLogger(__name__)

FULL = "The disk is full. Free some space, or ask your administrator to, and try again."
NEARLY_FULL = (
    "The site's disk is nearly full, so nothing new is taken in. Delete documents for good that you no longer need, or "
    "ask your administrator to make room, and try again."
)
CLOSED = "The folder for files cannot be used: its permissions or its disk do not allow it. Ask your administrator."
FAILING = "The disk does not answer as it should. Try again, and tell your administrator if it stays so."
GONE = "The file is not there any more."
FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS}
NEARLY_FULL_BYTES = 4_000_000  # less than the largest page image


@contextlib.contextmanager
def our_errors() -> Iterator[None]:
    """Raises errors.NotFound for a missing file and errors.Unavailable for a disk that refuses."""
    try:
        yield
    except FileNotFoundError as error:
        raise errors.NotFound(GONE) from error
    except OSError as error:
        logger.warning("the disk refused: %s", error)
        raise _refusal(error) from error


def _refusal(error: OSError) -> errors.Unavailable:
    if error.errno in FULL_ERRORS:
        return errors.OutOfSpace(FULL)
    return errors.Unavailable(CLOSED if error.errno in CLOSED_ERRORS else FAILING)


@dataclass(frozen=True)
class Space:
    """The file system that a folder is on, in bytes, as far as we may use it."""

    free_bytes: int
    size_bytes: int

    @property
    def free_percent(self) -> float:
        return 100.0 * self.free_bytes / self.size_bytes if self.size_bytes else 0.0


def space(folder: Path) -> Space:
    """How much is free there. Raises errors.NotFound, errors.Unavailable."""
    with our_errors():
        usage = shutil.disk_usage(folder)
    return Space(usage.free, usage.used + usage.free)


@dataclass(frozen=True)
class Room:
    """What is free on the disk of the data directory, and what of it is kept free."""

    free_bytes: int
    kept_bytes: int

    @property
    def is_short(self) -> bool:
        return self.free_bytes < self.kept_bytes


def room() -> Room:
    """Raises errors.Unavailable."""
    return Room(space(settings.DATA_DIR).free_bytes, settings.KEEP_FREE_BYTES)


def refuse_new_work(size_bytes: int = 0) -> None:
    """For whatever begins and would take `size_bytes`. Raises errors.OutOfSpace, errors.Unavailable."""
    known = room()
    if known.free_bytes - size_bytes < known.kept_bytes:
        raise errors.OutOfSpace(NEARLY_FULL)


def refuse_if_full(folder: Path) -> None:
    """For processes that die of a full disk without saying so. Raises errors.Unavailable."""
    if space(folder).free_bytes < NEARLY_FULL_BYTES:
        raise errors.OutOfSpace(FULL)
