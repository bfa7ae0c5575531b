"""The CPU backend as a child process, and what a client says to it."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
GROUNDING = "<|grounding|>Convert the document to markdown."
PATIENCE_SECONDS = 60


def until(condition: Callable[[], Any]) -> Any:
    """The condition's first true value; fails loudly if it never comes."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError("It did not happen in time.")


def body(image: bytes, *, prompt: str = GROUNDING, **more: Any) -> dict[str, Any]:
    url = "data:image/jpeg;base64," + base64.b64encode(image).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
    return {"model": "tesseract", "messages": [{"role": "user", "content": content}], **more}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "jobs.cpu_backend", *options]


class Server:
    """`with Server("--slots", "1") as server:` listens at a free port; its log is kept in `log`."""

    def __init__(self, *options: str) -> None:
        self.options = options
        self.log = ""

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            command("--port", "0", *self.options), cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.log = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.log)
        assert found, self.log + self.process.stderr.read()
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"
        until(self.answers)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None):
        self.stop()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def answers(self) -> bool:
        try:
            return self.get("/health").ok
        except requests.ConnectionError:
            return False

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=PATIENCE_SECONDS)

    def post(self, payload: dict[str, Any] | bytes) -> requests.Response:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return requests.post(f"{self.url}/v1/chat/completions", data=data, timeout=PATIENCE_SECONDS)

    def read(self, image: bytes, **more: Any) -> str:
        response = self.post(body(image, **more))
        assert response.status_code == 200, response.text
        return response.json()["choices"][0]["message"]["content"]

    def metric(self, name: str, labels: str = "") -> float:
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"vllm:{name}{{") and labels in line:
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"There is no metric {name}.")

    def children(self) -> list[int]:
        """Process ids of tesseract commands that run now."""
        done = subprocess.run(
            ["pgrep", "-x", "-P", str(self.process.pid), "tesseract"], capture_output=True, text=True, timeout=10
        )
        return [int(pid) for pid in done.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
