"""The limited child process. Reads one JSON request on stdin, writes one JSON answer to stdout, knows no Django.

Run as `python -I .../pdf_child.py` by child_start. Hostile files are opened here and nowhere else.
Only what a request needs is imported, for the start is a sixth of what drawing a page costs; but a child that has
nothing to do yet imports what most requests need.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Isolated mode leaves the script's folder out of the path, where its module names would hide the library's.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jobs.gateways import child_limits

NICENESS = 5  # drawing ahead never holds up recognition


def main() -> None:
    if not _has_been_asked():
        _prepare()
    asked = sys.stdin.read()
    if not asked:
        return  # our parent is gone, or has no use for us
    request = json.loads(asked)
    child_limits.die_with(request["parent"])
    child_limits.bound(request["limits"])
    json.dump(_handler(request)(request), sys.stdout)


def _has_been_asked() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _prepare() -> None:
    from jobs.gateways import child_drawing, child_inspection  # noqa: F401 - loaded for what will be asked


def _handler(request: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    is_pdf = request["media_type"] == "application/pdf"
    if request["operation"] == "layer":
        os.nice(NICENESS)
        return _add_layer
    if request["operation"] == "draw":
        os.nice(NICENESS)
        return _draw_pdf if is_pdf else _draw_image
    if request["operation"] == "text":
        os.nice(NICENESS)
        return _text_of_pdf
    return _inspect_pdf if is_pdf else _inspect_image


def _inspect_pdf(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_inspection

    return child_inspection.inspect(request)


def _inspect_image(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_images

    return child_images.inspect(request)


def _draw_pdf(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_drawing

    return child_drawing.draw(request)


def _text_of_pdf(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_text

    return child_text.read(request)


def _draw_image(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_images

    return child_images.draw(request)


def _add_layer(request: dict[str, Any]) -> dict[str, Any]:
    from jobs.gateways import child_layer

    return child_layer.add(request)


if __name__ == "__main__":
    main()
