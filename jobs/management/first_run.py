"""What a site needs before its parts can start: tables, static files, an administrator, the first backends.

Each step looks whether it is done already, so that a second start takes seconds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import DatabaseError, connections

from jobs.supervision.errors import CannotStart

Say = Callable[[str], None]


def prepare(say: Say, cpu_backend_address: str | None) -> None:
    """Everything, in order. `cpu_backend_address` None: the site has none. Raises CannotStart."""
    try:
        migrate(say)
        collect_static(say)
        create_first_administrator(say)
        place_backends(cpu_backend_address)
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CannotStart(
            f"The database does not work ({reason}): see that it runs and that DATABASE_URL is right."
        ) from error
    finally:
        connections.close_all()


def migrate(say: Say) -> None:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections["default"])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static(say: Say) -> None:
    """Copies static files, compressed and named by their content, to STATIC_ROOT, unless they are there."""
    stamp = Path(settings.STATIC_ROOT) / "collected"
    state = state_of_static_files()
    if stamp.is_file() and stamp.read_text() == state:
        return
    say("Preparing static files ...")
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(state)


def state_of_static_files() -> str:
    """A digest of every static file's name, size and time of change."""
    digest = hashlib.sha256(type(storages["staticfiles"]).__name__.encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def create_first_administrator(say: Say) -> None:
    """Creates one if there is none. A password that was made up is said here, and nowhere else."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return
    name = settings.ADMIN_USER
    if users.filter(username=name).exists():
        raise CannotStart(
            f"No administrator exists, and {name} is somebody else: set OCRSITE_ADMIN_USER to another name."
        )
    password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
    users.create_superuser(username=name, password=password)
    if settings.ADMIN_PASSWORD:
        say(f"The administrator {name} was created, with the password from OCRSITE_ADMIN_PASSWORD.")
    else:
        say(f"The administrator was created. Sign in as {name} with the password {password} (it is shown only now).")


def place_backends(cpu_backend_address: str | None) -> None:
    from jobs.services import backends

    backends.ensure_defaults()
    if cpu_backend_address is None:
        backends.remove_builtin()
    else:
        backends.place_builtin(base_url=cpu_backend_address)
