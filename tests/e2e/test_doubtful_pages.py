"""Pages that were read badly, or edited, through the whole site: what a person then sees, and takes along."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Browser, expect

from jobs.models import Document
from tests import exported, files
from tests.e2e.conftest import PATIENCE, Visit
from tests.e2e.simulated_site import SimulatedSite
from tests.hostile_texts import plain_of
from tests.two_hosts import image_sha256
from tests.vllm_faults import Call

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

TEXTS = [
    "The harbour office counted every vessel\nthat passed the lock in the spring.",
    "Larger ships waited longer than before,\nfor the northern gate was being repaired.",
    "Jigsaw puzzles, oxygen and quartz were\ndeclared to the office more often than tea.",
    "The tide tables of the year before hung\nin the hall until somebody took them down.",
]
FORMATS = ("md", "txt", "html", "json", "docx", "xlsx", "pdf", "zip")
TABLE = "<table><tr><td>{0} first</td><td>{0} second</td></tr></table>"


@pytest.fixture
def site(transactional_db, tmp_path: Path) -> Iterator[SimulatedSite]:
    made = SimulatedSite(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def mira(browser: Browser, site: SimulatedSite) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(PATIENCE)
    seen = Visit(context.new_page(), site.start())
    seen.sign_in()
    yield seen
    context.close()
    assert (seen.complaints, seen.strangers) == ([], [])


@pytest.fixture
def doubtful(site: SimulatedSite, tmp_path: Path) -> Document:
    """One page that is read well, one that loops, one that stays empty, one that is cut off, one that is blank."""
    site.judge_readings(rungs=["ngram", "free_ocr"])  # those that send the very same image
    made = site.drawn(files.text_pdf(tmp_path / "Tides.pdf", [*TEXTS, ""]), [*map(plain_of, TEXTS), ""])
    for number, kind in {2: "looping", 3: "empty", 4: "cut_off"}.items():
        image = image_sha256(made.pages.get(number=number))

        def meant(call: Call, image: str = image) -> bool:
            return call.image_sha256 == image

        site.host.set_fault(kind, when=meant)
    return made


def test_every_doubtful_page_says_on_the_screen_why_it_should_be_looked_at(
    site: SimulatedSite, doubtful: Document, mira: Visit
) -> None:
    site.until_read(doubtful)
    blank = image_sha256(doubtful.pages.get(number=5))
    assert blank not in {call.image_sha256 for call in site.host.calls}
    page, room = mira.page, f"{mira.address}/documents/{doubtful.pk}"
    page.reload()
    row = page.get_by_role("row").filter(has_text="Tides.pdf")
    expect(row).to_contain_text("3 to review")
    whys = {
        2: "It may repeat itself: the host stopped a loop.",
        3: "No text was found, though the page is not blank.",
        4: "It may be cut off: the host stopped at its length limit.",
    }
    page.goto(f"{mira.address}/review/")
    expect(page.locator(".review-row")).to_have_count(3)
    for place, why in enumerate(whys.values()):
        expect(page.locator(".review-row").nth(place)).to_contain_text(why)
    for number, why in whys.items():
        page.goto(f"{room}/pages/{number}/")
        expect(page.locator("#page-head")).to_contain_text("needs a look")
        expect(page.locator(".banner.review")).to_contain_text(why)
    expect(page.locator(".prose")).to_contain_text("The tide tables")  # what was read before the cut is not lost
    page.goto(f"{room}/pages/3/")
    expect(page.locator("#page-text")).to_contain_text("No text was found on this page.")
    page.goto(f"{room}/pages/5/")
    expect(page.locator("#page-text")).to_contain_text("This page is blank.")
    expect(page.locator(".banner.review")).to_have_count(0)
    page.goto(f"{room}/pages/1/")
    expect(page.locator(".prose")).to_contain_text("The harbour office counted")
    expect(page.locator(".banner.review")).to_have_count(0)


def test_an_edit_stands_until_the_new_reading_is_accepted_and_every_file_agrees(
    site: SimulatedSite, mira: Visit, tmp_path: Path
) -> None:
    def answers(word: str) -> list[str]:
        return [plain_of(f"{word} {number} {TABLE.format(f'{word}{number}')}") for number in (1, 2, 3)]

    document = site.drawn(files.numbered_pdf(tmp_path / "Three.pdf", 3, size=(300, 200)), answers("early"))
    site.until_read(document)
    page, room = mira.page, f"{mira.address}/documents/{document.pk}"
    page.goto(f"{room}/pages/2/?view=edit")
    page.locator("#text").fill("mended 2\n\n| mended2 first | mended2 second |\n| --- | --- |\n| by | hand |")
    page.locator("#save").click()
    expect(page.locator(".prose")).to_contain_text("mended 2")
    before = ["early1", "mended2", "early3"]
    assert_every_file_says(document, tmp_path, *before)

    site.answer(document, answers("later"))
    page.locator("#read-again").click()
    page.locator("#again-range").check()
    page.locator("#id_again-pages").fill("1-3")
    page.locator("#again .primary").click()
    waiting = document.pages.filter(proposed__isnull=False)
    site.running.until(lambda: waiting.count() == 3, "three new readings wait")
    site.until_read(document)
    assert_every_file_says(document, tmp_path, *before)

    page.goto(f"{room}/pages/2/")
    expect(page.locator(".prose")).to_contain_text("mended 2")
    page.get_by_role("link", name="Compare and decide").click()
    expect(page.locator(".diff")).to_contain_text("mended 2")
    expect(page.locator(".diff")).to_contain_text("later 2")
    page.locator("#accept").click()
    expect(page.locator(".notice.success")).to_contain_text("The new reading is in force now.")
    expect(page.locator(".prose")).to_contain_text("later 2")
    assert_every_file_says(document, tmp_path, "early1", "later2", "early3")

    page.goto(f"{room}/pages/1/?view=compare")
    page.locator("#discard").click()
    expect(page.locator(".notice.success")).to_contain_text("The text stays as it was.")
    assert_every_file_says(document, tmp_path, "early1", "later2", "early3")


def assert_every_file_says(document: Document, folder: Path, *words: str) -> None:
    """Of the three pages' words these, in this order, and no other's."""
    known = [f"{word}{number}" for number in (1, 2, 3) for word in ("early", "mended", "later")]
    for format in FORMATS:
        text = said(document, format, folder)
        found = sorted((word for word in known if f"{word} " in text), key=text.index)
        assert found == list(words), format


def said(document: Document, format: str, folder: Path) -> str:
    """All words of an exported file."""
    data = exported.result(document, format)
    if format == "pdf":
        (folder / "made.pdf").write_bytes(data)
        return "".join(f"{word} " for page in exported.words(folder / "made.pdf") for word, _ in page)
    if format == "docx":
        opened = docx.Document(io.BytesIO(data))
        return " ".join(cell.text for table in opened.tables for cell in table._cells) + " "
    if format in ("xlsx", "zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            names = [name for name in parts.namelist() if name.endswith((".csv", ".xml", ".md"))]
            return " ".join(parts.read(name).decode("utf-8-sig") for name in names)
    return " ".join(json.loads(data)["pages"][n]["text"] for n in range(3)) if format == "json" else data.decode()
