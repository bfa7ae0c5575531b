"""`manage.py ocr FILE…`: the job from the terminal, through the running site.

Exit codes: 0 every page is done, 1 a page failed (or nothing works on it), 2 a file was refused.
"""

from __future__ import annotations

import os
import secrets
import time
from argparse import SUPPRESS
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

from jobs import actors, errors
from jobs.domain.display_names import stem
from jobs.domain.statuses import ENDED_DOCUMENTS
from jobs.models import Document
from jobs.services import exporting, intake, progress

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 30.0
FAILED, REFUSED = 1, 2


class Command(BaseCommand):
    help = "Reads files through the running site (bin/up) and writes the results beside each other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--output", type=Path, default=Path(), help="folder for the results (this one)")
        parser.add_argument("--format", choices=exporting.FORMATS, default="md")
        parser.add_argument("--user", help="whose documents they become (the first administrator's)")
        parser.add_argument("--mode", choices=intake.MODES, default="markdown")
        parser.add_argument("--prompt", default="", help="for --mode custom")
        parser.add_argument("--dpi", type=int)
        parser.add_argument("--pages", default="", help="such as 1-3,7")
        parser.add_argument("--language", default="", help="such as deu+eng")
        parser.add_argument("--priority", choices=("low", "normal", "high"), default="normal")
        parser.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        owner = _owner(options["user"])
        output: Path = options["output"]
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{output} cannot be written to: {error.strerror}.", returncode=REFUSED) from None
        taken = self._take_in(options["files"], owner, _options(options))
        try:
            self._wait(list(taken.values()), options["patience"])
        except KeyboardInterrupt:
            raise CommandError("Not watching any more. What was sent in is still being read.", returncode=130) from None
        written = self._write(taken, output, options["format"])
        if len(taken) < len(set(options["files"])):
            raise CommandError("Not every file was taken; see above.", returncode=REFUSED)
        if not written:
            raise CommandError("Not every page could be read or written; see above.", returncode=FAILED)

    def _take_in(self, files: Sequence[Path], owner: Any, options: intake.Options) -> dict[Path, Any]:
        """The document's id for each file that was taken; what is wrong with the others is told."""
        taken = {}
        for path in dict.fromkeys(files):
            try:
                with path.open("rb") as file:
                    document = intake.accept(file, name=path.name, owner=owner, options=options)
            except OSError as error:
                self.stderr.write(f"{path}: {error.strerror}.")
            except errors.OcrsiteError as error:
                self.stderr.write(f"{path}: {error.message}")
            else:
                actors.prepare_soon(document.pk)
                taken[path] = document.pk
        return taken

    def _wait(self, keys: list[Any], patience_seconds: float) -> None:
        """Watches the database, which alone knows the truth, until every document has ended."""
        documents = _found(keys)
        if not documents:
            return
        begun = time.monotonic()
        with tqdm(total=sum(d.page_count for d in documents), unit="page", disable=None) as bar:
            notice = ""
            while True:
                bar.update(sum(_ended(d) for d in documents) - bar.n)
                if all(d.status in ENDED_DOCUMENTS for d in documents):
                    return
                if not any(d.prepared for d in documents) and time.monotonic() - begun > patience_seconds:
                    raise CommandError(NOBODY_WORKS, returncode=FAILED)
                notice = self._tell(documents[0].owner, notice, bar)
                time.sleep(LOOK_SECONDS)
                documents = _found(keys)

    def _tell(self, owner: Any, before: str, bar: Any) -> str:
        """Says once, not twice a second, that no host can take pages."""
        notice = progress.hosts().no_backend
        if notice and notice != before:
            bar.write(notice)
        return notice

    def _write(self, taken: dict[Path, Any], output: Path, format_name: str) -> bool:
        """Writes what there is. False when a page is missing somewhere."""
        complete = True
        names: set[str] = set()
        for path, key in taken.items():
            document = Document.objects.get(pk=key)
            missing = document.page_count - document.pages_done
            if missing:
                complete = False
                self.stderr.write(f"{path}: {_missing_words(document, missing)}")
            if document.pages_done:
                target = output / _free_name(f"{stem(document.name)}.{format_name}", names)
                try:
                    write_result(document, format_name, target)
                except errors.OcrsiteError as error:  # such as an original that nothing can be added to
                    complete = False
                    self.stderr.write(f"{path}: {error.message}")
                else:
                    self.stdout.write(f"{path} → {target}")
        return complete


NOBODY_WORKS = (
    "Nothing has taken the work up: start the site with bin/up, with the same data directory. "
    "What was sent in is kept and will be read then."
)


def write_result(document: Document, format_name: str, target: Path) -> None:
    """The whole result or none: written beside its place and renamed. Raises errors.OcrsiteError as exporting does."""
    _, _, pieces = exporting.export(document, format_name, wait=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        part.replace(target)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandError(f"{target} cannot be written: {reason}.", returncode=REFUSED) from None
    finally:
        part.unlink(missing_ok=True)


def _owner(username: str | None) -> Any:
    people = get_user_model().objects.filter(is_active=True).order_by("pk")
    found = people.filter(username=username) if username else people.filter(is_superuser=True)
    owner = found.first()
    if owner is None:
        who = f"nobody called “{username}”" if username else "no administrator yet: start the site with bin/up once"
        raise CommandError(f"There is {who}.", returncode=REFUSED)
    return owner


def _options(options: dict[str, Any]) -> intake.Options:
    names = ("mode", "prompt", "dpi", "pages", "language", "priority")
    return intake.Options(**{name: options[name] for name in names})


def _found(keys: list[Any]) -> list[Document]:
    """Raises CommandError when one was deleted meanwhile."""
    documents = list(Document.objects.select_related("owner").filter(pk__in=keys))
    if len(documents) < len(keys):
        raise CommandError("A document was deleted while it was read.", returncode=FAILED)
    return documents


def _ended(document: Document) -> int:
    return document.pages_done + document.pages_failed + document.pages_cancelled


def _missing_words(document: Document, missing: int) -> str:
    if document.error:
        return document.error
    failed = document.pages.failed().order_by("number")
    told = "; ".join(f"page {page.number}: {page.reason}" for page in failed[:5])
    return f"{missing} of {document.page_count} pages are missing ({told or document.status})."


def _free_name(name: str, taken: set[str]) -> str:
    """Two files of one name (from two folders) get two results."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{stem(name)}-{number}.{name.rpartition('.')[2]}"
    taken.add(free)
    return free
