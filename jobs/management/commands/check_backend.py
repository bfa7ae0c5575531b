"""`manage.py check_backend NAME`: runs a backend's self-test and tells each step."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.services import backends


class Command(BaseCommand):
    help = "Tests a backend: reachable, model, one page. Changes nothing. Exit code 1 when it fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = backends.check(options["name"], by=None)
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        for step in result.steps:
            self.stdout.write(f"{'passed' if step.passed else 'FAILED'}  {step.name}: {step.message}")
        if not result.passed:
            raise CommandError(f"{options['name']} did not pass: {result.reason}")
