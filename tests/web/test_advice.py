"""Advice on the screen: one click into Replay, taken over, put off."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Backend, RoutingRule
from jobs.services import rolling_up
from tests import builders, histories

pytestmark = pytest.mark.django_db
ADVICE = "/backends/advice"


@pytest.fixture
def page(mira):
    builders.make_backend("spark", slots=16)
    Backend.objects.update(updated_at=timezone.now() - timedelta(days=30))
    return builders.make_document(mira, pages=12).pages.get(number=1)


@pytest.fixture
def slow_calypso(page):
    histories.read(page, "calypso", seconds=5, at_once=4)
    histories.read(page, "spark", seconds=12, at_once=16)


@pytest.fixture
def short_of_memory(page):
    builders.make_attempt(page, outcome="out_of_memory", started_at=timezone.now() - timedelta(hours=1))
    rolling_up.roll_up()


def press(admin, do, **changes):
    """The button of the first advice."""
    key = re.search(r'name="key" value="([^"]+)"', admin.get(ADVICE).content.decode())[1]
    return admin.post(ADVICE, {"key": key, "do": do} | changes, follow=True)


def test_it_is_for_administrators(client, slow_calypso):
    assert client.get(ADVICE).status_code == 403
    assert client.post(ADVICE, {"key": "slots calypso", "do": "take"}).status_code == 403


def test_the_backends_screen_leads_there(admin, page):
    assert f'href="{ADVICE}"' in admin.get("/backends/").content.decode()


def test_it_says_what_why_and_over_how_much(admin, slow_calypso, outline):
    words = outline(admin.get(ADVICE)).words
    assert "“Large document”: 20 → 8 pages" in words
    assert "calypso is slower than spark would be from 9 pages on" in words
    assert "Measured over 480 pages." in words


def test_one_click_leads_into_replay_with_the_draft(admin, slow_calypso, outline):
    response = press(admin, "look")
    assert response.redirect_chain == [("/backends/?replay=24#replay", 302)]
    words = outline(response).words
    assert "Rule “Large document”: threshold 20 → 8." in words
    assert "The last day, with the draft" in words
    assert "1 document with 12 pages would have moved" in words
    assert RoutingRule.objects.get(name="Large document").threshold == 20


def test_a_draft_that_was_begun_is_kept(admin, slow_calypso, outline):
    press(admin, "look")
    session = admin.session
    session["routing_draft"] |= {"spread": "free"}
    session["routing_draft"]["rules"][0]["threshold"] = 30
    session.save()
    words = outline(press(admin, "look")).words
    assert "Rule “Large document”: threshold 20 → 8." in words
    assert "Spread: overload → free." in words
    session = admin.session
    session["routing_draft"]["rules"].pop(0)
    session.save()
    assert "Your draft has no rule “Large document” any more." in outline(press(admin, "look")).words


def test_settings_are_taken_over(admin, short_of_memory, outline):
    words = outline(press(admin, "take")).words
    assert "Changed: calypso: 4 → 3 slots." in words
    assert Backend.objects.get(name="calypso").slots == 3


def test_not_now_takes_it_away(admin, short_of_memory, outline):
    words = outline(press(admin, "later")).words
    assert "Put off until the figures differ by a good deal: calypso: 4 → 3 slots." in words
    assert "It ran out of memory" not in words
    assert "put off the advice: calypso: 4 → 3 slots" in outline(admin.get("/backends/log")).words


@pytest.mark.parametrize("do", ["look", "take", "later"])
def test_what_is_not_advised_any_more_changes_nothing(admin, short_of_memory, outline, do):
    words = outline(press(admin, do, key="slots spark")).words
    assert "This is not advised any more" in words
    assert Backend.objects.get(name="calypso").slots == 4


def test_what_changes_no_rule_has_no_replay(admin, short_of_memory, outline):
    assert "This advice changes no rule." in outline(press(admin, "look")).words
    assert press(admin, "other").status_code == 404


def test_nothing_measured_is_said(admin, page, outline):
    words = outline(admin.get(ADVICE)).words
    assert "Nothing to advise" in words
    assert "Too few pages to advise on the rules between hosts: calypso read 0 and spark read 0" in words
