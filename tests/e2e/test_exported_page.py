"""The exported web page in a real Chromium: nothing a model wrote runs, nothing is fetched, nothing is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import builders, exported
from tests.exported import block
from tests.gateways.test_markup import PAYLOADS

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_no_payload_runs_and_the_page_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    count = len(PAYLOADS)
    document = builders.make_document(
        builders.make_user(), pages=count, done=count, name='"><script>alert(1)</script>.pdf'
    )
    for page, payload in zip(document.pages.order_by("number"), PAYLOADS, strict=True):
        table = f"<table><tr><td colspan=2>{payload}</td></tr></table>"
        exported.read(page, block("title", payload), block("text", payload), block("table", table))
    first = document.pages.get(number=1)
    builders.make_page_image(first, width_px=1654, height_px=2339, colour="red")
    exported.read(first, block("text", PAYLOADS[0]), block("image", "", (0, 0, 200, 100)))
    path = exported.saved(document, "html", tmp_path)

    shown = browser.new_page()
    asked, said, dialogs = [], [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    shown.goto(path.as_uri(), wait_until="load")
    for cell in shown.locator("td").all()[:60]:
        cell.hover()
    assert (dialogs, said) == ([], [])
    assert [url for url in asked if not url.startswith("data:image/jpeg")] == [path.as_uri()]
    assert shown.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [200, 100]
    assert shown.locator("body").evaluate("body => getComputedStyle(body).maxWidth") != "none"  # its style is allowed
    assert shown.evaluate("window.localStorage.length + document.scripts.length") == 0
    shown.close()
