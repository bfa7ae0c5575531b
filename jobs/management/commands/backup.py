"""`manage.py backup PLACE`: database and files of the whole site, while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.services import backing_up


class Command(BaseCommand):
    help = "Backs up database and files to a new folder, or to a new file whose name ends in .tar. The site may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", type=Path, help="a folder, or a file ending in .tar, that is not there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        place: Path = options["place"]
        try:
            manifest = backing_up.back_up(place.absolute())
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{len(manifest.files):,} files, {manifest.size_bytes / 1e6:,.1f} MB, in {place}")
