"""The browser's own notice when a document is done: with the permission given, refused, and never asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import Browser, expect

from jobs.models import Document
from tests import builders
from tests.e2e.conftest import PATIENCE, Visit
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

# A tab in the background, whose browser keeps what it shows: Chromium without a screen has neither.
ELSEWHERE = """
  window.away = false;
  Object.defineProperty(Document.prototype, "hidden", { get: () => window.away });
  window.told = [];
  const real = window.Notification;
  window.Notification = class { constructor(title, { body }) { told.push([title, body]); } };
  Object.defineProperty(window.Notification, "permission", { get: () => PERMISSION ?? real.permission });
  window.Notification.requestPermission = async () => (window.asked = true, Notification.permission);
"""


def test_who_may_be_told_and_asked_for_it_is_told_once(browser: Browser, web_alone: RunningSite) -> None:
    address = web_alone.start_web()
    visit, document = watching(browser, address, "granted")
    button = visit.page.locator("#tell-me")
    expect(button).to_have_attribute("aria-pressed", "false")
    read_while_away(visit, document)
    assert visit.page.evaluate("[told, window.asked]") == [[], None]  # nobody is asked who did not want it

    document = under_way(document.owner, "Minutes.pdf")
    visit.page.evaluate("window.away = false")
    visit.page.goto(f"{address}/documents/{document.pk}/")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_have_text("You will be told when it is done")
    read_while_away(visit, document, "partial")
    assert visit.page.evaluate("told") == [["Minutes.pdf", "The document is done, with pages that failed."]]
    end(visit)


@pytest.mark.parametrize("permission", ["denied", "default"])
def test_who_refuses_it_is_told_by_the_title_alone(browser: Browser, web_alone: RunningSite, permission: str) -> None:
    visit, document = watching(browser, web_alone.start_web(), permission)
    button = visit.page.locator("#tell-me")
    if permission == "denied":  # earlier, so that it is not even offered
        expect(visit.page.locator("#document-line")).to_be_visible()
        expect(button).to_be_hidden()
    else:  # when asked now: the browser's question answers with what it was
        button.click()
        visit.page.wait_for_function("window.asked")
        expect(button).to_have_attribute("aria-pressed", "false")
    read_while_away(visit, document)
    assert visit.page.evaluate("told") == []
    end(visit)


def under_way(owner: Any, name: str) -> Document:
    return builders.make_document(owner, pages=3, done=1, name=name)


def watching(browser: Browser, address: str, permission: str) -> tuple[Visit, Document]:
    """Mira looks at a document that is being read."""
    document = under_way(builders.make_user("mira"), "Lease.pdf")
    context = browser.new_context(permissions=["notifications"] if permission == "granted" else [])
    context.set_default_timeout(PATIENCE)
    told = "null" if permission == "granted" else f"'{permission}'"
    context.add_init_script(ELSEWHERE.replace("PERMISSION", told))
    visit = Visit(context.new_page(), address)
    visit.sign_in()
    visit.page.goto(f"{address}/documents/{document.pk}/")
    return visit, document


def read_while_away(visit: Visit, document: Document, status: str = "done") -> None:
    """Returns once the tab's title says that it was noticed."""
    visit.page.evaluate("window.away = true")
    Document.objects.filter(pk=document.pk).update(status=status, revision=F("revision") + 1)
    expect(visit.page).to_have_title(f"✓ {document.name} · ocrsite")


def end(visit: Visit) -> None:
    visit.page.context.close()
    assert (visit.complaints, visit.strangers) == ([], [])
