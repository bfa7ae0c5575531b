"""Runs one benchmark, or those that share a run, in a process of its own, on a data directory and a database made for
it.

    python -m bench.one NAME [NAME …] [--quick]

`python -m bench` starts it, with a database to copy. The last line printed is the list of measurements as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.measurement import Measurement
from bench.names import NAMES, ONE_RUN

# What `python -m bench` has once for all that it runs: the address of a database with its tables, to be copied; folders
# of the static files and of pages drawn before (bench/stock.py).
TEMPLATE, STATIC, STOCK = "OCRSITE_BENCH_TEMPLATE", "OCRSITE_BENCH_STATIC", "OCRSITE_BENCH_STOCK"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--quick", action="store_true")
    told = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ocrsite-bench-")
    os.environ["OCRSITE_DATA_DIR"] = folder
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/db.sqlite3")
    if template := os.environ.get(TEMPLATE):
        os.environ["DATABASE_URL"] = copied(template, Path(folder))
    if static := os.environ.get(STATIC):
        (Path(folder) / "static").symlink_to(static)
    os.environ["DJANGO_SETTINGS_MODULE"] = "ocrsite.settings"
    os.environ.setdefault("OCRSITE_LOG_FORMAT", "json")
    try:
        run(told.names, told.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copied(template: str, folder: Path) -> str:
    """A database of this benchmark's own; its address."""
    if template.startswith("sqlite:///"):
        shutil.copyfile(template.removeprefix("sqlite:///"), folder / "db.sqlite3")
        return f"sqlite:///{folder}/db.sqlite3"
    import psycopg
    from psycopg import sql

    parts = urlsplit(template)
    names = [sql.Identifier(name) for name in (folder.name, parts.path.removeprefix("/"))]
    with psycopg.connect(urlunsplit(parts._replace(path="/template1")), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return urlunsplit(parts._replace(path=f"/{folder.name}"))


def run(names: list[str], quick: bool) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    if TEMPLATE not in os.environ:
        call_command("migrate", verbosity=0)
    from django.conf import settings

    from jobs.services import backends

    backends.ensure_defaults()
    (settings.DATA_DIR / "uploads").mkdir(exist_ok=True)
    bench = importlib.import_module(f"bench.{NAMES[names[0]]}")
    found: list[Measurement] = bench.drawn(quick, names) if names[0] in ONE_RUN else getattr(bench, names[0])(quick)
    sys.stdout.write(json.dumps([replace(one, policy=policy_in_words()).as_json() for one in found]) + "\n")


def policy_in_words() -> str:
    """What the site ran under."""
    from jobs.services import routing

    policy = routing.current()
    gate = "on" if policy["quality"]["enabled"] else "off"
    return f"hybrid, spread {policy['spread']}, quality gate {gate}"


if __name__ == "__main__":
    main()
