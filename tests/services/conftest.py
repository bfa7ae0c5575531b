"""What tests of services share: people, one simulated host, a webhook. What needs another one makes it for itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.services import webhooks
from tests import builders
from tests.vllm_simulator import Simulator
from tests.webhook_receiver import Receiver, receiver


@pytest.fixture
def mira(db: None) -> Any:
    """Of the staff."""
    return builders.make_user("mira")


@pytest.fixture
def ada(db: None) -> Any:
    """An administrator."""
    return builders.make_user("ada", admin=True)


@pytest.fixture
def host() -> Iterator[Simulator]:
    """A host of four slots that answers at once."""
    with Simulator.start(slots=4) as simulator:
        yield simulator


@pytest.fixture
def calypso(db: None, host: Simulator) -> Any:
    """A policy, and that host in use under its name."""
    builders.make_policy()
    return builders.make_backend("calypso", base_url=host.base_url)


@pytest.fixture
def hooks_on_this_machine(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_CIDRS = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def hook(mira: Any, told: Receiver) -> Any:
    """A webhook of mira's for documents that have ended."""
    return webhooks.register(mira, url=told.url, events=["document.done", "document.failed"])[0]
