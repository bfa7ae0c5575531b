"""Damages files in thousands of ways and looks at every promise about hostile files, on all cores.

    python -m bench.mutate --count 10000 --seed 1 [--keep FOLDER]

Prints what came of the mutants, by reason, and keeps each one that broke a promise. Exit code 1 if any did.
A mutant is told by its seed: `--count 1 --seed N` tries it again.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

from jobs.gateways.limits import Limits
from tests import originals, trial
from tests.conftest import CORPUS
from tests.mutations import mutant
from tests.trial import Verdict

# A tenth of the site's: a mutant that hangs takes the same way, sooner.
LIMITS = Limits(cpu_seconds=3, wall_seconds=10.0)


class Heard(logging.Handler):
    """What the gateways log about children that died, for the counts."""

    lines: ClassVar[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        Heard.lines.append(record.getMessage())


class Work:
    """What each process knows: the whole files, the ink of their pages, a folder."""

    files: ClassVar[dict[str, bytes]] = {}
    ink: ClassVar[dict[str, trial.Ink]] = {}
    folder: ClassVar[Path]


def begin(folder: str) -> None:
    """Once a process."""
    logger = logging.getLogger("jobs.gateways.child_process")
    logger.handlers = [Heard()]
    logger.propagate = False
    logging.getLogger("jobs.gateways.rasterizer").setLevel(logging.ERROR)
    Work.folder = Path(tempfile.mkdtemp(dir=folder))


def make_originals() -> None:
    """Before the processes are forked, so that all of them damage the same bytes."""
    Work.files = originals.made(Work.folder) | originals.of_the_corpus(CORPUS)


def ink_of(name: str) -> tuple[str, trial.Ink]:
    with tempfile.TemporaryDirectory(dir=Work.folder) as own:
        path = Path(own) / "file"
        path.write_bytes(Work.files[name])
        return name, trial.try_file(path, LIMITS).ink


def try_seed(task: tuple[int, dict[str, trial.Ink]]) -> tuple[int, Verdict, list[str]]:
    seed, ink = task
    Heard.lines.clear()
    return seed, trial.try_mutant(mutant(seed, Work.files), Work.folder, LIMITS, ink), list(Heard.lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.mutate", description="Damage files; look at the promises.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first mutant")
    parser.add_argument("--keep", type=Path, default=Path("var/mutants"), help="where mutants that broke a promise go")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        begin(folder)
        make_originals()
        counts, broken = run(options.count, options.seed, options.keep, folder)
    print(f"{options.count} mutants from seed {options.seed} in {time.monotonic() - started:.0f} s")
    for words, count in counts.most_common():
        print(f"{count:7,}  {words}")
    print(f"{broken:7,}  promises broken" + (f", kept in {options.keep}" if broken else ""))
    return 1 if broken else 0


def run(count: int, first: int, keep: Path, folder: str) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    broken = 0
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), begin, (folder,)) as pool:
        ink = dict(pool.imap_unordered(ink_of, sorted(Work.files)))
        tasks = ((seed, ink) for seed in range(first, first + count))
        for seed, verdict, heard in pool.imap_unordered(try_seed, tasks, chunksize=8):
            counts.update(verdict.counts)
            counts.update(f"child: {_last_line(line)}" for line in heard)
            if verdict.broken:
                broken += 1
                _keep(seed, verdict.broken, keep)
    return counts, broken


def _last_line(said: str) -> str:
    return said.strip().splitlines()[-1][:150]


def _keep(seed: int, promises: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = mutant(seed, Work.files)
    (folder / f"{seed}.bin").write_bytes(made.data)
    print(f"{made}: {'; '.join(promises)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
