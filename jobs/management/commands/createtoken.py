"""`manage.py createtoken NAME`: prints a new API token, and nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import errors
from jobs.models.access import SCOPES
from jobs.services import access


class Command(BaseCommand):
    help = "Makes an API token for a person and prints it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what it is for")
        parser.add_argument("--days", type=int, default=365, help="how long it works (365)")
        parser.add_argument("--scope", choices=SCOPES, default="write")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is nobody called “{options['username']}” who may sign in.")
        try:
            _, plain = access.create_token(user, name=options["name"], days=options["days"], scope=options["scope"])
        except errors.Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(plain)
