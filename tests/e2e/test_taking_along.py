"""Several documents taken along at once, in a real Chromium: with a script, and without one."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Download, Page, expect

from jobs.services import backends
from tests import builders
from tests.e2e.conftest import Visit
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def site(transactional_db) -> Iterator[RunningSite]:
    """The web server alone: nothing is read here."""
    backends.ensure_defaults()
    with RunningSite() as running:
        running.start_redis()
        yield running


@pytest.fixture
def chosen(visit: Visit) -> None:
    """Three documents of Mira's; the newest two are ticked."""
    owner = builders.get_user_model().objects.get(username="mira")
    for age, name in enumerate(("Lease.pdf", "Invoice.pdf", "Left alone.pdf")):
        builders.make_document(owner, name=name, pages=2, done=2, age_seconds=100 + age)
    visit.page.reload()
    for name in ("Lease.pdf", "Invoice.pdf"):
        visit.page.get_by_label(f"Choose {name}").check()


def names_in(download: Download) -> list[str]:
    with zipfile.ZipFile(download.path()) as archive:
        return sorted(archive.namelist())


def take(page: Page, label: str) -> Download:
    page.get_by_label("As what those chosen are downloaded").select_option(label=label)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download").click()
    return taken.value


def test_those_chosen_come_in_one_zip_and_stay_chosen(visit, chosen):
    page = visit.page
    expect(page.locator("#chosen-count")).to_have_text("2 chosen")
    assert names_in(take(page, "Text")) == ["Invoice.txt", "Lease.txt"]
    expect(page.locator("#chosen-count")).to_have_text("2 chosen")


def test_without_a_script_too(browser, visit, chosen):
    context = browser.new_context(java_script_enabled=False, storage_state=visit.page.context.storage_state())
    page = context.new_page()
    page.goto(f"{visit.address}/documents/")
    page.get_by_label("Choose Left alone.pdf").check()
    assert names_in(take(page, "Markdown")) == ["Left alone.md"]
    context.close()
