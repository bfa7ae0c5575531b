"""`manage.py check_backend NAME`: runs a backend's self-test and tells each step."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.services import admission, backends


class Command(BaseCommand):
    help = "Tests a backend, step by step, and tells each. Changes nothing. Exit code 1 when it fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = backends.check(options["name"], by=None)
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        for step in result.steps:
            self.stdout.write(f"{_word(step)}  {step.name}: {step.message}")
        for warning in result.warnings:
            self.stdout.write(f"warning  {warning}")
        if not result.passed:
            raise CommandError(f"{options['name']} did not pass: {result.reason}")


def _word(step: admission.Step) -> str:
    if step.passed:
        return "passed"
    return "FAILED" if step.tried else "-     "
