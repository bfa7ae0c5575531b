"""The limited child as it is, but for a change of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.gateways import child_start

ROOT = Path(child_start.__file__).parents[2]


def replace(monkeypatch: pytest.MonkeyPatch, folder: Path, change: str) -> None:
    """`change` is Python, run in the template of all children before the first of them is asked for."""
    template = folder / "child.py"
    template.write_text(
        f"import os, signal, sys, time\nfrom pathlib import Path\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"from jobs.gateways import child_drawing, pdf_child\n{change}\npdf_child.main()\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(child_start, "TEMPLATE", template)


def work(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """`body`: the lines of a function of `request` that does the child's work."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    replace(monkeypatch, folder, f"def work(request):\n{lines}pdf_child.work = work\n")
