"""The tesseract command: one process a page, on one core, with a deadline."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .images import Bitmap

_NOT_LANGUAGES = frozenset({"osd", "equ", "snum"})
_PACK = re.compile(r"[A-Za-z]{3,4}(_[A-Za-z]{2,8})*")
_ASK_SECONDS = 10
_MEMORY_KIB = 4 * 1024 * 1024

# One thread a page: tesseract's own threads make it four times slower where every core has a page already. The limits
# end a process whose server was killed before it could end it. nice: the site itself stays quick while pages are read.
_LIMITED = (
    'ulimit -t "$1"; ulimit -v "$2" 2>/dev/null; shift 2; '
    'OMP_THREAD_LIMIT=1; export OMP_THREAD_LIMIT; exec nice -n 5 tesseract "$@"'
)


class TesseractFailed(Exception):
    """Tesseract did not read this page; the sentence says what happened. `detail` is for the log."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class NotInstalled(Exception):
    """Tesseract, or a part it cannot do without, is missing; the sentence says how to install it."""


@dataclass(frozen=True)
class Installed:
    version: str
    languages: tuple[str, ...]


def look() -> Installed:
    """What is installed now. Raises NotInstalled where pages could not be read. Takes about 20 ms."""
    try:
        version = _ask("--version").split()[1]
        packs = _ask("--list-langs").splitlines()[1:]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        raise NotInstalled(f"tesseract does not run here. Install it: {install_command([])}") from error
    languages = tuple(sorted(pack for pack in packs if pack not in _NOT_LANGUAGES))
    if "osd" not in packs:
        raise NotInstalled(f"tesseract's pack for page orientation is missing. Install it: {install_command(['osd'])}")
    if not languages:
        raise NotInstalled(f"tesseract has no language pack. Install one: {install_command(['eng'])}")
    return Installed(version, languages)


def _ask(option: str) -> str:
    done = subprocess.run(["tesseract", option], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True)
    return done.stdout


def default_language(languages: Sequence[str]) -> str:
    return "eng" if "eng" in languages else languages[0]


def missing(language: str, languages: Collection[str]) -> list[str]:
    """The codes in `language` ("deu+eng") that are not among the installed ones, in order."""
    return [code for code in language.split("+") if code not in languages]


def refusal(codes: Sequence[str]) -> str:
    """A sentence that names packs which are not installed, with the command that installs them."""
    unknown = [code for code in codes if not _PACK.fullmatch(code)]
    if unknown:
        return (
            f"{_quoted(unknown)} is no language code of tesseract: codes look like eng, deu or chi_sim, "
            "several are joined by a plus sign."
        )
    packs = "packs" if len(codes) > 1 else "pack"
    are = "are" if len(codes) > 1 else "is"
    return (
        f"The tesseract language {packs} {_quoted(codes)} {are} not installed. Install with: {install_command(codes)}"
    )


def install_command(codes: Sequence[str]) -> str:
    if sys.platform == "darwin":
        return "brew install tesseract tesseract-lang"
    packages = [f"tesseract-ocr-{code.lower().replace('_', '-')}" for code in codes]
    return f"apt-get install {' '.join(packages or ['tesseract-ocr'])}"


def _quoted(codes: Sequence[str]) -> str:
    return ", ".join(f'"{code[:40]}"' for code in codes[:10])


async def read(bitmap: Bitmap, language: str, deadline_seconds: float) -> str:
    """The page as TSV, boxes in px of the bitmap. Raises TesseractFailed. Cancelling it kills the process."""
    process = await asyncio.create_subprocess_exec(
        *_command(bitmap, language, deadline_seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(deadline_seconds):
            output, complaints = await process.communicate(bitmap.pgm)
    except TimeoutError as error:
        raise TesseractFailed(f"tesseract did not finish this page within {deadline_seconds:g} seconds.") from error
    finally:
        await _end(process)
    if process.returncode != 0:
        detail = complaints.decode(errors="replace").strip()[-500:]
        raise TesseractFailed(f"tesseract failed on this page (exit code {process.returncode}).", detail)
    return output.decode(errors="replace")


def _command(bitmap: Bitmap, language: str, deadline_seconds: float) -> list[str]:
    """Page segmentation mode 1: automatic, with orientation. Mode 6 turns columns and sideways pages into garbage."""
    dpi = ["--dpi", str(bitmap.dpi)] if bitmap.dpi else []
    limits = [str(int(deadline_seconds) + 1), str(_MEMORY_KIB)]
    return ["/bin/sh", "-c", _LIMITED, "sh", *limits, "stdin", "stdout", "--psm", "1", "-l", language, *dpi, "tsv"]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leaves no child behind, not even a dead one: shielded, because whoever was cancelled may be cancelled again."""
    if process.returncode is None:
        process.kill()
        await asyncio.shield(process.wait())
