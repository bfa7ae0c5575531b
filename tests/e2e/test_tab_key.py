"""The Tab key alone: every stop it makes on a screen can be seen, and nothing lies over it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import PATIENCE, Visit
from tests.e2e.every_state import EveryState
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]

MOST_STOPS = 400
# Where the focus is, and what is wrong with it: nothing shows it, it is off the screen, or something lies over it.
STOP = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const outlined = (some) => some && (({ outlineStyle, outlineWidth, strokeWidth }, rect) =>
    (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || (rect && parseFloat(strokeWidth) >= 3))(
    getComputedStyle(some), some.localName === "rect");
  const shows = [one, one.nextElementSibling, one.closest(".review-row"), one.querySelector("rect")];
  // A block's link has its name above its box while it is lit: the box is what must be seen.
  const seen = one.matches(".file-input") ? one.nextElementSibling : one.querySelector("rect") ?? one;
  const box = seen.getBoundingClientRect();
  const x = Math.min(Math.max(box.x + box.width / 2, 1), innerWidth - 1), y = box.y + Math.min(box.height / 2, 10);
  const top = document.elementFromPoint(x, y), wrong = [];
  if (!shows.some(outlined)) wrong.push("nothing shows the focus");
  if (box.bottom <= 0 || box.right <= 0 || box.y >= innerHeight || box.x >= innerWidth) wrong.push("off the screen");
  else if (top && !one.contains(top) && !top.contains(one) && !one.nextElementSibling?.contains(top)) {
    wrong.push(`under ${top.localName}.${top.className}`);
  }
  const kind = one.className.baseVal ?? one.className;
  const name = `${one.localName}#${one.id}.${kind} ${one.ariaLabel ?? one.textContent.trim()}`;
  return { name: name.slice(0, 90), wrong, first: one.matches(".skip") };
}"""


@pytest.mark.parametrize("width", [1360, 390])
def test_every_stop_of_the_tab_key_can_be_seen(browser: Browser, web_alone: RunningSite, width: int) -> None:
    shown = EveryState()
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    visit = Visit(context.new_page(), web_alone.start_web())
    visit.sign_in("ada")
    room = f"/documents/{shown.read.pk}/pages"
    paths = ["/documents/", f"/documents/{shown.read.pk}/", f"{room}/1/", f"{room}/2/?view=compare", "/review/"]
    paths += [f"{room}/3/?view=versions", f"{room}/1/?view=again", "/backends/", "/backends/calypso/edit", "/account/"]
    wrong = [f"{path} {line}" for path in paths for line in walked(visit, path)]
    context.close()
    assert not wrong, "\n".join(wrong)


def walked(visit: Visit, path: str) -> list[str]:
    """Tab from the top to the end of the page; what was wrong at each stop."""
    page = visit.page
    page.goto(visit.address + path)
    found: list[str] = []
    stops: list[str] = []
    while len(stops) < MOST_STOPS:
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or (stops and stop["first"]):
            break  # behind the last stop the focus is the browser's own, or begins again
        stops.append(stop["name"])
        found += [f"{stop['name']}: {what}" for what in stop["wrong"]]
    assert stops[0].startswith("a#.skip"), path
    assert 5 < len(stops) < MOST_STOPS, path
    return found
