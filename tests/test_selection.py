"""Nothing that uses the database is left out on PostgreSQL; and what is left out there never gets one."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests import __main__ as whole
from tests import selection

ROOT = Path(__file__).resolve().parent.parent
THROUGH_OTHERS = """
import pytest

@pytest.fixture
def user(db): ...

@pytest.fixture
def client(user): ...

@pytest.fixture(autouse=True)
def always(request): ...
"""
USES = {
    "the marker": "@pytest.mark.django_db\ndef test_it(): ...",
    "the marker of its class": "@pytest.mark.django_db\nclass TestIt:\n    def test_it(self): ...",
    "the marker of its file": "pytestmark = pytest.mark.django_db\ndef test_it(): ...",
    "the fixture": "def test_it(db): ...",
    "the fixture with transactions": "def test_it(transactional_db): ...",
    "a fixture's fixture": "def test_it(client): ...",
    "a fixture named by a marker": "@pytest.mark.usefixtures('client')\ndef test_it(): ...",
    "an automatic fixture": "@pytest.fixture(autouse=True)\ndef each(client): ...\ndef test_it(): ...",
    "a server": "def test_it(live_server): ...",
    "pytest-django's sequences": "def test_it(django_db_reset_sequences): ...",
    "Django's own way": "from django.test import TestCase\nclass TestIt(TestCase):\n    def test_it(self): ...",
    "our own marker": "@pytest.mark.both_databases\ndef test_it(): ...",
    "a browser and our own marker": "@pytest.mark.browser\n@pytest.mark.both_databases\ndef test_it(db): ...",
}
IN_A_BROWSER = {"a browser": "@pytest.mark.browser\ndef test_it(db): ..."}
USES_NONE = {
    "nothing": "def test_it(): ...",
    "settings": "def test_it(settings, tmp_path): ...",
}
CHEATS = {
    "the database by itself": "from django.contrib.auth.models import User\ndef test_it(): User.objects.exists()",
    "a fixture by name": "def test_it(request): request.getfixturevalue('client')",
    "a site": "from tests import running_site\ndef test_it(): running_site.test_database_url()",
    "a process": """
import subprocess, sys
def test_it():
    subprocess.run([sys.executable, 'manage.py', 'migrate', '--check'], check=True)
""",
}


def run(folder: Path, texts: dict[str, str], *options: str) -> list[str]:
    """Runs pytest over one file for each text; the names of those that it lists in the end."""
    files = {f"test_{name.replace(' ', '_')}.py": name for name in texts}
    for file, name in files.items():
        (folder / file).write_text(THROUGH_OTHERS + texts[name])
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-q"]
    said = subprocess.run([*command, *options, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    listed = re.findall(r"^(?:PASSED )?(?:\S*/)?([^/\s]+\.py)::\S*$", said.stdout, re.MULTILINE)
    assert listed, said.stdout + said.stderr
    return sorted(files[file] for file in listed)


def test_whatever_uses_the_database_is_kept_and_the_rest_is_left_out(tmp_path: Path) -> None:
    kept = run(tmp_path, USES | USES_NONE | IN_A_BROWSER, "--collect-only", selection.ONLY_WITH_DATABASE)
    assert kept == sorted(USES)


def test_what_would_be_left_out_gets_no_database(tmp_path: Path) -> None:
    assert run(tmp_path, USES_NONE | CHEATS, "-rp", "--no-migrations") == sorted(USES_NONE)


@pytest.mark.parametrize(
    ("sqlite", "postgresql", "expected"),
    [(0, 0, 0), (0, 5, 0), (5, 5, 5), (0, 1, 1), (0, 4, 4), (1, None, 1), (3, None, 3)],
)
def test_either_run_s_failure_is_the_whole_s(
    sqlite: int, postgresql: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None: not reached. No test that uses the database, among those asked for, is no failure."""
    codes = iter([sqlite] if postgresql is None else [sqlite, postgresql])
    monkeypatch.setattr(whole, "pytest", lambda arguments, **environment: next(codes))
    monkeypatch.setattr(whole.postgres, "server", lambda: nullcontext("postgres://here/"))
    assert whole.run_tests(["-n", "2"]) == expected
    assert not list(codes)


def test_on_sqlite_all_tests_run_and_on_postgresql_those_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(whole, "pytest", lambda arguments, **told: runs.append(([*arguments], told)) or 0)
    monkeypatch.setattr(whole.postgres, "server", lambda: nullcontext("postgres://here/"))
    assert whole.run_tests(["tests/web"]) == 0
    assert runs == [
        (["tests/web"], {}),
        ([selection.ONLY_WITH_DATABASE, "tests/web"], {"DATABASE_URL": "postgres://here/"}),
    ]
