"""A site over two unequal hosts, for every test of faults that does not bring one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.unequal_hosts import UnequalHosts
from tests.running_site import RunningSite


@pytest.fixture
def environment() -> dict[str, str]:
    """Of the site's parts. A lease that a busy machine renews too late would have a page read twice, rightly, and a
    call that a test holds back must not end by itself: so both are long where nobody waits for their end."""
    return {"OCRSITE_LEASE_SECONDS": "30", "OCRSITE_CALL_SECONDS": "120"}


@pytest.fixture
def site(db: Any, tmp_path: Path, environment: dict[str, str]) -> Iterator[UnequalHosts]:
    with RunningSite(**environment) as running:
        running.start_redis()
        both = UnequalHosts(tmp_path, running)
        yield both
        running.stop()  # before the hosts, or the last calls would be failures
        both.stop()
