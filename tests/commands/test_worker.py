from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.management.commands import worker
from jobs.services import leases


def test_a_worker_ends_though_what_it_holds_cannot_be_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a thread that was cut off in a transaction still holds a page's row."""
    never, exited = threading.Event(), threading.Event()

    def leave(code: int) -> None:
        assert code == 0
        exited.set()

    monkeypatch.setattr(leases, "stop_keeper", never.wait)
    monkeypatch.setattr(worker, "HAND_OVER_SECONDS", 0.05)
    monkeypatch.setattr(os, "_exit", leave)
    idle: Any = SimpleNamespace(stop=lambda timeout: None)
    ending = threading.Thread(target=worker.end, args=(idle,), daemon=True)
    ending.start()
    try:
        assert exited.wait(60)
    finally:
        never.set()
        ending.join(60)
