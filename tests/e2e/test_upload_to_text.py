"""Upload → progress → result → download, as a person does it: real Chromium, real tesseract, no host simulated."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from jobs.models import Document
from tests import files

pytestmark = [pytest.mark.both_databases, pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

READ = 60_000  # milliseconds to await, on a machine that does other things as well


def test_a_dropped_file_turns_into_text_that_can_be_taken_along(visit, tmp_path):
    page = visit.page
    path = files.text_pdf(tmp_path / "Harbour lease.pdf", ["The harbour lease\nbegins in March", "It ends in October"])
    page.locator("#files").set_input_files(path)
    row = page.get_by_role("row").filter(has_text="Harbour lease.pdf")
    expect(row).to_be_visible()
    expect(row.get_by_text("Done", exact=True)).to_be_visible(timeout=READ)

    page.reload()
    row.get_by_role("link", name="Harbour lease.pdf").click()
    expect(page.get_by_role("heading", name="Harbour lease.pdf")).to_be_visible()
    expect(page.get_by_text("calypso is planned").first).to_be_visible()

    page.get_by_text("Download").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert "<!-- page 1 -->" in text
    assert "harbour lease" in text.lower()
    assert text.lower().index("march") < text.lower().index("october")

    page.goto(f"{visit.address}/documents/{Document.objects.get().pk}/pages/2/")
    expect(page.locator("main")).to_contain_text("It ends in October")
    page.keyboard.press("k")
    page.wait_for_url("**/pages/1/")
    expect(page.locator("main")).to_contain_text("begins in March")


def test_a_file_that_is_refused_says_why_and_leaves_the_others_alone(visit, tmp_path):
    page = visit.page
    good = files.text_pdf(tmp_path / "good.pdf", ["All is well here"])
    bad = files.truncated_pdf(tmp_path / "bad.pdf")
    locked = files.locked_pdf(tmp_path / "locked.pdf", user="sesame", pages=1)
    page.locator("#files").set_input_files([bad, good, locked])
    refused = page.locator("#uploads > li")
    expect(refused.filter(has_text="bad.pdf")).to_contain_text("cannot be read", timeout=READ)
    expect(refused.filter(has_text="locked.pdf")).to_contain_text("password", ignore_case=True)
    expect(page.get_by_role("row").filter(has_text="good.pdf")).to_be_visible()

    again = refused.filter(has_text="locked.pdf")
    again.locator("input[type=password]").fill("sesame")
    again.locator("input[type=password]").press("Enter")
    expect(page.get_by_role("row").filter(has_text="locked.pdf")).to_be_visible(timeout=READ)
    assert Document.objects.count() == 2
    visit.complaints.clear()  # Chromium names each refused upload (422) an error in its console


def test_the_sample_is_one_click_away(visit):
    page = visit.page
    page.get_by_role("button", name="Try a sample").click()
    page.wait_for_url(re.compile(r"/documents/[0-9a-f-]{36}/"))
    expect(page.locator("h1")).to_contain_text(Document.objects.get().name)


def test_everything_but_the_live_part_works_without_javascript(browser, address, tmp_path, site):
    from tests import builders
    from tests.e2e.conftest import Visit

    builders.make_user("mira")
    context = browser.new_context(java_script_enabled=False)
    plain = Visit(context.new_page(), address)
    plain.sign_in()
    plain.page.locator("#files").set_input_files(files.text_pdf(tmp_path / "plain.pdf", ["Plain words on paper"]))
    plain.page.get_by_role("button", name="Upload", exact=True).click()
    expect(plain.page.get_by_role("row").filter(has_text="plain.pdf")).to_be_visible()
    site.until(lambda: Document.objects.get().status == "done", "the document is done")
    plain.page.goto(f"{address}/documents/{Document.objects.get().pk}/pages/1/")
    expect(plain.page.locator("main")).to_contain_text("Plain words on paper")
    context.close()
