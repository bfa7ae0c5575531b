"""What the limited child does: one request, one answer. Hostile files are opened here and nowhere else.

Started once as `python -I .../pdf_child.py` by child_start, as the template of all children (child_template). What most
requests need is loaded beforehand; the rest by the child that needs it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Isolated mode leaves the script's folder out of the path, where its module names would hide the library's.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jobs.gateways import child_limits, child_template

NICENESS = 5  # drawing ahead never holds up recognition


def main() -> None:
    from jobs.gateways import child_drawing, child_images, child_inspection  # noqa: F401 - loaded for all children

    with socket.socket(fileno=os.dup(0)) as control, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)  # as every child's stdin
        child_template.serve(control, work)


def work(request: dict[str, Any]) -> dict[str, Any]:
    """In the child, within its limits."""
    child_limits.bound(request["limits"])
    return _handler(request)(request)


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
