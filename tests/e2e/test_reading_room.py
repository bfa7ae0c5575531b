"""The reading room in a real Chromium: a review by keys alone, and recognised text that stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from jobs.models import Page
from jobs.services import backends, readings
from tests import builders
from tests.e2e.conftest import Visit
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

PAYLOAD = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
BLOCKS = [
    {"label": "title", "boxes": [[140, 190, 1000, 260]], "body": "# Cash"},
    {"label": "text", "boxes": [[140, 290, 1500, 440]], "body": f"Held: 41.8 m {PAYLOAD}"},
    {"label": "text", "boxes": [[140, 500, 1500, 640]], "body": "It is \\(a^2\\)."},
]
TEXT = "\n\n".join(str(block["body"]) for block in BLOCKS)


@pytest.fixture
def site(transactional_db) -> Iterator[RunningSite]:
    """The web server alone: nothing is read here."""
    backends.ensure_defaults()
    with RunningSite() as running:
        running.start_redis()
        yield running


@pytest.fixture
def document(visit: Visit):
    owner = builders.get_user_model().objects.get(username="mira")
    made = builders.make_document(owner, pages=5, done=4, failed=1, review=2, name="Lease.pdf")
    made.pages.filter(needs_review=True).update(reason="The text may be cut off.")
    for page in made.pages.filter(status="done"):
        builders.make_reading(page, text=TEXT, raw="<|ref|>title<|/ref|>", blocks=BLOCKS)
        builders.make_page_image(page, width_px=1654, height_px=2339)
    builders.make_page_image(made.pages.get(number=5))
    return made


def test_a_review_by_keys_alone(visit, document):
    page, press = visit.page, visit.page.keyboard.press
    clicked: list[str] = []
    page.expose_function("clicked", lambda what: clicked.append(what))
    page.add_init_script("addEventListener('pointerdown', (event) => clicked(event.target.outerHTML), true)")
    page.reload()
    press("r")
    page.wait_for_url("**/review/")
    expect(page.locator(".review-row")).to_have_count(2)
    press("j")
    press("Enter")
    page.wait_for_url("**/pages/1/")
    expect(page.locator(".banner.review")).to_contain_text("cut off")

    press("a")
    expect(page.locator(".notice.success")).to_contain_text("Page 1 is approved")
    assert Page.objects.get(number=1).approved_by.username == "mira"
    press("n")
    page.wait_for_url("**/pages/2/")

    press("e")
    page.wait_for_url("**/pages/2/?view=edit")
    expect(page.locator("#text")).to_be_focused()
    press("Control+End")
    page.keyboard.type("\n\nSigned by hand.")
    expect(page.locator("#saved-said")).to_contain_text("Saved at")  # by itself
    page.keyboard.type(" Twice.")
    press("Control+Enter")
    page.wait_for_url("**/pages/2/")
    expect(page.locator(".prose")).to_contain_text("Signed by hand. Twice.")
    saved = Page.objects.select_related("reading").get(number=2)
    assert (saved.reading.source, saved.needs_review) == ("edit", False)
    assert [block["boxes"] for block in saved.reading.blocks] == [block["boxes"] for block in BLOCKS]

    press("f")
    page.wait_for_url("**/pages/5/")
    press("k")
    page.wait_for_url("**/pages/4/")
    press("j")
    page.wait_for_url("**/pages/5/")
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    expect(page.locator("#keys button")).to_be_focused()
    press("j")  # keys do nothing behind the help
    press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    assert page.url.endswith("/pages/5/")
    press("Escape")
    page.wait_for_url(f"**/documents/{document.pk}/?page=5")
    assert clicked == []


def test_single_keys_can_be_switched_off_and_on_again(visit, document):
    page, press = visit.page, visit.page.keyboard.press
    keys, switch = page.locator("#keys"), page.get_by_label("Use the single keys")
    page.add_init_script("window.followed = 0; addEventListener('click', () => followed++, true)")
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/")
    press("?")
    expect(keys).to_be_visible()
    switch.press("Space")
    expect(switch).not_to_be_checked()
    press("Escape")
    expect(keys).to_be_hidden()

    page.goto(f"{visit.address}/documents/{document.pk}/pages/2/")
    expect(page.locator("html")).to_have_attribute("data-keys", "off")
    for key in "jkanefrb?":
        press(key)
    assert page.evaluate("followed") == 0  # what a key does begins with the click that it stands for
    expect(keys).to_be_hidden()

    page.locator(".frame-person summary").press("Enter")
    expect(page.locator("[data-opens=keys]")).to_be_visible()
    page.locator("[data-opens=keys]").press("Enter")
    expect(keys).to_be_visible()
    switch.press("Space")
    expect(switch).to_be_checked()
    expect(page.locator("html")).to_have_attribute("data-keys", "on")
    press("Escape")
    expect(keys).to_be_hidden()
    # A dialog that closes keeps the focus until the next frame, and a key struck in it is written, not followed.
    page.wait_for_function("document.activeElement === document.body")
    press("j")
    page.wait_for_url("**/pages/3/")


def test_a_script_in_recognised_text_is_only_text(visit, document):
    page = visit.page
    for view in ("text", "source", "edit", "versions"):
        page.goto(f"{visit.address}/documents/{document.pk}/pages/3/?view={view}")
        expect(page.locator("#page-text")).to_be_visible()
        expect(page).not_to_have_title("taken over")
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/")
    expect(page.locator(".prose")).to_contain_text("<script>document.title = 'taken over'</script>")
    expect(page.locator(".prose .katex")).to_be_visible()  # and the formula beside it is drawn


def test_a_box_and_its_block_light_up_together(visit, document):
    page = visit.page
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/")
    page.locator("#block-2").hover()
    expect(page.locator("a.box[data-block='2']")).to_have_class(re.compile("lit"))
    page.locator("a.box[data-block='1']").focus()
    expect(page.locator("#block-1")).to_have_class(re.compile("lit"))
    page.keyboard.press("ArrowDown")
    expect(page.locator("a.box[data-block='2']")).to_be_focused()
    expect(page.locator("#block-2")).to_have_class(re.compile("lit"))


def test_the_page_is_zoomed_by_keys(visit, document):
    page = visit.page
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/")
    sheet = page.locator(".sheet")
    fitting = sheet.evaluate("sheet => sheet.offsetWidth")
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator("#fit-width")).to_have_attribute("aria-pressed", "false")
    assert sheet.evaluate("sheet => sheet.offsetWidth") > fitting
    page.keyboard.press("0")
    expect(page.locator("#fit-width")).to_have_attribute("aria-pressed", "true")
    assert sheet.evaluate("sheet => sheet.offsetWidth") == fitting


def test_nothing_is_read_out_twice_while_somebody_writes(visit, document):
    page = visit.page
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/?view=edit")
    expect(page.locator("#text")).to_be_focused()
    page.evaluate("""() => {
      const said = document.getElementById("saved-said");
      window.heard = [];
      new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true, characterData: true });
    }""")
    page.keyboard.type("One two three four")
    expect(page.locator("#saved-said")).to_contain_text("Saved at")
    heard = page.evaluate("heard")
    assert "Not saved yet" in heard
    assert [pair for pair in pairwise(heard) if pair[0] == pair[1]] == []


def test_who_was_slower_sees_both_texts_and_loses_neither(visit, document):
    page = visit.page
    page.goto(f"{visit.address}/documents/{document.pk}/pages/3/?view=edit")
    ada = builders.make_user("ada", admin=True)
    readings.edit(document.pk, 3, "Ada was here.", base=Page.objects.get(number=3).reading_id, by=ada)
    page.locator("#text").fill("Mira was here too.")
    expect(page.get_by_role("alert")).to_contain_text("ada changed this page meanwhile")
    expect(page.locator("#text")).to_have_value("Mira was here too.")
    expect(page.locator("#theirs")).to_contain_text("Ada was here.")
    page.locator("#save").click()
    expect(page.locator(".prose")).to_contain_text("Mira was here too.")
    assert Page.objects.get(number=3).readings.filter(text="Ada was here.").exists()
    visit.complaints.clear()  # Chromium names each conflict (409) an error in its console
