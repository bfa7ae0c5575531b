"""Which tests run on the second database, and which files come first. Loaded by pytest (see pyproject.toml).

A test uses the database where pytest-django gives it one, or where it carries the marker `both_databases`, as those do
that start a site on a database of its own. `--only-with-database` runs these alone: what the others show is the same
on any database. So is what a browser does with a screen, and tests/web asks for the screens on both: those that drive
one are left out too, but for the whole way from upload to text, which carries the marker.

That this holds is seen in every run, for the others get no database at all: pytest-django refuses it to the test, and
to the processes that it starts DATABASE_URL names a place where none can be. So a test that needs one and does not say
so fails on the first database already, and is never left out on the second unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

ONLY_WITH_DATABASE = "--only-with-database"
NOWHERE = "sqlite:////nowhere/this-test-does-not-say-that-it-uses-a-database.sqlite3"
# Whichever fixture gives a database, directly or through others, one of these is below it.
GIVES_DATABASE = {"_django_db_helper", "django_db_setup", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(ONLY_WITH_DATABASE, action="store_true", help="run only what may differ by database")


def uses_database(item: pytest.Item) -> bool:
    from django.test import TransactionTestCase  # once there are settings

    marked = any(item.get_closest_marker(name) for name in ("django_db", "both_databases"))
    given = not GIVES_DATABASE.isdisjoint(getattr(item, "fixturenames", ()))
    return marked or given or issubclass(getattr(item, "cls", None) or object, TransactionTestCase)


def differs_by_database(item: pytest.Item) -> bool:
    in_a_browser = item.get_closest_marker("browser") and not item.get_closest_marker("both_databases")
    return uses_database(item) and not in_a_browser


def slowest_files_first(items: list[pytest.Item]) -> None:
    """By what they hold: slow tests, then tests. So what is left at the end is short, whoever runs it."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (-slow[item.path], -tests[item.path], item.path))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption(ONLY_WITH_DATABASE):
        config.hook.pytest_deselected(items=[item for item in items if not differs_by_database(item)])
        items[:] = [item for item in items if differs_by_database(item)]
    if hasattr(config, "workerinput"):  # pytest-xdist's: files are handed out, one after the other
        slowest_files_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        if not uses_database(item):
            patched.setenv("DATABASE_URL", NOWHERE)
        return (yield)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> None:
    """A fixture that is asked for by name while the test runs cannot be seen beforehand."""
    if fixturedef.argname == "_django_db_helper" and not uses_database(request.node):
        pytest.fail("This test asks for the database without saying so beforehand: mark it django_db.")
