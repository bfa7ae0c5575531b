"""How a worker ends: told by whatever thread takes the signal in, and in time, though it cannot hand over."""

from __future__ import annotations

import os
import subprocess
import sys
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


SIGNALLED = """
import signal, sys, threading
from jobs.management.commands.worker import wait

main, stop, at_work = threading.get_ident(), threading.Event(), threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

def take_the_signal_in():
    at_work.wait()
    while (top := sys._current_frames()[main].f_code).co_filename != threading.__file__ or top.co_name != "wait":
        pass
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=take_the_signal_in, daemon=True).start()
at_work.set()
wait(stop)
print("ends")
"""


def test_a_signal_that_another_thread_takes_in_ends_it_too() -> None:
    """As the kernel has it where a thread is started, or poppler, while the main one has not woken yet."""
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "ends\n"
