"""A site to which everything happens, and at the end a count of what became of the pages.

    python -m bench.soak --minutes 30 --pages 3000

Real Redis, web server, workers and clock as child processes over two simulated hosts, on a SQLite file (or where
DATABASE_URL says, which must be empty). Documents are uploaded over the time; meanwhile one part after another, chosen
by the printed seed, is killed, paused or cut off. Ends with 1 when a page was lost or stored twice.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path


def main() -> int:
    given = arguments()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ocr-soak-") as folder:
        prepare(Path(folder))
        from bench import soaking  # its models need the settings

        return soaking.soak(Path(folder), minutes=given.minutes, pages=given.pages, seed=given.seed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="how long documents come in and parts die (30)")
    parser.add_argument("--pages", type=int, default=3000, help="in all (3000)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="to have it again")
    return parser.parse_args()


def prepare(folder: Path) -> None:
    """An empty site in `folder`, and this process a part of it."""
    for name in [name for name in os.environ if name.startswith("OCRSITE_")]:
        del os.environ[name]
    os.environ["OCRSITE_DATA_DIR"] = str(folder)
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/soak.sqlite3")
    os.environ["DJANGO_SETTINGS_MODULE"] = "ocrsite.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
