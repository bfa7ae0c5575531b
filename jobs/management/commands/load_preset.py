"""`manage.py load_preset hybrid`: puts a shipped routing policy in force."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import actors, errors
from jobs.domain import presets
from jobs.services import routing


class Command(BaseCommand):
    help = "Puts a shipped routing policy in force, as a new version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=sorted(presets.POLICIES))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            warnings = routing.load_preset(options["name"], by=None)
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        actors.dispatch_soon()
        self.stdout.write(f"The policy “{options['name']}” is in force.")
        for warning in warnings:
            self.stdout.write(f"Note: {warning}")
