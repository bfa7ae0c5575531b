"""axe-core on every screen: as staff, as an administrator and signed out; light and dark; desk and phone.

The screens are found by asking every address of jobs/views/urls.py: what answers with a whole page is one, so that
a new screen is visited without being named here. `VIEWS` are those that an address shows in several ways.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import URLPattern, reverse
from django.urls.converters import IntConverter, UUIDConverter
from playwright.sync_api import Browser, expect

from jobs.views.urls import urlpatterns
from tests.e2e.conftest import PATIENCE, Visit
from tests.e2e.every_state import EveryState
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

DESK, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
# A scheme changes colours, a width where things stand: the other looks are asked for what depends on that. Colours are
# pairs (tokens.css), so the phone's are looked at in one scheme: the dark one, which is looked at less otherwise.
EVERYTHING = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
BY_COLOUR = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}
BY_SIZE = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]},
}
AXE = Axe().axe_script
GRAVE = ("serious", "critical")
WITHOUT_AN_OBJECT = {IntConverter: 1, UUIDConverter: "00000000-0000-7000-8000-000000000000"}
VIEWS = {
    "documents": ["?q=page", "?q=nothing", "?state=failed", "?tag=harbour"],
    "document": ["?page=5"],
    "document-page": ["?view=source", "?view=output", "?view=versions", "?view=edit", "?view=again"],
    "document-search": ["?q=page"],
    "backends": ["?page_count=25&priority=high"],
}

EVERYBODYS = ("/webhooks/", "/trash/")
SEEN_TWICE = ("/documents/", "/review/", "/account/", *EVERYBODYS)
ADMINISTRATORS = ("/backends/", "/backends/calypso/", "/backends/compare", "/backends/costs", "/alerts/", "/keeping/")
# What is pressed, and what then shows.
OPENS = {
    "/documents/": {
        "label[for=options-open]": "#options .option-grid",
        "#more-filters": "#filter-panel form",
        ".tag-add summary": ".tag-add input",
        ".rows [type=checkbox]": "#chosen-tag",
    },
    "/review/": {".frame-person summary": ".frame-person .menu-list"},
    "/trash/": {".rows [type=checkbox]": "#chosen-count"},
    "/alerts/": {".alert-rule summary": ".alert-rule [type=number]"},
}


@pytest.fixture
def shown(web_alone: RunningSite) -> EveryState:
    return EveryState()


def test_no_screen_keeps_anybody_out(browser: Browser, shown: EveryState, web_alone: RunningSite) -> None:
    address = web_alone.start_web()
    every = screens_of(shown, shown.ada)
    # What staff see is what administrators see without their links and columns: a few screens show that.
    staffs = [path for path in screens_of(shown, shown.mira) if path not in every or path in SEEN_TWICE]
    found = faults(browser, address, "", ["/sign-in"])
    found += faults(browser, address, "ada", every) + faults(browser, address, "mira", [*staffs, "/backends/"])
    assert not found, "\n".join(found)


def screens_of(shown: EveryState, person: Any) -> list[str]:
    """Every address that answers this person with a whole page; of those that refuse alike, one."""
    client = Client()
    client.force_login(person)
    answers = {path: answer for path in asked_of(shown) if is_screen(answer := client.get(path))}
    assert {"/documents/", "/review/", "/account/", f"/documents/{shown.wall.pk}/", *EVERYBODYS} <= set(answers)
    for path in ADMINISTRATORS:
        assert (answers[path].status_code == 200) == person.is_superuser
    refused = {answer.status_code: path for path, answer in answers.items() if answer.status_code >= 400}
    return [path for path, answer in answers.items() if answer.status_code < 400] + list(refused.values())


def asked_of(shown: EveryState) -> list[str]:
    """Every address, in each of its views; of the pages also those that run, failed, were edited, are read again."""
    paths = ["/no-such-page", f"/documents/{shown.wall.pk}/", f"/documents/{shown.gone.pk}/"]
    for pattern in urlpatterns:
        path = path_of(pattern, shown)
        paths += [path + view for view in ["", *VIEWS.get(pattern.name or "", [])]]
    pages = [(shown.wall, 1), (shown.wall, 5), (shown.wall, 8), (shown.read, 3), (shown.gone, 1)]
    paths += [reverse("document-page", args=[document.pk, number]) for document, number in pages]
    return [*paths, f"{reverse('document-page', args=[shown.read.pk, 2])}?view=compare"]


def path_of(pattern: URLPattern, shown: EveryState) -> str:
    """The pattern's address; an argument that is not known here names nothing."""
    known = {
        "document_id": shown.read.pk,
        "number": 1,
        "name": "calypso",
        "deed": "disable",
        "webhook_id": shown.hook.pk,
    }
    parameters = pattern.pattern.converters  # type: ignore[union-attr]
    given = {name: known.get(name, WITHOUT_AN_OBJECT.get(type(kind), "none")) for name, kind in parameters.items()}
    return reverse(pattern.name or "", kwargs=given | dict(pattern.default_args))


def is_screen(response: Any) -> bool:
    html = response.headers.get("Content-Type", "").startswith("text/html")
    return bool(html and response.status_code != 302 and b"<html" in response.content)


def faults(browser: Browser, address: str, name: str, paths: list[str]) -> list[str]:
    """What axe finds, one line a fault: person, address, look, rule and elements."""
    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    visit = Visit(context.new_page(), address)
    if name:
        visit.sign_in(name)
    found = [f"{name or 'nobody'} {path} {line}" for path in paths for line in on_screen(visit, path)]
    context.close()
    assert visit.strangers == []
    return found


def on_screen(visit: Visit, path: str) -> list[str]:
    """As it is, and with each thing open that a press opens."""
    page = visit.page
    found = []
    for opens, shows in ({"": "main"} | OPENS.get(path, {})).items():
        page.set_viewport_size(DESK)
        page.goto(visit.address + path)
        page.evaluate("document.fonts.ready.then(() => true)")
        if opens:
            page.locator(opens).first.click()
        expect(page.locator(shows).first).to_be_visible()
        page.evaluate(AXE)
        found += [f"{opens} {line}" for line in in_every_look(page)]
    return found


def in_every_look(page: Any) -> list[str]:
    """Everything on a desk in the light, then what the dark and a phone can change."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = axe(page, "light desk", EVERYTHING)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += axe(page, "dark desk", BY_COLOUR)
    page.set_viewport_size(PHONE)
    found += axe(page, "dark phone", BY_COLOUR)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("phone: the page is wider than the screen")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found + axe(page, "light phone", BY_SIZE)


def axe(page: Any, look: str, options: dict[str, Any]) -> list[str]:
    seen = page.evaluate("options => axe.run(options)", options)["violations"]
    return [
        f"{look}: {one['id']} at {', '.join(str(node['target']) for node in one['nodes'][:3])}"
        for one in seen
        if one["impact"] in GRAVE
    ]
