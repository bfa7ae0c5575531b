"""Measures the site against what it is held to: `python -m bench [NAME …] [--quick] [--database …] [--json FILE]`.

Each benchmark runs in a process of its own on a database made for it, and is held against a reference taken in the
same run. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import plot
from bench.measurement import Measurement, from_json, markdown, rows
from bench.names import NAMES
from bench.one import TEMPLATE

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 1200


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all, if none is given")
    parser.add_argument("--quick", action="store_true", help="fewer pages: about three minutes for all")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--plot", type=Path, help="draw it to this file, as SVG")
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/performance.md")
    told = parser.parse_args()
    if unknown := set(told.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    found: list[Measurement] = []
    broken: list[str] = []
    with ExitStack() as stack:
        environment = dict(os.environ)
        if told.database == "postgresql":
            from tests import postgres

            environment["DATABASE_URL"] = stack.enter_context(postgres.server())
        else:
            environment[TEMPLATE] = migrated(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for name in told.names or NAMES:
            try:
                found += measure(name, environment, quick=told.quick)
            except (RuntimeError, subprocess.TimeoutExpired) as problem:  # the others are worth having all the same
                broken.append(name)
                sys.stderr.write(f"{problem}\n")
    if told.json:
        told.json.write_text(json.dumps(report(found, told.database), indent=1) + "\n")
    if told.plot:
        told.plot.write_text(plot.svg(found))
    if told.markdown:
        sys.stdout.write(markdown(found) + "\n")
    return 1 if broken or any(one.holds is False for one in found) else 0


def migrated(folder: Path) -> str:
    """The path of an empty database with all its tables."""
    environment = os.environ | {"OCRSITE_DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/template.sqlite3"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=SECONDS)
    return str(folder / "template.sqlite3")


def measure(name: str, environment: dict[str, str], *, quick: bool) -> list[Measurement]:
    """One benchmark; what it found is printed as it comes. Raises RuntimeError with its words where it breaks."""
    command = [sys.executable, "-m", "bench.one", name, *(["--quick"] if quick else [])]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"{name} broke:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    found = [from_json(row) for row in json.loads(done.stdout.splitlines()[-1])]
    for cells in rows(found):
        sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + "\n")
    sys.stdout.write(f"{'':16}  {found[0].policy}; {time.monotonic() - began:.0f} s in all\n")
    sys.stdout.flush()
    return found


WIDTHS = (16, 34, 14, 14, 7, 7, 6)


def report(found: list[Measurement], database: str) -> dict[str, object]:
    """What is written as JSON: machine, versions, figures."""
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "processor": platform.machine()}
    kernel = platform.release().partition("-")[0]
    versions = {"python": platform.python_version(), "kernel": kernel, "database": database}
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine, "versions": versions,
            "measurements": [one.as_json() for one in found]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
