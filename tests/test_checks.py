"""The system checks, each found by its id; and what `check --deploy` says of a site as it is served."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error
from django.core.checks.registry import registry

ROOT = Path(__file__).resolve().parent.parent
SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"


def messages(*, deploy: bool = False) -> list[CheckMessage]:
    """What our own registered checks say."""
    checks = [c for c in registry.get_checks(include_deployment_checks=deploy) if c.__module__ == "jobs.checks"]
    assert len(checks) >= 4
    return [message for check in checks for message in check(app_configs=None, databases=None)]


def ids(*, deploy: bool = False) -> list[str]:
    return sorted(str(message.id) for message in messages(deploy=deploy))


@pytest.mark.both_databases
def test_the_settings_as_they_come_pass_every_check() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("base_url", "allowed", "expected"),
    [
        ("https://ocr.example.org", ["127.0.0.1"], ["ocrsite.E001"]),
        ("http://ocr.example.org:8000", ["127.0.0.1"], ["ocrsite.E001"]),
        ("https://ocr.example.org", ["127.0.0.1", "ocr.example.org"], []),
        ("https://ocr.example.org:8443", [".example.org"], []),
        ("http://[::1]:8000", ["[::1]"], []),
        ("", ["127.0.0.1"], []),
    ],
)
def test_the_sites_own_address_must_be_among_the_allowed_hosts(
    base_url: str, allowed: list[str], expected: list[str], settings: Any
) -> None:
    settings.BASE_URL, settings.ALLOWED_HOSTS = base_url, allowed
    assert ids() == expected


@pytest.mark.parametrize(
    ("lease", "renew", "expected"), [(30.0, 5.0, []), (30.0, 15.0, ["ocrsite.E002"]), (2.0, 5.0, ["ocrsite.E002"])]
)
def test_a_lease_must_outlive_a_missed_renewal(lease: float, renew: float, expected: list[str], settings: Any) -> None:
    settings.LEASE_SECONDS, settings.LEASE_RENEW_SECONDS = lease, renew
    assert ids() == expected


@pytest.mark.parametrize(
    ("debug", "base_url", "expected"),
    [
        (True, "https://ocr.example.org", ["ocrsite.W001"]),
        (False, "https://ocr.example.org", []),
        (True, "http://127.0.0.1:8000", []),
    ],
)
def test_debugging_a_site_that_others_reach_is_warned_of(
    debug: bool, base_url: str, expected: list[str], settings: Any
) -> None:
    settings.DEBUG, settings.BASE_URL, settings.ALLOWED_HOSTS = debug, base_url, ["*"]
    assert ids() == expected


@pytest.mark.parametrize(("token", "expected"), [("", []), ("short", ["ocrsite.W002"]), ("x" * 16, [])])
def test_a_metrics_token_that_can_be_guessed_is_warned_of(token: str, expected: list[str], settings: Any) -> None:
    settings.METRICS_TOKEN = token
    assert ids() == expected


@pytest.mark.parametrize(
    ("engine", "redis_url", "expected"),
    [
        (POSTGRESQL, "", ["ocrsite.W101"]),
        (POSTGRESQL, "redis://redis.example.org/0", []),
        (SQLITE, "", []),
    ],
)
def test_parts_on_several_machines_need_one_redis(
    engine: str, redis_url: str, expected: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = redis_url
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", engine)
    assert ids(deploy=True) == expected
    assert ids() == []


@pytest.mark.parametrize(
    ("networks", "expected"),
    [(["0.0.0.0/0"], ["ocrsite.W102"]), (["::/0", "127.0.0.0/8"], ["ocrsite.W102"]), (["127.0.0.0/8"], [])],
)
def test_allowing_backends_anywhere_is_warned_of(networks: list[str], expected: list[str], settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1/0"
    settings.BACKEND_ALLOWED_CIDRS = tuple(ipaddress.ip_network(network) for network in networks)
    assert ids(deploy=True) == expected


@pytest.mark.parametrize(("networks", "expected"), [(["0.0.0.0/0"], ["ocrsite.W103"]), (["10.1.0.0/16"], []), ([], [])])
def test_webhooks_to_anywhere_are_warned_of(networks: list[str], expected: list[str], settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1/0"
    settings.WEBHOOK_ALLOWED_CIDRS = tuple(ipaddress.ip_network(network) for network in networks)
    assert ids(deploy=True) == expected


def test_every_message_says_what_to_do(settings: Any) -> None:
    settings.BASE_URL, settings.ALLOWED_HOSTS, settings.DEBUG = "https://ocr.example.org", ["127.0.0.1"], True
    settings.LEASE_RENEW_SECONDS, settings.METRICS_TOKEN = 60.0, "short"
    found = messages()
    assert sorted(str(m.id) for m in found) == ["ocrsite.E001", "ocrsite.E002", "ocrsite.W001", "ocrsite.W002"]
    assert all(message.hint for message in found)
    assert all(isinstance(message, Error) == (".E" in str(message.id)) for message in found)


@pytest.mark.both_databases
def test_check_deploy_is_clean_for_a_site_served_over_https(tmp_path: Path) -> None:
    ours = {"OCRSITE_BASE_URL": "https://ocr.example.org", "OCRSITE_DATA_DIR": str(tmp_path)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCRSITE_")}
    command = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    environment = {**kept, "REDIS_URL": "redis://127.0.0.1/0", **ours}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    assert "no issues" in said.stdout
