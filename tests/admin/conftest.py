"""An administrator, and one row of each model to look at."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs import actors
from jobs.domain import presets
from jobs.models import AuditEntry, ClockLease, HealthSample, IdempotencyKey, PolicyVersion, RoutingPolicy
from jobs.services import access, routing
from tests import builders


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been sent to the broker."""
    names: list[str] = []
    monkeypatch.setattr(actors, "dispatch_soon", lambda: names.append("dispatch"))
    return names


@pytest.fixture
def boss(db: None) -> User:
    user: User = builders.make_user("boss", admin=True)
    return user


@pytest.fixture
def client(boss: User, sent: list[str]) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def rows(boss: User) -> dict[type, Any]:
    """One row of each model."""
    gpu = builders.make_backend("calypso", encrypted_api_key="gAAAA-ciphertext")
    builders.make_backend("spark", lifecycle="planned", base_url="http://127.0.0.1:9002")
    routing.save(presets.POLICIES["hybrid"], by=boss)
    document = builders.make_document(boss, pages=3, done=1, failed=1, running=1)
    page = document.pages.get(number=1)
    lease = builders.make_lease(document.pages.get(number=3), gpu)
    token, _ = access.create_token(boss, name="scanner", days=3, scope="read")
    made = [
        gpu,
        gpu.health,
        document,
        page,
        page.reading,
        page.attempts.get(),
        lease,
        token,
        boss,
        HealthSample.objects.create(backend=gpu, state="up"),
        IdempotencyKey.objects.create(user=boss, key="k-1", body_digest="d" * 64, document=document),
        ClockLease.objects.create(name="clock", holder="here", expires_at=timezone.now()),
        AuditEntry.objects.first(),
        RoutingPolicy.objects.get(),
        PolicyVersion.objects.get(),
    ]
    return {type(row): row for row in made}
