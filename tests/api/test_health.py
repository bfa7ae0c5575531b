"""healthz and readyz: asked by machines."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import Client

from jobs.api import health


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each check will say; empty when all is well."""
    told = {"database": "", "redis": "", "storage": ""}
    answers: dict[str, Any] = {name: (lambda name=name: told[name]) for name in told}
    monkeypatch.setattr(health, "READINESS", health.Readiness(answers))
    return told


def test_alive_needs_nothing_but_the_web_server() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


def test_ready_when_every_part_answers(checks: dict[str, str]) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {name: {"ok": True, "reason": ""} for name in ("database", "redis", "storage")},
    }


@pytest.mark.parametrize("part", ["database", "redis", "storage"])
def test_not_ready_while_a_part_is_down(checks: dict[str, str], part: str) -> None:
    checks[part] = "It is down."
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    down = {name for name, told in response.json()["checks"].items() if not told["ok"]}
    assert down == {part}


def test_a_check_that_hangs_is_late_and_is_not_started_again() -> None:
    go, started = threading.Event(), []

    def hangs() -> str:
        started.append(1)
        go.wait(30)
        return ""

    readiness = health.Readiness({"slow": hangs, "quick": lambda: ""}, deadline_seconds=0.05)
    try:
        for _ in range(3):
            problems = readiness.problems()
            assert "No answer" in problems["slow"] and problems["quick"] == ""
        assert len(started) == 1
    finally:
        go.set()


def test_the_storage_is_tried_by_writing(db: None, own_data_directory: Any) -> None:
    assert health.check_storage() == ""
    (own_data_directory / "files").rmdir()
    (own_data_directory / "files").write_text("in the way")
    assert "." in health.check_storage()


def test_a_redis_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.broker import build_broker

    monkeypatch.setattr("dramatiq.get_broker", lambda: build_broker("redis://127.0.0.1:1/0"))
    assert "Redis cannot be reached" in health.check_redis()


@pytest.mark.django_db(transaction=True)
def test_the_database_is_asked() -> None:
    assert health.check_database() == ""
