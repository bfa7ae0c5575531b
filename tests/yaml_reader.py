"""The small part of YAML that launch files are written in, read strictly: anything else is a ValueError."""

from __future__ import annotations

import json
from typing import Any


def documents(text: str) -> list[Any]:
    """Every document of a file."""
    return [_block(_lines(part), 0) for part in text.split("---\n")]


def _lines(text: str) -> list[tuple[int, str]]:
    found = []
    for line in text.splitlines():
        bare = line.lstrip(" ")
        found.append((len(line) - len(bare), bare))
    return found


def _block(lines: list[tuple[int, str]], depth: int) -> Any:
    """Takes from `lines` what stands at `depth` or deeper."""
    if lines[0][1].startswith("- "):
        return _list(lines, depth)
    found: dict[str, Any] = {}
    while lines and lines[0][0] == depth:
        key, colon, rest = lines.pop(0)[1].partition(":")
        if not colon or key in found or '"' in key:
            raise ValueError(f"{key!r} is no key")
        found[key] = json.loads(rest) if rest else _block(lines, depth + 2)
    _ended(lines, depth)
    return found


def _list(lines: list[tuple[int, str]], depth: int) -> list[Any]:
    found = []
    while lines and lines[0][0] == depth and lines[0][1].startswith("- "):
        first = lines[0][1][2:]
        if first.startswith(('"', "{", "[")):
            lines.pop(0)
            found.append(json.loads(first))
        else:
            lines[0] = (depth + 2, first)
            found.append(_block(lines, depth + 2))
    _ended(lines, depth)
    return found


def _ended(lines: list[tuple[int, str]], depth: int) -> None:
    if lines and lines[0][0] > depth:
        raise ValueError(f"{lines[0][1]!r} stands too deep")
