"""Reads recorded answers: `recorded("err_model_404")`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VLLM = Path(__file__).parent / "vllm"


@dataclass(frozen=True)
class Recorded:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def lines(self) -> list[str]:
        return self.body.decode().split("\n")


def recorded(name: str) -> Recorded:
    head, _, body = (VLLM / f"{name}.txt").read_bytes().partition(b"\n\n")
    _, status_line, *header_lines = head.decode().splitlines()
    headers = dict(line.split(": ", 1) for line in header_lines)
    return Recorded(int(status_line.split()[1]), headers, body)
