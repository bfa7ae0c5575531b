"""Measures the site against what it is held to: `python -m bench [NAME …] [--quick] [--database …] [--json FILE]`.

Each benchmark runs in a process of its own on a database made for it (three share one), and is held against a reference
taken in the same run. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path

from bench import plot
from bench.measurement import Measurement, from_json, markdown, rows
from bench.names import NAMES, runs
from bench.one import STATIC, STOCK, TEMPLATE

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 1200
PROGRAMS = {"redis": ("redis-server", "--version"), "poppler": ("pdftoppm", "-v")}
VERSION = re.compile(r"\d+(\.\d+)+")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all, if none is given")
    parser.add_argument("--quick", action="store_true", help="fewer pages and tries: a third of the time")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--plot", type=Path, help="draw it to this file, as SVG")
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/performance.md")
    told = parser.parse_args()
    if unknown := set(told.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    found: list[Measurement] = []
    broken: list[str] = []
    took: dict[str, float] = {}
    with shared(told.database) as environment:
        for names in runs(told.names or NAMES):
            began = time.monotonic()
            try:
                found += measure(names, environment, quick=told.quick)
            except (RuntimeError, subprocess.TimeoutExpired) as problem:  # the others are worth having all the same
                broken += names
                sys.stderr.write(f"{problem}\n")
            took[", ".join(names)] = round(time.monotonic() - began, 1)
    sys.stdout.write(f"{sum(took.values()) / 60:.1f} minutes in all\n")
    if told.json:
        ran = {"quick": told.quick, "commit": commit(), "seconds": took}
        told.json.write_text(json.dumps(ran | report(found, told.database), indent=1) + "\n")
    if told.plot:
        told.plot.write_text(plot.svg(found))
    if told.markdown:
        sys.stdout.write(markdown(found) + "\n")
    return 1 if broken or any(one.holds is False for one in found) else 0


@contextmanager
def shared(database: str) -> Iterator[dict[str, str]]:
    """What all benchmarks have in common is made once; the environment that tells them where it is."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ocrsite-bench-")))
        address = f"sqlite:///{folder}/db.sqlite3"
        if database == "postgresql":
            from tests import postgres

            address = stack.enter_context(postgres.server())
        environment = os.environ | {"OCRSITE_DATA_DIR": str(folder), "DATABASE_URL": address}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each of a hundred processes would compile the site anew
        for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--noinput", "--verbosity", "0"]):
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True, timeout=SECONDS
            )
        yield environment | {TEMPLATE: address, STATIC: f"{folder}/static", STOCK: f"{folder}/stock"}


def measure(names: list[str], environment: dict[str, str], *, quick: bool) -> list[Measurement]:
    """One benchmark, or those of one run; what was found is printed as it comes. Raises RuntimeError with its words
    where it breaks."""
    command = [sys.executable, "-m", "bench.one", *names, *(["--quick"] if quick else [])]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"{', '.join(names)} broke:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    found = [from_json(row) for row in json.loads(done.stdout.splitlines()[-1])]
    for cells in rows(found):
        sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + "\n")
    sys.stdout.write(f"{'':16}  {found[0].policy}; {time.monotonic() - began:.0f} s in all\n")
    sys.stdout.flush()
    return found


def commit() -> str:
    """What was measured, where that is known."""
    try:
        command = ["git", "rev-parse", "--short", "HEAD"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


WIDTHS = (16, 34, 14, 14, 7, 7, 6)


def report(found: list[Measurement], database: str) -> dict[str, object]:
    """What is written as JSON: machine, versions, figures."""
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "processor": platform.machine()}
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "versions": {"database": database} | versions(),
        "measurements": [one.as_json() for one in found],
    }


def versions() -> dict[str, str]:
    """Of what a figure may depend on."""
    found = {"python": platform.python_version(), "kernel": platform.release().partition("-")[0]}
    found |= {name: metadata.version(name) for name in ("Django", "dramatiq", "requests", "granian")}
    for name, command in PROGRAMS.items():
        told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        found[name] = VERSION.search(told.stdout + told.stderr)[0]
    return found


if __name__ == "__main__":
    sys.exit(main())
