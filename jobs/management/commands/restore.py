"""`manage.py restore PLACE`: a backup put back into a site that does not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.services import restoring


class Command(BaseCommand):
    help = "Checks a backup and puts it back into this site, which must not run. The database may be another kind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", type=Path, help="what manage.py backup has written")
        parser.add_argument("--force", action="store_true", help="replace the documents that this site holds")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = restoring.restore(options["place"], force=options["force"])
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        made_at = restored.manifest.made_at
        self.stdout.write(f"Documents: {restored.documents:,}, as of {made_at}. Everybody signs in anew.")
        self._tell(restored)

    def _tell(self, restored: restoring.Restored) -> None:
        mended = restored.mended
        if mended.images:
            self.stdout.write(
                f"Page images that are missing: {mended.images:,}. {mended.to_draw:,} of them are drawn before their "
                "pages are read, the others when somebody looks at them."
            )
        for name in mended.originals:
            self.stdout.write(f"The uploaded file of “{name}” is missing; what was read of it is there.")
        if restored.key_differs:
            self.stdout.write("The backup has another secret key: enter the hosts' API keys again.")
