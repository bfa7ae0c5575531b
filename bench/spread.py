"""Several runs side by side: the table of the last one named, and between which values each figure lay.

    python -m bench.spread RUN.json … [--plot FILE]

The files are those of `python -m bench --json`, of runs of one kind: figures are matched by benchmark and words.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import plot
from bench.measurement import COLUMNS, Measurement, from_json, rows, table

Run = Sequence[Measurement]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.spread", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json")
    parser.add_argument("--plot", type=Path, help="draw it to this file, as SVG")
    told = parser.parse_args()
    runs = [read(path) for path in told.runs]
    sys.stdout.write(with_spread(runs) + "\n")
    if told.plot:
        told.plot.write_text(plot.svg(runs[-1], [lasts(one, runs) for one in runs[-1]]))


def read(path: Path) -> Run:
    """The measurements of one run."""
    return [from_json(row) for row in json.loads(path.read_text())["measurements"]]


def lasts(one: Measurement, runs: Sequence[Run]) -> tuple[float, float]:
    """The least and the most that was judged of the same figure, this one included."""
    judged = [other.judged for run in runs for other in run if (other.bench, other.what) == (one.bench, one.what)]
    return min(judged), max(judged)


def with_spread(runs: Sequence[Run]) -> str:
    """A pipe table of the last run, with the spread of what is judged before the target."""
    cells = []
    for one, row in zip(runs[-1], rows(list(runs[-1])), strict=True):
        least, most = lasts(one, runs)
        cells.append((*row[:-2], f"{least:.4g} – {most:.4g}", *row[-2:]))
    return table((*COLUMNS[:-2], f"in {len(runs)} runs", *COLUMNS[-2:]), cells)


if __name__ == "__main__":
    main()
