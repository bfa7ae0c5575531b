"""A real Chromium before a site of real processes: web server, worker, clock, Redis and the CPU backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from jobs.services import backends
from tests import builders
from tests.running_site import RunningSite
from tests.services_fixtures import need

# Chromium asks the network for many things of its own; here it asks for nothing.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = "/usr/bin/chromium"
PATIENCE = 120_000  # milliseconds to await, on a machine that does other things as well
expect.set_options(timeout=PATIENCE)


# Both go with the folder: the event loop would lie beneath every test that this process runs afterwards.
@pytest.fixture(scope="package", autouse=True)
def database_from_a_thread_with_an_event_loop() -> Iterator[None]:
    """Playwright keeps an event loop in the test's thread, which Django takes for asynchronous code."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(autouse=True)
def quick_password_hashing() -> None:
    """Not here: the web server is a process of its own, and knows the real hashes only."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def site(transactional_db) -> Iterator[RunningSite]:
    """Everything but the web server runs, with the shipped defaults and the CPU backend."""
    for program in ("redis-server", "tesseract", "pdftoppm"):
        need(program)
    backends.ensure_defaults()
    with RunningSite() as running:
        running.start_redis()
        backends.place_builtin(base_url=running.start_cpu_backend())
        running.start_worker()
        running.start_clock()
        yield running


@pytest.fixture
def web_alone(transactional_db) -> Iterator[RunningSite]:
    """A site whose web server is all that runs, once it is started: nothing is read."""
    need("redis-server")
    backends.ensure_defaults()
    with RunningSite() as running:
        running.start_redis()
        yield running


@pytest.fixture
def address(site: RunningSite) -> str:
    return site.start_web()


class Visit:
    """One person's browser. What the page complained about is kept, to be asserted empty."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else self.strangers.append(r.url)
        )

    def sign_in(self, name: str = "mira", password: str = builders.PASSWORD) -> None:
        self.page.goto(f"{self.address}/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/documents/")


@pytest.fixture
def visit(browser: Browser, address: str, tmp_path: Path) -> Iterator[Visit]:
    builders.make_user("mira")
    context = browser.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    seen = Visit(context.new_page(), address)
    seen.sign_in()
    yield seen
    context.close()
    assert seen.complaints == []
    assert seen.strangers == []
