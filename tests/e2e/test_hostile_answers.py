"""What a model wrote stays text, wherever a browser shows it: sent by the host, through the whole site, to Chromium."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from jobs.gateways import formulas
from jobs.gateways.markup import TAGS
from jobs.models import Document, Page
from jobs.services import exporting, rerunning, tagging
from tests import files
from tests import hostile_texts as texts
from tests.e2e.conftest import PATIENCE, Visit
from tests.e2e.simulated_site import SimulatedSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

TOGETHER = 3  # payloads on a page, each in blocks of its own
LEADS_OUTSIDE = re.compile(rb'TargetMode="External"|<(w:hyperlink|w:instrText|w:fldSimple|w:object|hyperlinks|f)[ />]')
ROOM = ("text", "source", "output", "versions", "compare", "edit")
ALIVE = """(tags) => {
  const leads = /^(src|srcset|srcdoc|href|xlink:href|action|formaction|data|poster|background)$/i, alive = [];
  for (const one of document.querySelectorAll("*")) {
    for (const { name, value } of one.attributes) {
      const ours = () => new URL(value, document.baseURI).origin === location.origin;
      if (/^on/i.test(name) || (leads.test(name) && !ours())) alive.push(`${one.tagName} ${name}=${value}`);
    }
    const read = one.parentElement?.closest(".prose, .diff, .hit-words, pre.source, .review-words, .row-name, h1");
    if (read && !one.closest(".katex") && !tags.includes(one.localName)) alive.push(`${one.tagName} in a text`);
  }
  const never = ".katex :is(a, img, script), iframe, object, embed, base, style, template, meta[http-equiv]";
  for (const one of document.querySelectorAll(never)) alive.push(one.outerHTML);
  return alive;
}"""


class Watched(Visit):
    """A visit that also hears dialogs and what the content security policy had to refuse."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport={"width": 1360, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        super().__init__(self.context.new_page(), address)
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.expose_function("refused", lambda what: self.complaints.append(f"refused {what}"))
        told = "event => refused(`${event.violatedDirective} ${event.blockedURI}`)"
        self.page.add_init_script(f"addEventListener('securitypolicyviolation', {told})")

    def look(self, path: str) -> None:
        """Open a page, let formulas be drawn, and see that nothing on it lives."""
        self.page.goto(self.address + path)
        self.page.wait_for_function("!document.querySelector('.prose .math') || window.katex")
        alive = self.page.evaluate(ALIVE, sorted(TAGS | {"span", "div", "mark", "del", "ins", "small", "strong"}))
        assert alive == [], path
        assert self.complaints == [], path


@pytest.fixture
def site(transactional_db, tmp_path: Path) -> Iterator[SimulatedSite]:
    made = SimulatedSite(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def document(site: SimulatedSite, tmp_path: Path) -> Document:
    """All payloads, then the formulas, then cells of a table; the last page is well."""
    groups = [texts.PAYLOADS[at : at + TOGETHER] for at in range(0, len(texts.PAYLOADS), TOGETHER)]
    formulas = "\n\n".join([*texts.FORMULAS, texts.GOOD_FORMULA])
    answers = [texts.answer(group) for group in groups]
    answers += [texts.plain_of(formulas), texts.table_of(texts.CELLS), texts.plain_of("All is well here.")]
    path = files.numbered_pdf(tmp_path / "hostile.pdf", len(answers), size=(300, 200))
    made = site.drawn(path, answers, name=texts.NAME)
    tagging.add(made.pk, texts.TAG, by=site.mira)
    return made


def test_nothing_a_model_wrote_comes_alive(
    browser: Browser, site: SimulatedSite, document: Document, tmp_path: Path
) -> None:
    address = site.start()
    site.until_read(document)
    read_again_otherwise(site, document)
    visit = Watched(browser, address)
    visit.sign_in()
    room = f"/documents/{document.pk}/"
    for page in document.pages.order_by("number"):
        for view in ROOM:
            visit.look(f"{room}pages/{page.number}/?view={view}")
    versions = Page.objects.get(document=document, number=1).readings.order_by("id")
    visit.look(f"{room}pages/1/?view=versions&with={versions.last().pk}")
    for path in (
        "/documents/",
        "/documents/?q=alert",
        "/documents/?q=onerror",
        room,
        f"{room}search?q=script",
        "/review/",
    ):
        visit.look(path)
    expect(visit.page.locator(".review-row").first).to_contain_text(texts.NAME)
    formulas = document.page_count - 2
    assert_the_formulas_leave_the_page_usable(visit, room, formulas)
    for format in ("html", "md", "txt", "json"):
        assert_harmless_as_a_file(visit, document, format, tmp_path)
    visit.context.close()
    assert visit.strangers == []
    assert_no_file_leads_outside(document)


def read_again_otherwise(site: SimulatedSite, document: Document) -> None:
    """A second reading of each page that differs, so that there is something to compare."""
    first = [page.reading.raw for page in document.pages.select_related("reading").order_by("number")]
    site.answer(document, [f"{raw}\n\n{texts.plain_of(texts.PAYLOADS[0] + ' again')}" for raw in first])
    rerunning.rerun(document.pk, rerunning.Wish(), by=site.mira)
    waiting = document.pages.filter(proposed__isnull=False)
    site.running.until(lambda: waiting.count() == document.page_count, "new readings wait")
    site.until_read(document)


def assert_the_formulas_leave_the_page_usable(visit: Watched, room: str, number: int) -> None:
    page = visit.page
    visit.look(f"{room}pages/{number}/")
    expect(page.locator(".prose [aria-label='a^2 + b^2']")).to_be_visible()  # drawn, whatever stands beside it
    expect(page.locator(".prose")).to_contain_text("includegraphics")  # what cannot be drawn stays as it was written
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("j")
    page.wait_for_url(f"**/pages/{number + 1}/")


def assert_harmless_as_a_file(visit: Watched, document: Document, format: str, folder: Path) -> None:
    """As somebody opens it who has downloaded it: from the disk, without the site's headers."""
    path = folder / f"taken.{format}"
    answer = visit.context.request.get(f"{visit.address}/documents/{document.pk}/download?format={format}")
    assert answer.headers["content-disposition"].startswith("attachment")
    path.write_bytes(answer.body())
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.strangers.clear()
    visit.page.goto(path.as_uri())
    assert visit.complaints == []
    assert asked == [path.as_uri()]
    assert visit.page.evaluate("document.scripts.length") == 0
    if format == "html":
        told = visit.page.evaluate("[...document.querySelectorAll('*')].map(one => one.localName)")
        assert set(told) <= TAGS | formulas.TAGS | {
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "section",
            "div",
            "span",
        }
        for cell in visit.page.locator("center, td").all()[:12]:
            cell.hover()
    else:
        assert visit.page.locator("body > *").evaluate_all("all => all.map(one => one.localName)")[:1] == ["pre"]
    visit.strangers.clear()  # the file itself is no page of the site's
    assert visit.complaints == []


def assert_no_file_leads_outside(document: Document) -> None:
    document.refresh_from_db()
    made = {name: b"".join(exporting.export(document, name, wait=True)[2]) for name in ("docx", "xlsx", "zip")}
    for name in ("docx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(made[name])) as parts:
            for part in parts.namelist():
                assert b'TargetMode="External"' not in parts.read(part), (name, part)
                assert not re.search(
                    rb"<(w:hyperlink|w:instrText|w:fldSimple|w:object|f|hyperlinks)[ >]", parts.read(part)
                )
    with zipfile.ZipFile(io.BytesIO(made["zip"])) as parts:
        assert not [entry for entry in parts.namelist() if entry.startswith(("/", ".")) or ".." in entry]
        sheet = f"tables/page-{document.page_count - 1}-1.csv"
        rows = list(csv.reader(io.StringIO(parts.read(sheet).decode("utf-8-sig"))))
    assert len(rows) == len(texts.CELLS)
    assert all(row[0].startswith("'") for row in rows)
