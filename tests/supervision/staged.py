"""Runs a supervisor over the children that a JSON file describes, so that tests can send it signals.

`python -m tests.supervision.staged FILE`, with "marker", "log_dir", "stages" (lists of lists of a command's fields),
"timing" and "restart" (fields of Timing and Policy).
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from jobs.supervision.children import Command
from jobs.supervision.restarts import Policy
from jobs.supervision.supervisor import Supervisor, Timing
from jobs.supervision.terminal import say


def main(file: str) -> int:
    told = json.loads(Path(file).read_text())
    stages = [[Command(**told) for told in stage] for stage in told["stages"]]
    timing = Timing(restart=Policy(**told["restart"]), **told["timing"])
    supervisor = Supervisor(
        stages,
        marker=told["marker"],
        log_dir=Path(told["log_dir"]),
        say=say,
        on_ready=lambda: say("Everything runs."),
        timing=timing,
    )
    return asyncio.run(supervisor.run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
