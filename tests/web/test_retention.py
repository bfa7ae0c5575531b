"""The rules as a screen, and what screens show in the place of what has gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.gateways import storage
from jobs.models import Document, RetentionRule
from tests import builders

pytestmark = pytest.mark.django_db
MAY = datetime(2026, 5, 3, 12, tzinfo=UTC)
GONE = "was deleted on 3 May 2026 by the retention rule."
GONE_ALL = GONE.replace("was", "were")


def form(*rules, do="save"):
    fields = {"form-TOTAL_FORMS": len(rules), "form-INITIAL_FORMS": 0, "do": do}
    for place, (what, status, days, enabled) in enumerate(rules):
        fields |= {f"form-{place}-what": what, f"form-{place}-status": status, f"form-{place}-age_days": days}
        fields |= {f"form-{place}-enabled": "on"} if enabled else {}
    return fields


def test_rules_are_saved_and_shown(admin, outline):
    response = admin.post("/keeping/", form(("images", "done", 90, True), ("", "ended", 90, False)))
    assert response.headers["Location"] == "/keeping/"
    assert RetentionRule.objects.values_list("what", "status", "age_days", "enabled").get() == ("images", "done", 90, 1)
    shown = outline(admin.get("/keeping/"))
    assert "The rules are saved." in shown.words
    assert ("option", {"value": "images", "selected": ""}) in shown.elements


def test_trying_says_how_much_and_saves_nothing(admin, mira, outline):
    document = builders.make_document(mira, done=3)
    storage.save_bytes(f"{document.storage_prefix}/pages/1.jpg", b"x" * 2000)
    shown = outline(admin.post("/keeping/", form(("images", "ended", 0, False), do="try")))
    assert "1 document , 1 file, 2 kB (ended for 0 days: the page images; off)" in shown.words
    assert not RetentionRule.objects.exists()
    assert storage.exists(f"{document.storage_prefix}/pages/1.jpg")


def test_what_is_wrong_is_told_at_its_field(admin, outline):
    response = admin.post("/keeping/", form(("images", "done", -3, True)))
    assert response.status_code == 422
    assert "greater than or equal to 0" in outline(response).words
    assert not RetentionRule.objects.exists()


def test_it_is_for_administrators(client):
    assert client.get("/keeping/").status_code == 403
    assert client.post("/keeping/", form()).status_code == 403


@pytest.fixture
def emptied(mira):
    document = builders.make_document(mira, pages=3, done=2, failed=1, status="partial", review=1)
    Document.objects.filter(pk=document.pk).update(original_deleted_at=MAY, images_deleted_at=MAY)
    return document


@pytest.mark.parametrize("path", ["", "live", "pages/1/", "pages/1/live", "card/1"])
def test_nothing_shows_a_broken_image_and_nothing_breaks(client, emptied, path, outline):
    response = client.get(f"/documents/{emptied.pk}/{path}")
    assert response.status_code == 200
    images = [a["src"] for tag, a in outline(response).elements if tag == "img"]
    assert [src for src in images if "/pages/" in src] == []


def test_the_screens_say_when_it_went_and_offer_no_more_than_can_be_done(client, emptied, outline):
    shown = outline(client.get(f"/documents/{emptied.pk}/"))
    assert f"The uploaded file {GONE} The page images {GONE_ALL}" in shown.words
    assert not shown.ids() & {"do-retry"}
    assert "Searchable PDF" not in shown.words
    page = outline(client.get(f"/documents/{emptied.pk}/pages/1/"))
    assert f"The page image {GONE} The text stays." in page.words
    assert not page.ids() & {"read-again"}
    assert "page 1" in page.words
    review = outline(client.get("/review/"))
    assert [a for tag, a in review.elements if tag == "img"] == []


def test_asking_for_what_went_is_answered_in_a_sentence(client, emptied, outline):
    response = client.get(f"/documents/{emptied.pk}/original", follow=True)
    assert f"The uploaded file {GONE}" in outline(response).words
    for path in ("pages/1/image", "pages/1/thumb"):
        assert client.get(f"/documents/{emptied.pk}/{path}").status_code == 404


def test_as_long_as_the_original_is_there_pages_can_be_read_again(client, mira, outline):
    document = builders.make_document(mira, pages=1, done=1)
    Document.objects.filter(pk=document.pk).update(images_deleted_at=MAY)
    shown = outline(client.get(f"/documents/{document.pk}/"))
    assert f"The page images {GONE_ALL} They are drawn when somebody looks at a page." in shown.words
    assert "read-again" in outline(client.get(f"/documents/{document.pk}/pages/1/")).ids()
