"""`manage.py prune`: what the clock deletes in its time, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.gateways import uploads
from jobs.services import retention, sweeping, trash

FORGOTTEN_SECONDS = 3600.0


class Command(BaseCommand):
    help = (
        "Does what the retention rules say, empties the trash of what is old enough, and removes files that belong to "
        "no document. With --dry-run it only says what the rules would take."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing, only say how many and how much")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._say_what_would_go()
            return
        documents = _all_of(retention.apply)
        _all_of(trash.condemn_old)
        removed = _all_of(trash.finish)
        forgotten = uploads.remove_forgotten(FORGOTTEN_SECONDS)
        try:
            swept = sweeping.sweep()
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"Documents that the rules took something of: {documents:,}")
        self.stdout.write(f"Documents deleted for good: {removed:,}")
        self.stdout.write(f"Files without a document: {swept.files + forgotten:,}")

    def _say_what_would_go(self) -> None:
        trials = retention.trial(rule for rule in retention.rules() if rule.enabled)
        for trial in trials:
            least = "at least " if trial.at_least else ""
            size = f"{least}{trial.volume.files:,} files, {trial.volume.size_bytes / 1e6:,.1f} MB"
            self.stdout.write(f"{trial.rule.words}: {trial.documents:,} documents, {size}")
        if not trials:
            self.stdout.write("No rule is on.")


def _all_of(a_slice: Any) -> int:
    """Runs slices until one does nothing; returns how many in all."""
    total = 0
    while done := a_slice():
        total += done
    return total
