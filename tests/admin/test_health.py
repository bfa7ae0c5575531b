"""Breakers closed and opened by hand."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from jobs.models import AuditEntry, BackendHealth
from tests.admin.pages import act, form_of, url


def test_faults_are_forgotten_by_the_service(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    health = rows[BackendHealth]
    BackendHealth.objects.filter(pk=health.pk).update(
        state="down", breaker="open", reason="no answer", circuit={"state": "open", "failures": 3, "openings": 2}
    )
    assert act(client, BackendHealth, "forget_faults", health) == ["The faults of calypso are forgotten."]
    health.refresh_from_db()
    assert (health.state, health.breaker, health.reason) == ("up", "closed", "")
    assert health.circuit["openings"] == 0
    assert "dispatch" in sent
    assert AuditEntry.objects.filter(action="backend.breaker_closed", subject="calypso").exists()


def test_a_breaker_is_opened_and_closed_by_hand(client: Client, rows: dict[type, Any]) -> None:
    health = rows[BackendHealth]
    where = url(BackendHealth, "change", health)
    assert client.post(where, form_of(client, where) | {"breaker": "open", "state": "hung"}).status_code == 302
    health.refresh_from_db()
    assert (health.state, health.breaker) == ("down", "open")
    assert "boss" in health.reason and health.retry_at > timezone.now()
    assert client.post(where, form_of(client, where) | {"breaker": "closed"}).status_code == 302
    health.refresh_from_db()
    assert (health.state, health.breaker) == ("up", "closed")
