"""From a backend's row to a call."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.services import calling
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file", ["", "/etc/ocrsite/authority.pem"])
def test_hosts_are_checked_against_the_authorities_that_the_site_was_given(file: str, settings: Any) -> None:
    settings.BACKEND_CA_FILE = file
    endpoint = calling.endpoint(builders.make_backend(base_url="https://127.0.0.1:9001"))
    assert (endpoint.base_url, endpoint.verify) == ("https://127.0.0.1:9001", file)
