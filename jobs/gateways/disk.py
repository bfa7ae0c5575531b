"""What the disk refuses, in our words: full, closed or failing."""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs import errors

logger = logging.getLogger(__name__)

FULL = "The disk is full. Free some space, or ask your administrator to, and try again."
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
        raise errors.Unavailable(_sentence(error)) from error


def _sentence(error: OSError) -> str:
    if error.errno in FULL_ERRORS:
        return FULL
    return CLOSED if error.errno in CLOSED_ERRORS else FAILING


@dataclass(frozen=True)
class Space:
    """The file system that a folder is on, in bytes; `free_bytes` is what we may still use."""

    free_bytes: int
    size_bytes: int


def space(folder: Path) -> Space:
    """How much is free there. Raises errors.NotFound, errors.Unavailable."""
    with our_errors():
        usage = shutil.disk_usage(folder)
    return Space(usage.free, usage.total)


def refuse_if_full(folder: Path) -> None:
    """For processes that die of a full disk without saying so. Raises errors.Unavailable."""
    if space(folder).free_bytes < NEARLY_FULL_BYTES:
        raise errors.Unavailable(FULL)
