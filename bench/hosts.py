"""Simulated hosts in processes of their own, so that their work is not charged to the site; and what they counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60.0


class HostProcess:
    """One simulated host. All times are of the machine's monotonic clock, which its processes share.

    It answers at once until `take_seconds`: nothing is learnt from a self-test that takes longer. Several start side by
    side; `wait` before anything else.
    """

    def __init__(self, *, slots: int, service_seconds: float, queue_ahead: int) -> None:
        self.slots, self.queue_ahead, self.service_seconds = slots, queue_ahead, service_seconds
        options = {"slots": slots, "allowed-extra": queue_ahead}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.vllm_simulator", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.base_url = self._control_url = ""

    def wait(self) -> None:
        """Until it answers."""
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        self._control_url = self._process.stdout.readline().strip()
        if not self._control_url:
            raise RuntimeError("The simulated host did not start.")

    def take_seconds(self) -> None:
        """From now on each page takes its `service_seconds`; what came before is forgotten."""
        self.control("settings", service_seconds=self.service_seconds)
        self.forget()

    def stop(self) -> None:
        """At once: there is nothing to be kept."""
        self._process.kill()
        self._process.wait(SECONDS)

    def control(self, what: str, **given: Any) -> dict[str, Any]:
        """POST to its control interface; its state afterwards."""
        answer = requests.post(f"{self._control_url}/{what}", json=given, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()

    def state(self) -> dict[str, Any]:
        answer = requests.get(f"{self._control_url}/state", timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()

    def forget(self) -> None:
        self.control("reset")

    def clear_faults(self) -> None:
        requests.delete(f"{self._control_url}/faults", timeout=SECONDS).raise_for_status()

    def pages(self) -> list[tuple[float, float]]:
        """When each page came and when it was answered; canaries, which ask for few tokens, are left out."""
        calls = self.state()["calls"]
        return [(one["started"], one["ended"]) for one in calls if one["body"]["max_tokens"] > 200 and one["ended"]]


def busy_share(pages: Sequence[tuple[float, float]], slots: int) -> float:
    """How much of a host's slots was taken from its first page's coming until its last page's coming: while work
    waited. 1.0 is every slot all the time; 0.0 without pages."""
    if len(pages) < 2:
        return 0.0
    start, end = min(began for began, _ in pages), max(began for began, _ in pages)
    changes = sorted([(began, 1) for began, _ in pages] + [(min(ended, end), -1) for _, ended in pages])
    taken, in_flight, last = 0.0, 0, start
    for at, step in changes:
        taken += min(in_flight, slots) * (at - last)
        in_flight, last = in_flight + step, at
    return taken / (slots * (end - start)) if end > start else 0.0
