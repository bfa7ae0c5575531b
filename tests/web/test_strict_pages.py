"""What holds for every screen: nothing that the content security policy forbids, and what assistive software needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from jobs.domain.alerts import Fact
from jobs.models import Backend
from jobs.services import alerts, retention, rolling_up, trash, webhooks
from tests import builders

pytestmark = pytest.mark.django_db
NOTICES = ["alerts", "webhooks", "webhook"]
MAY = datetime(2026, 5, 3, tzinfo=UTC)
KEPT = ["trash", "what is kept", "gone", "gone page"]
ROOM = ["edit", "again", "versions", "compare", "review"]
HOSTS = [
    "backends",
    "a try",
    "a host",
    "hosts compared",
    "costs",
    "advice",
    "add a host",
    "edit a host",
    "policy versions",
    "log",
]
SCREENS = [
    "list",
    "filtered",
    "empty",
    "document",
    "unprepared",
    "page",
    "failed page",
    "account",
    *HOSTS,
    *ROOM,
    *NOTICES,
    *KEPT,
]


@pytest.fixture
def pages(admin, mira, outline):
    full = builders.make_document(mira, pages=6, done=2, failed=1, quarantined=1, running=1, review=1)
    new = builders.make_reading(full.pages.get(number=2), text="New", in_force=False, source="rerun")
    full.pages.filter(number=2).update(proposed=new)
    fresh = builders.make_document(mira, pages=2, prepared=False)
    now, ada = timezone.now(), User.objects.get(username="ada")
    hook, _ = webhooks.register(ada, url="https://hooks.example.org/", events=["alert"])
    alerts.judge([Fact("misconfigured", "calypso", 1.0), Fact("api_key", "calypso", 1.0)], now)
    alerts.judge([Fact("misconfigured", "calypso", 1.0)], now)
    gone = builders.make_document(mira, pages=2, done=2, original_deleted_at=MAY, images_deleted_at=MAY)
    builders.make_attempt(full.pages.get(number=1), outcome="out_of_memory")  # which gives an advice
    Backend.objects.update(updated_at=timezone.now() - timedelta(days=1))
    rolling_up.roll_up()
    trash.put(builders.make_document(mira, pages=2, done=2).pk, by=mira)
    retention.save([{"age_days": 90, "what": "images"}], by=None)
    addresses = {
        "trash": "/trash/",
        "what is kept": "/keeping/",
        "gone": f"/documents/{gone.pk}/",
        "gone page": f"/documents/{gone.pk}/pages/1/",
        "list": "/documents/",
        "filtered": "/documents/?state=failed&q=report",
        "empty": "/documents/?q=nothing",
        "document": f"/documents/{full.pk}/",
        "unprepared": f"/documents/{fresh.pk}/",
        "page": f"/documents/{full.pk}/pages/1/",
        "failed page": f"/documents/{full.pk}/pages/3/",
        "edit": f"/documents/{full.pk}/pages/1/?view=edit",
        "again": f"/documents/{full.pk}/pages/1/?view=again",
        "versions": f"/documents/{full.pk}/pages/1/?view=versions",
        "compare": f"/documents/{full.pk}/pages/2/?view=compare",
        "review": "/review/",
        "account": "/account/",
        "backends": "/backends/",
        "a try": "/backends/?page_count=25",
        "a host": "/backends/calypso/",
        "costs": "/backends/costs",
        "advice": "/backends/advice",
        "hosts compared": "/backends/compare",
        "add a host": "/backends/add",
        "edit a host": "/backends/calypso/edit",
        "policy versions": "/backends/versions",
        "log": "/backends/log",
        "alerts": "/alerts/",
        "webhooks": "/webhooks/",
        "webhook": f"/webhooks/{hook.pk}/",
    }
    return lambda name: outline(admin.get(addresses[name]))


@pytest.mark.parametrize("screen", SCREENS)
def test_no_screen_has_scripts_or_styles_of_its_own(pages, screen):
    for tag, attributes in pages(screen).elements:
        assert "style" not in attributes
        assert tag != "style"
        assert tag != "script" or attributes["src"].startswith(settings.STATIC_URL)
        assert not [name for name in attributes if name.startswith(("on", "hx-on", "hx-vals", "hx-vars"))]


@pytest.mark.parametrize("screen", SCREENS)
def test_no_screen_loads_anything_from_elsewhere(pages, screen):
    for tag, attributes in pages(screen).elements:
        if tag in ("script", "link", "img", "form"):
            address = attributes.get("src") or attributes.get("href") or attributes.get("action") or "/"
            assert address.startswith("/") and not address.startswith("//"), address


@pytest.mark.parametrize("screen", SCREENS)
def test_no_id_is_given_twice(pages, screen):
    ids = [attributes["id"] for _, attributes in pages(screen).elements if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_has_its_landmarks_one_heading_and_a_way_past_the_head(pages, screen):
    page = pages(screen)
    tags = [tag for tag, _ in page.elements]
    tags = tags[: tags.index("article")] if "article" in tags else tags  # recognised text has headings of its own
    assert tags.count("main") == 1
    assert tags.count("h1") == 1
    assert "header" in tags and "nav" in tags
    assert any(attributes.get("href") == "#main" for _, attributes in page.elements)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_control_has_a_name(pages, screen):
    page = pages(screen)
    labelled = {attributes["for"] for tag, attributes in page.elements if tag == "label" and "for" in attributes}
    for tag, attributes in page.elements:
        if tag in ("input", "select", "textarea") and attributes.get("type") not in ("hidden", "checkbox"):
            assert attributes.get("id") in labelled or "aria-label" in attributes, attributes


def test_the_policy_allows_only_what_is_ours(client):
    policy = client.get("/documents/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
