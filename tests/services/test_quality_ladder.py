"""Badly read pages through the whole pipeline: what is tried, what is stored, which reading is in force at the end."""

from __future__ import annotations

import pytest

from jobs.domain import grounding
from jobs.models import Attempt, Document, SlotLease
from jobs.services import backends, documents, intake, judging, preparing, recognizing, routing
from tests import builders, files, pipeline
from tests.domain.loops import prose, written
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)
GROUNDED = "<|grounding|>"


@pytest.fixture
def site(db, host):
    """The shipped defaults, with calypso really there; without text layers: the simulator reads what it likes."""
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    host.host.forget()  # the self-test's calls are not what a test counts
    return host


@pytest.fixture
def read(site, tmp_path):
    """read(): one page, through everything."""

    def take(path=None, **options) -> Document:
        path = path or files.numbered_pdf(tmp_path / "report.pdf", 1)
        person = builders.make_user(f"mira{Document.objects.count()}")
        document = intake.accept(path.open("rb"), name=path.name, owner=person, options=intake.Options(**options))
        return pipeline.read(document)

    return take


def set_quality(**changes):
    policy = routing.current()
    routing.save(policy | {"quality": policy["quality"] | changes}, by=None)


def page_of(document):
    return document.pages.select_related("reading", "reading__attempt").get()


def climbed(page):
    return [(attempt.rung, attempt.outcome) for attempt in page.attempts.all()]


def is_grounded(call):
    return GROUNDED in call.prompt


def test_a_looping_page_is_read_with_another_window_then_as_plain_text_which_helps(read, site):
    site.set_fault("looping", when=is_grounded)
    document = read()
    page = page_of(document)
    assert climbed(page) == [("", "looping"), ("ngram", "looping"), ("free_ocr", "ok")]
    assert (page.status, page.quality_tries, page.host_failures, page.claims) == ("done", 2, 0, 0)
    assert (page.needs_review, page.reason, document.needs_review) == (False, "", 0)
    assert page.reading.attempt.rung == "free_ocr"
    assert "quick brown fox" in page.reading.text
    assert page.readings.count() == 3
    sent = [call.body["vllm_xargs"]["ngram_size"] for call in site.calls]
    assert sent == [30, 20, 30]
    assert not SlotLease.objects.exists()


def test_a_page_that_always_loops_ends_with_its_best_reading_and_a_reason(read, site):
    """B15."""
    site.set_fault("looping")
    document = read()
    page = page_of(document)
    assert climbed(page) == [("", "looping"), ("ngram", "looping"), ("free_ocr", "looping"), ("temperature", "looping")]
    assert (document.status, document.needs_review, page.needs_review, page.quality_tries) == ("done", 1, True, 3)
    assert "repeat itself" in page.reason
    assert "read 4 times" in page.reason
    best = max(page.readings.all(), key=lambda reading: reading.score)
    assert page.reading.score == best.score
    assert site.calls[-1].body["temperature"] > 0


def test_an_empty_page_is_read_again_and_the_first_good_reading_counts(read, site):
    site.set_fault("empty", times=1)
    page = page_of(read())
    assert climbed(page) == [("", "empty"), ("free_ocr", "ok")]
    assert page.readings.count() == 2
    assert page.reading.text
    assert not page.needs_review


def test_a_page_that_stays_empty_says_so(read, site):
    """B14."""
    site.set_fault("empty")
    page = page_of(read())
    assert [rung for rung, _ in climbed(page)] == ["", "free_ocr", "temperature", "halves"]
    assert page.needs_review
    assert page.reason.startswith("No text was found, though the page is not blank.")
    assert page.reading.text == ""


def test_a_cut_off_page_keeps_the_reading_that_was_cut_and_is_not_lost(read, site):
    site.set_fault("cut_off")
    document = read()
    page = page_of(document)
    assert [rung for rung, _ in climbed(page)] == ["", "free_ocr", "halves"]
    assert {outcome for _, outcome in climbed(page)} == {"cut_off"}
    assert (document.status, document.needs_review) == ("done", 1)
    assert page.reason.startswith("It may be cut off")
    assert page.reading.raw


def test_a_picture_and_nothing_else_is_read_as_plain_text(read, site):
    picture = "<|ref|>image<|/ref|><|det|>[[0, 0, 999, 999]]<|/det|>"
    site.set_fault("wrong_text", when=is_grounded, text=picture)
    page = page_of(read())
    assert climbed(page) == [("", "empty"), ("free_ocr", "ok")]
    assert "taken for a picture" in page.attempts.first().reason
    assert grounding.parse(page.reading.raw, 1, 1)[0].label == "text"


def test_a_blank_page_climbs_no_ladder(read, site, tmp_path):
    page = page_of(read(files.text_pdf(tmp_path / "blank.pdf", [""])))
    assert (page.reason, page.attempts.count(), page.quality_tries) == ("blank", 0, 0)


def test_the_other_host_is_asked_and_its_reading_counts(read, site):
    set_quality(rungs=["other_backend"])
    with Simulator.start(slots=4) as second:
        backends.update("spark", by=None, base_url=second.base_url)
        assert backends.activate("spark", by=None).passed
        site.set_fault("empty")
        page = page_of(read())
    assert [(a.backend, a.rung, a.outcome) for a in page.attempts.all()] == [
        ("calypso", "", "empty"),
        ("spark", "other_backend", "ok"),
    ]
    assert page.backend == "spark"
    assert judging.shares(["calypso"], 1) == {"calypso": (1, 1)}
    assert judging.shares(["spark"], 1) == {"spark": (1, 0)}


def test_a_reading_that_has_nothing_in_common_with_the_file_is_doubted(read, site, tmp_path):
    path = files.text_pdf(tmp_path / "digital.pdf", [written(120)])
    set_quality(max_tries=1)
    site.set_fault("wrong_text", times=1, text="Lorem ipsum dolor sit amet " * 15)
    site.set_fault("wrong_text", text=prose(110))
    page = page_of(read(path))
    assert climbed(page) == [("", "garbage"), ("free_ocr", "ok")]
    assert page.reading.score > 0.9


def test_with_the_gate_off_nothing_is_tried_and_the_reading_stands(read, site):
    set_quality(enabled=False)
    site.set_fault("looping")
    page = page_of(read())
    assert climbed(page) == [("", "looping")]
    assert (page.quality_tries, page.needs_review, page.reading.score) == (0, True, None)


def test_a_host_that_dies_on_the_way_up_costs_no_rung_and_the_page_is_not_lost(read, site):
    policy = routing.current()
    routing.save(policy | {"failover": policy["failover"] | {"max_attempts": 1}}, by=None)
    site.set_fault("cut_off", times=1)
    site.set_fault("status", status=500, message="something broke")
    document = read()
    page = page_of(document)
    assert climbed(page) == [("", "cut_off"), ("free_ocr", "host_down")]
    assert (document.status, document.pages_done, document.needs_review) == ("done", 1, 1)
    assert (page.status, page.quality_tries, page.host_failures) == ("done", 1, 1)
    assert page.reading.attempt.outcome == "cut_off"
    assert page.reason.startswith("It may be cut off")
    assert "could not be read once more" in page.reason


def test_a_page_tried_again_by_hand_starts_at_the_foot_of_the_ladder(read, site):
    site.set_fault("cut_off", times=1)
    site.set_fault("status", status=400)  # the page itself is refused: nothing else is tried
    document = read()
    page = page_of(document)
    assert page.status == "done"
    assert page.ladder == {}
    site.clear_faults()
    again = documents.run_again(document.pk, by=document.owner)
    assert climbed(page_of(pipeline.read(again))) == [("", "ok")]


def test_while_it_waits_a_page_says_what_will_be_done(site, tmp_path):
    path = files.numbered_pdf(tmp_path / "report.pdf", 1)
    document = intake.accept(path.open("rb"), name="a.pdf", owner=builders.make_user("nora"), options=intake.Options())
    preparing.prepare(document.pk)
    preparing.draw_next()
    site.set_fault("empty")
    (lease,) = pipeline.assign()
    recognizing.recognize(lease)
    page = page_of(document)
    assert (page.status, page.reading, page.needs_review) == ("rendered", None, False)
    assert page.reason == "No text was found, though the page is not blank. It is read again as plain text."
    document.refresh_from_db()
    assert (document.status, document.pages_done) == ("processing", 0)


def test_a_loop_on_a_host_that_streams_is_cut_by_us_and_read_again(read, site):
    site.configure(version="0.11.2")
    backends.update("calypso", by=None, streaming=True)
    backends.activate("calypso", by=None)
    site.set_fault("looping", times=1)
    page = page_of(read())
    assert climbed(page)[-1] == ("ngram", "ok")
    first = Attempt.objects.filter(page=page).first()
    assert (first.outcome, first.finish_reason) == ("looping", "repetition")
    assert 50 < page.readings.first().raw.count("the same line again") < 200  # the host would have said it 200 times
