"""`manage.py index_pages`: writes the full-text index anew, from the texts in force."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from jobs.services import searching


class Command(BaseCommand):
    help = "Writes the full-text index of all pages anew. The site may go on meanwhile; twice is harmless."

    def handle(self, *args: Any, **options: Any) -> None:
        pages = 0
        for pages in searching.index_all():
            if options["verbosity"] > 1:
                self.stdout.write(f"{pages:,} pages")
        self.stdout.write(f"{pages:,} pages looked at; the index holds what stands on them.")
