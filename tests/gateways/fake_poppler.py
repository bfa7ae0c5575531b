"""Puts a program of our own in poppler's place, in front of the path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


def replace(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str, program: str = "pdftoppm") -> Path:
    """`script` is a shell's; in it $REAL is the real program. Returns the folder of the fake."""
    real = shutil.which(program)
    assert real is not None
    fakes = folder / "fakes"
    fakes.mkdir(exist_ok=True, parents=True)
    fake = fakes / program
    fake.write_text(f"#!/bin/sh\nREAL={real}\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)
    others = {"pdftoppm", "pdfinfo"} - {path.name for path in fakes.iterdir()}
    for other in others:
        (fakes / other).symlink_to(str(shutil.which(other)))
    monkeypatch.setenv("PATH", str(fakes), prepend=":")
    return fakes
