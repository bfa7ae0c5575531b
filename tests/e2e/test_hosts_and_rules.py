"""An administrator at the hosts, in a real Chromium: watches slots fill, edits rules by keyboard, applies, confirms."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Backend, RoutingRule
from tests import builders
from tests.e2e.conftest import Visit
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def simulated() -> Iterator[Simulator]:
    with Simulator.start(slots=4) as host:
        yield host


@pytest.fixture
def administrator(browser, address, simulated) -> Iterator[Visit]:
    """calypso's address is that of a simulated host; nobody activated it yet."""
    builders.make_user("ada", admin=True)
    Backend.objects.filter(name="calypso").update(base_url=simulated.base_url)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    seen = Visit(context.new_page(), address)
    seen.sign_in("ada")
    seen.page.goto(f"{address}/backends/")
    yield seen
    context.close()
    assert seen.complaints == []
    assert seen.strangers == []


def card(page: Page, name: str):
    return page.locator(f"#host-{name}")


def test_a_host_is_activated_and_its_slots_are_seen_to_fill(administrator, simulated):
    page = administrator.page
    expect(card(page, "calypso")).to_contain_text("planned")
    page.get_by_role("button", name="Activate calypso").click()
    expect(page.get_by_text("calypso passed its self-test")).to_be_visible(timeout=60_000)
    expect(card(page, "calypso").locator(".slots .free")).to_have_count(4)

    document = builders.make_document(builders.make_user("mira"), name="Lease.pdf", pages=5, running=5)
    calypso = Backend.objects.get(name="calypso")
    for held in document.pages.all():
        builders.make_lease(held, calypso, holder="another worker", expires_at=None)
    busy = card(page, "calypso").locator(".slots .busy")
    expect(busy).to_have_count(5)  # by itself: nothing was reloaded
    expect(busy.first).to_be_visible()
    expect(busy.last).to_be_visible()


def test_rules_are_edited_by_keyboard_and_applied(administrator):
    page = administrator.page
    threshold = page.get_by_label("Large document: pages over")
    threshold.fill("30")
    threshold.press("Tab")
    expect(page.locator("#draft-bar")).to_contain_text("threshold 20 → 30")
    assert RoutingRule.objects.get(name="Large document").threshold == 20

    up = page.get_by_role("button", name="Move “High priority” up")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#draft-bar")).to_contain_text("Rules reordered")
    expect(page.get_by_role("button", name="Move “High priority” down")).to_be_focused()

    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("The new rules are in force.")).to_be_visible()
    expect(page.locator("#versions")).to_contain_text("threshold 20 → 30")
    assert list(RoutingRule.objects.values_list("name", flat=True))[:2] == ["High priority", "Large document"]


def test_what_was_unfolded_stays_so_after_an_edit(administrator):
    page = administrator.page
    page.locator("#rule0-more > summary").click()
    name = page.get_by_label("Name", exact=True).first
    name.fill("Long ones")
    name.press("Tab")
    expect(page.locator("#draft-bar")).to_contain_text("Long ones")
    expect(page.locator("#rule0-more")).to_have_attribute("open", "")


def test_a_document_is_tried_without_leaving_the_screen(administrator):
    page = administrator.page
    page.get_by_label("Pages", exact=True).fill("25")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".decision")).to_contain_text("25 pages, over 20")
    assert page.url.endswith("/backends/")


def test_disabling_asks_first_and_the_question_outlives_a_poll(administrator):
    page = administrator.page
    Backend.objects.filter(name="cpu").update(lifecycle="active")
    card(page, "cpu").get_by_text("Details").click()
    page.get_by_role("button", name="Disable cpu").click()
    Backend.objects.filter(name="cpu").update(slots=7)
    expect(card(page, "cpu")).to_contain_text("of 7")  # the card behind the question was exchanged
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("cpu is disabled.")).to_be_visible()


def test_it_all_works_without_a_script(browser, address, administrator):
    context = browser.new_context(java_script_enabled=False)
    plain = Visit(context.new_page(), address)
    plain.sign_in("ada")
    page = plain.page
    page.goto(f"{address}/backends/")
    page.get_by_label("Large document: pages over").fill("30")
    page.get_by_role("button", name="Take over what was changed").click()
    expect(page.locator("#draft-bar")).to_contain_text("threshold 20 → 30")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("The new rules are in force.")).to_be_visible()
    card(page, "cpu").get_by_text("Details").click()
    page.get_by_role("button", name="Disable cpu").click()
    expect(page.get_by_role("heading", name="Disable cpu?")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("cpu is disabled.")).to_be_visible()
    assert re.search(r"/backends/#host-cpu$", page.url)
    context.close()
