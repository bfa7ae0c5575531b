"""`python -m jobs.cpu_backend --host 127.0.0.1 --port N [--slots N] [--deadline SECONDS]`"""

from __future__ import annotations

import argparse
import logging
import os
import sys

from . import serving, tesseract

_DEADLINE_SECONDS = 120.0


def main() -> int:
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        installed = tesseract.look()
        listener = serving.listen(options.host, options.port)
    except tesseract.NotInstalled as error:
        return _give_up(str(error))
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        return _give_up(f"The CPU backend cannot listen at {options.host}:{options.port}: {reason}.")
    serving.serve(listener, installed, slots=options.slots, deadline_seconds=options.deadline)
    return 0


def _give_up(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m jobs.cpu_backend", description="Reads pages with tesseract, as vLLM would."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen at; 0 takes a free one")
    parser.add_argument(
        "--slots", type=_count, default=_cores(), help="pages read at once (default: cores, %(default)s)"
    )
    parser.add_argument(
        "--deadline", type=_seconds, default=_DEADLINE_SECONDS, help="seconds a page may take (default %(default)g)"
    )
    return parser


def _cores() -> int:
    """Those this process may run on, where the system says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _seconds(text: str) -> float:
    if not 0 < (value := float(text)) < 86_400:
        raise argparse.ArgumentTypeError("must be more than 0 and less than a day")
    return value


if __name__ == "__main__":
    sys.exit(main())
