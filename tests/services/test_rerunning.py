"""Pages read again, with real parts: the text in force stays until the new one is accepted."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.domain.statuses import PageStatus
from jobs.models import Document, Page
from jobs.services import backends, documents, intake, leases, preparing, progress, readings, recognizing, rerunning
from jobs.services.rerunning import Wish
from tests import builders, files, pipeline
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, host):
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    return host


@pytest.fixture
def document(site, mira, tmp_path):
    path = files.numbered_pdf(tmp_path / "report.pdf", 3)
    with path.open("rb") as file:
        made = intake.accept(file, name="report.pdf", owner=mira, options=intake.Options())
    done = pipeline.read(made)
    assert done.status == "done"
    return done


def page(document, number) -> Page:
    return document.pages.select_related("reading", "proposed").get(number=number)


def counters(document) -> dict[str, int]:
    document.refresh_from_db()
    counts = progress.of([document])[document.pk].counts
    assert counts.done + counts.running + counts.waiting + counts.failed + counts.cancelled == document.page_count
    return {"done": counts.done, "waiting": counts.waiting, "running": counts.running, "failed": counts.failed}


def test_an_edit_survives_a_rerun_until_the_new_reading_is_accepted(document, mira):
    readings.edit(document.pk, 2, "Corrected by hand.", base=page(document, 2).reading_id, by=mira)
    rerunning.rerun(document.pk, Wish(mode="text"), by=mira)
    document.refresh_from_db()
    assert (document.status, document.finished_at) == ("processing", None)
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"
    second = page(document, 2)
    assert second.reading.text == "Corrected by hand."
    assert second.proposed.source == "rerun"
    readings.accept(document.pk, 2, second.proposed_id, by=mira)
    assert page(document, 2).reading.text.startswith("page ")


def test_a_rerun_reaches_the_host_with_its_own_mode(site, document, mira):
    rerunning.rerun(document.pk, Wish(pages="2", mode="text"), by=mira)
    pipeline.settle_down()
    assert site.calls[-1].prompt == "Free OCR."
    assert page(document, 2).proposed.settings["mode"] == "text"
    assert page(document, 1).proposed is None


def test_the_five_counters_stay_true_while_pages_are_read_again(document, mira):
    assert counters(document)["done"] == 3
    rerunning.rerun(document.pk, Wish(pages="1-2"), by=mira)
    assert counters(document) == {"done": 1, "waiting": 2, "running": 0, "failed": 0}
    (first, second) = pipeline.assign()
    assert counters(document)["waiting"] == 2
    recognizing.recognize(first)
    assert counters(document) == {"done": 2, "waiting": 1, "running": 0, "failed": 0}
    recognizing.recognize(second)
    assert counters(document)["done"] == 3
    assert document.status == "done"


def test_a_rerun_that_fails_leaves_the_text_and_says_why(site, document, mira):
    before = page(document, 1).reading_id
    site.set_fault("status", status=400)
    rerunning.rerun(document.pk, Wish(pages="1"), by=mira)
    pipeline.settle_down()
    first = page(document, 1)
    assert (first.status, first.reading_id, first.proposed, first.rerun) == ("done", before, None, None)
    assert first.rerun_error
    assert first.reason == ""
    assert counters(document) == {"done": 3, "waiting": 0, "running": 0, "failed": 0}
    assert document.status == "done"


def test_a_failed_page_that_is_read_again_gets_its_text_at_once(site, document, mira):
    document.pages.filter(number=3).update(status=PageStatus.FAILED, reading=None, reason="Timed out.")
    builders.settle(document)
    assert document.status == "partial"
    rerunning.rerun(document.pk, Wish(pages="3"), by=mira)
    pipeline.settle_down()
    third = page(document, 3)
    assert third.reading is not None and third.proposed is None
    assert counters(document)["done"] == 3
    assert document.status == "done"


def test_cancelling_a_rerun_brings_back_what_was(document, mira):
    rerunning.rerun(document.pk, Wish(), by=mira)
    documents.cancel(document.pk, by=mira)
    assert counters(document)["done"] == 3
    assert document.status == "done"
    assert all(one.reading_id and one.rerun is None for one in document.pages.all())


def test_what_a_host_says_after_the_rerun_was_cancelled_is_not_stored(document, mira):
    rerunning.rerun(document.pk, Wish(pages="1"), by=mira)
    (lease,) = pipeline.assign()
    claim = leases.claim(lease)
    documents.cancel(document.pk, by=mira)
    with pytest.raises(errors.Conflict):
        rerunning.rerun(document.pk, Wish(pages="1"), by=mira)  # the host has not let go of it yet
    assert leases.hand_back(claim)
    assert page(document, 1).status == "done"
    rerunning.rerun(document.pk, Wish(pages="1"), by=mira)
    pipeline.settle_down()
    assert page(document, 1).proposed is not None


def test_a_finer_rerun_is_drawn_anew_and_leaves_the_page_image_alone(document, mira, ada, host):
    document.pages.update(image_dpi=100)  # as if it had been drawn for a host that takes less
    width = page(document, 1).image_width_px
    rerunning.rerun(document.pk, Wish(pages="1", dpi=150), by=mira)
    assert page(document, 1).status == "pending"
    pipeline.settle_down()
    first = page(document, 1)
    assert (first.image_width_px, first.image_dpi) == (width, 100)
    assert document.pages.get(number=1).attempts.order_by("-pk").first().dpi == 150
    assert first.proposed is not None


def test_a_chosen_backend_comes_first(document, site, mira, ada):
    with Simulator.start(slots=2) as spark:
        backends.update("spark", by=None, base_url=spark.base_url)
        assert backends.activate("spark", by=None).passed
        rerunning.rerun(document.pk, Wish(pages="1", backend="spark"), by=ada)
        pipeline.settle_down()
    newest = document.pages.get(number=1).attempts.order_by("-pk").first()
    assert newest.backend == "spark"
    assert page(document, 1).wanted_backend == ""


def test_only_administrators_choose_a_backend(document, mira):
    with pytest.raises(errors.Forbidden):
        rerunning.rerun(document.pk, Wish(backend="calypso"), by=mira)


@pytest.mark.parametrize("wish", [Wish(pages="9"), Wish(mode="aloud"), Wish(dpi=5), Wish(mode="custom")])
def test_a_wish_that_makes_no_sense_changes_nothing(document, mira, wish):
    with pytest.raises(errors.Invalid):
        rerunning.rerun(document.pk, wish, by=mira)
    assert Document.objects.get().status == "done"


def test_a_page_that_is_being_read_is_not_sent_twice(document, mira):
    rerunning.rerun(document.pk, Wish(pages="1"), by=mira)
    with pytest.raises(errors.Conflict):
        rerunning.rerun(document.pk, Wish(pages="1-2"), by=mira)
    rerunning.rerun(document.pk, Wish(), by=mira)  # all others
    assert counters(document)["waiting"] == 3


def test_blank_pages_are_read_again_only_when_they_are_named(document, mira, site):
    document.pages.filter(number=2).update(reason="blank")
    rerunning.rerun(document.pk, Wish(), by=mira)
    assert page(document, 2).status == "done"
    rerunning.rerun(document.pk, Wish(pages="2"), by=mira)
    assert page(document, 2).status == "rendered"


def test_pages_of_one_document_are_drawn_at_their_own_resolution(document, mira):
    document.pages.update(image_dpi=100)
    rerunning.rerun(document.pk, Wish(pages="1", dpi=150), by=mira)
    rerunning.rerun(document.pk, Wish(pages="2", dpi=120), by=mira)
    while preparing.draw_next():
        pass
    assert [page(document, n).rerun["image_dpi"] for n in (1, 2)] == [150, 120]
