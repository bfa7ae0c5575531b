"""What is done in the reading room, by plain forms; the review list."""

from __future__ import annotations

import pytest

from jobs import actors
from tests import builders

pytestmark = pytest.mark.django_db
BLOCKS = [
    {"label": "title", "boxes": [[140, 190, 1000, 260]], "body": "# Cash"},
    {"label": "text", "boxes": [[140, 290, 1500, 440]], "body": "Held: <b>41.8</b> m"},
]


@pytest.fixture
def document(mira):
    document = builders.make_document(mira, pages=5, done=4, failed=1, review=2)
    document.pages.filter(needs_review=True).update(reason="The text may be cut off.")
    builders.make_reading(document.pages.get(number=1), text="# Cash\n\nHeld: <b>41.8</b> m", blocks=BLOCKS)
    return document


@pytest.fixture
def proposal(document):
    page = document.pages.get(number=3)
    attempt = builders.make_attempt(page, backend="spark", dpi=150)
    reading = builders.make_reading(
        page, text="New words", in_force=False, source="rerun", attempt=attempt, settings={"mode": "text"}
    )
    document.pages.filter(number=3).update(proposed=reading)
    return reading


@pytest.fixture
def sent(monkeypatch):
    """The messages that would have gone to the broker."""
    messages: list[str] = []
    monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append(actor.actor_name))
    return messages


def at(document, number, rest=""):
    return f"/documents/{document.pk}/pages/{number}/{rest}"


def post(client, address, **fields):
    return client.post(address, fields, follow=True)


def test_every_block_of_the_text_has_its_boxes_on_the_image(client, document, outline):
    page = outline(client.get(at(document, 1)))
    boxes = [attributes for tag, attributes in page.elements if tag == "rect" and attributes.get("rx") == "4"]
    assert (boxes[0]["x"], boxes[0]["y"], boxes[0]["width"], boxes[0]["height"]) == ("140", "190", "860", "70")
    assert {"block-1", "block-2"} <= page.ids()
    links = [attributes["href"] for tag, attributes in page.elements if attributes.get("class") == "box"]
    assert links == ["#block-1", "#block-2"]


def test_an_edit_is_saved_without_a_script(client, document, outline):
    base = document.pages.get(number=1).reading_id
    shown = post(client, at(document, 1, "text"), text="By hand", base=base)
    assert "Page 1 was saved." in outline(shown).words
    assert "By hand" in outline(shown).words
    assert document.pages.get(number=1).needs_review is False


@pytest.mark.parametrize("status", ["failed", "quarantined"])
def test_a_page_that_no_host_could_read_is_written_without_a_script(client, document, outline, status):
    document.pages.filter(number=5).update(status=status)
    assert 'href="?view=edit"' in client.get(at(document, 5)).content.decode()
    assert "editor" in outline(client.get(at(document, 5, "?view=edit"))).ids()
    refused = outline(post(client, at(document, 5, "text"), text=" ", base=""))
    assert "Write the page" in refused.words and "editor" in refused.ids()
    page = outline(post(client, at(document, 5, "text"), text="Written from the image", base=""))
    assert "Page 5 was saved." in page.words
    assert "Written from the image" in page.words
    assert "Written by mira" in outline(client.get(at(document, 5, "?view=versions"))).words


def test_a_page_without_an_image_or_under_way_is_not_offered_to_be_written(client, document):
    document.pages.filter(number=5).update(image_width_px=None)
    assert 'href="?view=edit"' not in client.get(at(document, 5)).content.decode()
    document.pages.filter(number=5).update(image_width_px=1654, status="pending")
    assert 'href="?view=edit"' not in client.get(at(document, 5)).content.decode()


def test_an_edit_over_somebody_elses_shows_both_texts(client, admin, document, outline):
    base = document.pages.get(number=1).reading_id
    post(admin, at(document, 1, "text"), text="Ada's <i>words</i>", base=base)
    refused = client.post(at(document, 1, "text"), {"text": "Mira's words", "base": base})
    assert refused.status_code == 409
    page = outline(refused)
    assert "ada changed this page meanwhile" in page.words
    assert "Mira's words" in page.words and "Ada's <i>words</i>" in page.words
    newest = str(document.pages.get(number=1).reading_id)
    assert any(a.get("name") == "base" and a.get("value") == newest for _, a in page.elements)


def test_a_text_that_begins_with_an_empty_line_keeps_it_in_the_editor(client, document):
    builders.make_reading(document.pages.get(number=2), text="\n\nWords")
    assert 'autocomplete="off">\n\n\nWords</textarea>' in client.get(at(document, 2, "?view=edit")).content.decode()


def test_a_poll_never_touches_what_somebody_writes(client, document):
    fragment = client.get(f"/documents/{document.pk}/pages/1/live?view=edit&seen=other").content.decode()
    assert "page-image" in fragment
    assert "page-text" not in fragment


def test_an_approved_page_says_by_whom_and_leaves_the_list(client, document, outline):
    assert "Page 1" in outline(client.get("/review/")).words
    shown = post(client, at(document, 1, "approve"))
    assert "Page 1 is approved." in outline(shown).words
    assert "Approved by mira" in outline(shown).words
    assert "Page 1 " not in outline(client.get("/review/")).words


def test_the_review_list_says_why_and_how_many(client, document, proposal, outline):
    page = outline(client.get("/review/"))
    assert "3 pages need a look." in page.words
    assert "The text may be cut off." in page.words
    assert "A new reading waits to be accepted." in page.words
    links = [a["href"] for _, a in page.elements if a.get("class") == "review-open"]
    assert links == [at(document, 1), at(document, 2), at(document, 3, "?view=compare")]


def test_the_review_list_shows_nothing_of_others(stranger, document, outline):
    assert "Nothing waits for a look." in outline(stranger.get("/review/")).words


def test_approving_from_the_list_goes_back_to_it(client, document):
    response = client.post(at(document, 2, "approve"), {"next": "/review/?page=2"})
    assert response["Location"] == "/review/?page=2"
    away = client.post(at(document, 2, "approve"), {"next": "//evil.example.org/"})
    assert away["Location"] == at(document, 2)


def test_a_new_reading_is_compared_and_accepted(client, document, proposal, outline):
    assert "A new reading waits: spark, as plain text, at 150 dpi." in outline(client.get(at(document, 3))).words
    compared = outline(client.get(at(document, 3, "?view=compare")))
    assert "New words" in compared.words and "This is what stands on page 3." in compared.words
    shown = post(client, at(document, 3, "accept"), reading=proposal.pk)
    assert "The new reading is in force now." in outline(shown).words
    assert document.pages.get(number=3).reading == proposal


def test_a_new_reading_is_discarded_and_restored_from_the_versions(client, document, proposal, outline):
    post(client, at(document, 3, "discard"), reading=proposal.pk)
    versions = outline(client.get(at(document, 3, f"?view=versions&with={proposal.pk}")))
    assert "Read again by spark, as plain text" in versions.words
    assert "Compared with the text in force" in versions.words
    post(client, at(document, 3, "restore"), reading=proposal.pk)
    assert document.pages.get(number=3).reading == proposal


def test_all_new_readings_of_a_document_are_accepted_at_once(client, document, proposal, outline):
    other = builders.make_reading(document.pages.get(number=4), text="Other", in_force=False, source="rerun")
    document.pages.filter(number=4).update(proposed=other)
    shown = post(client, f"/documents/{document.pk}/accept-all")
    assert "2 new readings accepted." in outline(shown).words
    assert not document.pages.filter(proposed__isnull=False).exists()


def test_pages_are_sent_again_from_the_form(client, document, outline, sent):
    fields = {"again-number": 2, "again-scope": "range", "again-pages": "1,3", "again-mode": "text"}
    shown = post(client, f"/documents/{document.pk}/rerun", **fields)
    assert "Being read again." in outline(shown).words
    assert list(document.pages.filter(rerun__isnull=False).values_list("number", flat=True)) == [1, 3]
    assert "being read again" in outline(client.get(at(document, 1))).words
    assert "Held:" in outline(client.get(at(document, 1))).words  # its text is there all the while


def test_a_form_that_makes_no_sense_says_why(client, document, outline):
    shown = post(client, f"/documents/{document.pk}/rerun", **{"again-scope": "range"})
    assert "Say which pages" in outline(shown).words


def test_only_administrators_are_offered_a_backend(client, admin, document):
    assert "again-backend" not in client.get(at(document, 1)).content.decode()
    assert "again-backend" in admin.get(at(document, 1)).content.decode()


def test_a_rerun_that_brought_nothing_says_so(client, document, outline):
    document.pages.filter(number=4).update(rerun_error="The host refused the page.")
    assert "It could not be read again, so the text stayed as it was." in outline(client.get(at(document, 4))).words


def test_a_long_document_shows_a_few_pages_around_and_any_by_its_number(client, mira, outline):
    long = builders.make_document(mira, pages=80, done=0, status="queued")
    page = outline(client.get(at(long, 40)))
    leaves = [a for _, a in page.elements if a.get("class", "").startswith("leaf")]
    assert len(leaves) == 25
    assert client.get(f"/documents/{long.pk}/pages/go?number=77")["Location"] == at(long, 77)
    assert client.get(f"/documents/{long.pk}/pages/go?number=999")["Location"] == at(long, 80)
    assert client.get(f"/documents/{long.pk}/pages/go?number=x")["Location"] == at(long, 1)


def test_a_small_image_of_a_page_is_handed_out_to_who_may_see_it(client, stranger, document):
    builders.make_page_image(document.pages.get(number=1), width_px=1654, height_px=2339)
    small = client.get(at(document, 1, "thumb"))
    assert (small.status_code, small["Content-Type"]) == (200, "image/jpeg")
    assert len(small.content) < 10_000
    assert stranger.get(at(document, 1, "thumb")).status_code == 404


@pytest.mark.parametrize("rest", ["text", "approve", "accept", "discard", "restore"])
def test_others_pages_cannot_be_changed(stranger, document, rest):
    assert stranger.post(at(document, 1, rest), {"text": "x", "reading": "1"}).status_code == 404
    assert stranger.post(f"/documents/{document.pk}/rerun", {}).status_code == 404


def test_the_next_page_to_look_at_and_the_next_that_failed_are_one_key_away(client, document, outline):
    page = outline(client.get(at(document, 1)))
    assert page.with_id("next-review")["href"] == at(document, 2)
    assert page.with_id("next-failed")["href"] == at(document, 5)
