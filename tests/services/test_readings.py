"""Which text of a page is in force, and how a person changes that."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.services import exporting, readings
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(mira):
    return builders.make_document(mira, pages=3, done=2, review=1)


@pytest.fixture
def page(document):
    page = document.pages.get(number=1)
    blocks = [
        {"label": "title", "boxes": [[1, 2, 30, 40]], "body": "# Cash"},
        {"label": "text", "boxes": [[1, 50, 30, 90]], "body": "Held: 41.8 m"},
    ]
    builders.make_reading(page, text="# Cash\n\nHeld: 41.8 m", raw="<|ref|>title<|/ref|>", blocks=blocks)
    return page


def fresh(page):
    page.refresh_from_db()
    page.document.refresh_from_db()
    return page


def test_an_edit_is_a_new_reading_in_force_and_needs_no_further_look(page, mira):
    before = page.reading
    reading = readings.edit(page.document_id, 1, "# Cash\r\n\r\nHeld: 41.9 m", base=before.pk, by=mira)
    fresh(page)
    assert page.reading == reading
    assert (reading.source, reading.author, reading.base, reading.text) == (
        "edit",
        mira,
        before,
        "# Cash\n\nHeld: 41.9 m",
    )
    assert (page.needs_review, page.document.needs_review) == (False, 0)
    before.refresh_from_db()
    assert before.text == "# Cash\n\nHeld: 41.8 m"


def test_an_edit_keeps_the_boxes_and_exports_say_the_same_words(page, mira):
    readings.edit(page.document_id, 1, "# Cash\n\nHeld: 41.9 m", base=page.reading.pk, by=mira)
    blocks = fresh(page).reading.blocks
    assert [block["boxes"] for block in blocks] == [[[1, 2, 30, 40]], [[1, 50, 30, 90]]]
    for format in ("md", "txt", "json"):
        whole = b"".join(exporting.export(page.document, format)[2]).decode()
        assert "41.9 m" in whole and "41.8 m" not in whole


def test_somebody_elses_edit_is_never_written_over(page, mira):
    ada = builders.make_user("ada", admin=True)
    seen = page.reading.pk
    readings.edit(page.document_id, 1, "Ada's words", base=seen, by=ada)
    with pytest.raises(readings.EditedMeanwhile) as refused:
        readings.edit(page.document_id, 1, "Mira's words", base=seen, by=mira)
    assert refused.value.in_force.text == "Ada's words"
    assert "ada changed this page meanwhile" in refused.value.message
    assert fresh(page).reading.text == "Ada's words"


def test_the_same_text_again_makes_no_version(page, mira):
    readings.edit(page.document_id, 1, "New", base=page.reading.pk, by=mira)
    count = page.readings.count()
    readings.edit(page.document_id, 1, "New", base=None, by=mira)
    assert page.readings.count() == count


def test_a_text_that_is_far_too_long_is_refused(page, mira):
    with pytest.raises(errors.Invalid):
        readings.edit(page.document_id, 1, "x" * (readings.MAX_TEXT_SIGNS + 1), base=page.reading.pk, by=mira)


def test_a_text_with_a_nul_is_stored_without_it(page, mira):
    assert readings.edit(page.document_id, 1, "a\x00b", base=page.reading.pk, by=mira).text == "ab"


def test_a_page_without_a_text_cannot_be_edited_or_approved(document, mira):
    with pytest.raises(errors.NotReady):
        readings.edit(document.pk, 3, "words", base=None, by=mira)
    with pytest.raises(errors.NotReady):
        readings.approve(document.pk, 3, by=mira)


def test_others_pages_do_not_exist(document):
    with pytest.raises(errors.NotFound):
        readings.approve(document.pk, 1, by=builders.make_user("okafor"))


def test_the_models_own_output_of_an_edited_page_is_that_of_its_first_reading(page, mira):
    first = readings.edit(page.document_id, 1, "One", base=page.reading.pk, by=mira)
    second = readings.edit(page.document_id, 1, "Two", base=first.pk, by=mira)
    assert readings.raw_output(second) == "<|ref|>title<|/ref|>"


def test_an_earlier_version_is_put_in_force_again(page, mira):
    first = page.reading
    readings.edit(page.document_id, 1, "Other words", base=first.pk, by=mira)
    readings.restore(page.document_id, 1, first.pk, by=mira)
    assert fresh(page).reading == first
    assert page.readings.filter(text="Other words").exists()


def test_a_reading_of_another_page_cannot_be_restored(page, document, mira):
    other = document.pages.get(number=2).reading
    with pytest.raises(errors.NotFound):
        readings.restore(document.pk, 1, other.pk, by=mira)


def test_approving_clears_the_look_and_remembers_who(page, mira):
    readings.approve(page.document_id, 1, by=mira)
    readings.approve(page.document_id, 1, by=mira)
    fresh(page)
    assert (page.needs_review, page.reason, page.approved_by, page.document.needs_review) == (False, "", mira, 0)
    assert page.approved_at


def test_a_blank_page_stays_blank_when_approved(document, mira):
    page = document.pages.get(number=2)
    builders.make_reading(page, text="", source="blank")
    document.pages.filter(number=2).update(reason="blank")
    readings.approve(document.pk, 2, by=mira)
    page.refresh_from_db()
    assert page.reason == "blank"


def test_a_new_text_takes_an_approval_away(page, mira):
    readings.approve(page.document_id, 1, by=mira)
    readings.edit(page.document_id, 1, "New words", base=page.reading.pk, by=mira)
    assert fresh(page).approved_at is None


@pytest.fixture
def proposal(page):
    attempt = builders.make_attempt(page, backend="spark")
    reading = builders.make_reading(
        page, text="New", in_force=False, source="rerun", attempt=attempt, doubt="It may be cut off."
    )
    type(page).objects.filter(pk=page.pk).update(proposed=reading, needs_review=False)
    page.document.needs_review = 0
    page.document.save()
    return reading


def test_accepting_puts_the_new_reading_in_force_with_its_own_doubt(page, proposal, mira):
    readings.accept(page.document_id, 1, proposal.pk, by=mira)
    readings.accept(page.document_id, 1, proposal.pk, by=mira)
    fresh(page)
    assert (page.reading, page.proposed, page.backend) == (proposal, None, "spark")
    assert (page.needs_review, page.reason, page.document.needs_review) == (True, "It may be cut off.", 1)


def test_discarding_leaves_the_text_and_keeps_the_new_one_among_the_versions(page, proposal, mira):
    readings.discard(page.document_id, 1, proposal.pk, by=mira)
    readings.discard(page.document_id, 1, proposal.pk, by=mira)
    fresh(page)
    assert page.reading.text == "# Cash\n\nHeld: 41.8 m"
    assert page.proposed is None
    assert proposal.pk in [version.id for version in readings.versions(page)]


def test_a_reading_that_is_not_proposed_cannot_be_accepted(page, proposal, mira):
    older = page.readings.order_by("pk").first()
    with pytest.raises(errors.Conflict):
        readings.accept(page.document_id, 1, older.pk, by=mira)


def test_versions_say_who_where_and_which_is_in_force(page, proposal, mira):
    readings.edit(page.document_id, 1, "Edited", base=page.reading.pk, by=mira)
    edit, new, first, _ = readings.versions(fresh(page))
    assert (edit.author, edit.in_force, edit.proposed) == ("mira", True, False)
    assert (new.backend, new.in_force, new.proposed) == ("spark", False, True)
    assert not first.in_force
