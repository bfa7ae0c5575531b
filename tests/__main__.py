"""Runs every check and every test. bin/test ends here; arguments are pytest's, and then pytest alone runs.

The checks come first; a check that fails is said, and the tests run all the same. Then pytest on SQLite, then on a
PostgreSQL of its own those tests that may differ there (see selection.py), so that the last line is pytest's summary.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests import postgres, selection

PYTHON = sys.executable
CHECKS = {
    "ruff check": (PYTHON, "-m", "ruff", "check", "--quiet", "."),
    "ruff format": (PYTHON, "-m", "ruff", "format", "--quiet", "--check", "."),
    "mypy": (PYTHON, "-m", "mypy", "--no-error-summary"),
    "migrations": (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run", "--verbosity", "1"),
}
CHECK_SECONDS = 900
NO_TESTS = 5
# Two processes: the machine that matters has two cores, and files stay together for their fixtures' sake. Handed out in
# the order of selection.py: by the number of tests, which is pytest-xdist's, the slowest files would come last.
SPREAD = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
# The same examples each time and no limit to how long one takes: what is judged is the code, not the dice or the
# machine. Whoever runs pytest by hand gets new examples, and may find what is wrong.
STEADY = ("--hypothesis-profile=ci",)


def main(arguments: Sequence[str]) -> int:
    forget_the_users_settings()
    failed = 0 if arguments else run_checks()
    return run_tests(arguments or (*SPREAD, *STEADY)) or failed


def forget_the_users_settings() -> None:
    """What somebody has set for a site of theirs is not for the tests."""
    for name in [name for name in os.environ if name.startswith("OCRSITE_")]:
        del os.environ[name]
    for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS"):
        os.environ.pop(name, None)


def run_checks() -> int:
    """Runs all of them; returns the exit code of the first that failed, or 0."""
    codes = [run_check(name, command) for name, command in CHECKS.items()]
    return next((code for code in codes if code), 0)


def run_check(name: str, command: Sequence[str]) -> int:
    code = subprocess.run(command, timeout=CHECK_SECONDS).returncode
    say(f"{name}: {'failed' if code else 'in order'}")
    return code


def run_tests(arguments: Sequence[str]) -> int:
    """On SQLite, then on PostgreSQL. Stops after the first that fails, so that the last line tells of it."""
    say("Tests on SQLite:")
    first = pytest(arguments)
    if first not in (0, NO_TESTS):
        return first
    say("Tests on PostgreSQL, those that may differ there:")
    with postgres.server() as address:
        second = pytest([selection.ONLY_WITH_DATABASE, *arguments], DATABASE_URL=address)
    return first if second == NO_TESTS else second or first


def pytest(arguments: Sequence[str], **environment: str) -> int:
    return subprocess.run([PYTHON, "-m", "pytest", *arguments], env={**os.environ, **environment}).returncode


def say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except FileNotFoundError as error:
        sys.stderr.write(f"bin/test: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
