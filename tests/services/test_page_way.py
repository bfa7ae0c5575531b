"""A page's whole way with real parts: rasterizer, database, HTTP to a simulated host. Only the broker is left out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jobs.gateways import storage
from jobs.models import Attempt, Document, SlotLease
from jobs.services import backends, documents, finding, intake, preparing, routing, trash
from tests import builders, files, pipeline
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(db):
    return builders.make_user("mira")


@pytest.fixture
def site(db, host):
    """The shipped defaults, with calypso really there."""
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    host.reset()  # the calls of the self-test are not what is counted
    return host


@pytest.fixture
def upload(person, tmp_path):
    """upload(3): a PDF of three pages that name themselves. upload(path): that file."""

    def take(what: int | Path, **options) -> Document:
        path = files.numbered_pdf(tmp_path / "report.pdf", what) if isinstance(what, int) else what
        return intake.accept(path.open("rb"), name=path.name, owner=person, options=intake.Options(**options))

    return take


def test_every_page_is_read_once_in_order_and_is_itself(site, person, upload):
    document = pipeline.read(upload(5))
    assert document.status == "done"
    assert (document.pages_done, document.pages_failed, document.needs_review) == (5, 0, 0)
    for page in document.pages.select_related("reading").order_by("number"):
        image = storage.read_bytes(page.image_key)
        assert hashlib.sha256(image).hexdigest()[:16] in page.reading.text
        assert page.backend == "calypso"
    assert [a.outcome for a in Attempt.objects.all()] == ["ok"] * 5
    assert not SlotLease.objects.exists()


def test_a_page_is_found_by_its_text_as_soon_as_it_is_read(site, person, upload):
    document = pipeline.read(upload(3))
    first = document.pages.select_related("reading").get(number=1)
    word = max(first.reading.text.split(), key=len).strip("`*#.:")
    assert list(finding.documents(person, finding.Filters(words=word))) == [document]


def test_the_decision_is_stored_with_its_reason(site, person, upload):
    document = upload(21)
    preparing.prepare(document.pk)
    document.refresh_from_db()
    assert document.decision["reason"] == "21 pages, over 20; spark is planned → calypso"
    assert (document.wanted_backend, document.backend) == ("spark", "calypso")


def test_preparing_twice_makes_the_pages_once(site, person, upload):
    document = upload(3)
    assert preparing.prepare(document.pk)
    assert not preparing.prepare(document.pk)
    assert document.pages.count() == 3


def test_only_the_pages_asked_for_are_read(site, person, upload):
    document = pipeline.read(upload(6, pages="2,5-6"))
    assert list(document.pages.values_list("number", flat=True)) == [2, 5, 6]
    assert document.status == "done"


def test_a_blank_page_is_done_without_being_sent(site, person, upload, tmp_path):
    document = pipeline.read(upload(files.text_pdf(tmp_path / "blank.pdf", ["", ""])))
    assert document.status == "done"
    assert {(p.reason, p.attempts.count()) for p in document.pages.all()} == {("blank", 0)}
    assert {p.reading.source for p in document.pages.select_related("reading")} == {"blank"}


def test_a_broken_page_fails_alone_and_retry_tries_just_that_one(site, person, upload, tmp_path):
    document = pipeline.read(upload(files.broken_page_pdf(tmp_path / "broken.pdf", pages=5, broken=3)))
    assert document.status == "partial"
    broken = document.pages.get(number=3)
    assert broken.status == "failed"
    assert broken.reason
    again = documents.retry(document.pk, by=person)
    assert again.status == "processing"
    pipeline.settle_down()
    again.refresh_from_db()
    assert (again.status, again.pages_done, again.pages_failed) == ("partial", 4, 1)
    assert Attempt.objects.count() == 4


def test_a_refused_page_fails_with_a_sentence_and_is_not_tried_again(site, person, upload):
    site.set_fault("status", status=400)
    document = pipeline.read(upload(1))
    page = document.pages.get()
    assert (document.status, page.status, page.host_failures) == ("failed", "failed", 0)
    assert page.reason.endswith(".")
    assert len(site.calls) == 1


def test_a_dead_engine_opens_the_breaker_and_the_page_waits_without_failing(site, person, upload):
    site.set_fault("engine_death", times=1)
    document = pipeline.read(upload(1))
    page = document.pages.get()
    assert page.status == "rendered"
    assert document.status == "processing"
    assert backends.find("calypso").health.breaker == "open"
    assert "No host can read pages now" in pipeline.no_backend(person)


def test_a_page_goes_to_the_next_host_when_the_first_dies(site, person, upload):
    with Simulator.start(slots=16) as second:
        backends.update("spark", by=None, base_url=second.base_url)
        backends.activate("spark", by=None)
        site.set_fault("engine_death", times=1)
        document = pipeline.read(upload(2))
    assert document.status == "done"
    assert set(document.pages.values_list("backend", flat=True)) == {"spark"}
    assert [a.outcome for a in Attempt.objects.filter(backend="calypso")] == ["host_down"]


def test_a_wrong_key_puts_the_host_out_of_rotation_and_spends_nothing(site, person, upload):
    site.set_fault("status", status=401)
    document = pipeline.read(upload(1))
    page = document.pages.get()
    assert (page.status, page.host_failures) == ("rendered", 0)
    assert backends.find("calypso").health.state == "misconfigured"


def test_a_text_cut_off_at_the_limit_is_kept_and_needs_a_look(site, person, upload):
    site.set_fault("cut_off")
    document = pipeline.read(upload(1))
    page = document.pages.select_related("reading").get()
    assert (document.status, document.needs_review, page.needs_review) == ("done", 1, True)
    assert page.reading.raw
    assert "cut off" in page.reason


def test_in_flight_never_exceeds_slots_and_queue_ahead(site, person, upload):
    document = upload(12)
    preparing.prepare(document.pk)
    while preparing.draw_next():
        pass
    given = pipeline.assign()
    assert len(given) == 5  # four slots and one ahead
    assert pipeline.assign() == []
    pipeline.recognize_side_by_side(given)
    assert site.max_in_flight <= 5
    assert site.over_limit == 0
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"


def test_a_cancelled_document_stops_at_once_and_what_was_running_is_discarded(site, person, upload):
    document = upload(3)
    preparing.prepare(document.pk)
    preparing.draw_next()
    (first, *rest) = pipeline.assign()
    documents.cancel(document.pk, by=person)
    document.refresh_from_db()
    assert (document.status, document.pages_cancelled) == ("cancelled", 3)
    pipeline.recognize_side_by_side([first, *rest])
    assert site.calls == []
    assert not SlotLease.objects.exists()


def test_a_paused_document_sends_nothing_and_goes_on_when_resumed(site, person, upload):
    document = upload(2)
    preparing.prepare(document.pk)
    documents.pause(document.pk, by=person)
    pipeline.settle_down()
    assert site.calls == []
    documents.resume(document.pk, by=person)
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"


def test_a_document_run_again_is_a_new_document_with_the_same_options(site, person, upload):
    first = pipeline.read(upload(2, priority="low"))
    again = documents.run_again(first.pk, by=person)
    assert (again.duplicate_of, again.priority, again.status) == (first, "low", "queued")
    assert pipeline.read(again).status == "done"


def test_deleting_for_good_removes_rows_and_files(site, person, upload):
    document = pipeline.read(upload(1))
    key = document.original_key
    trash.put(document.pk, by=person)
    assert storage.exists(key)
    trash.delete_for_good(document.pk, by=person)
    trash.finish()
    assert not Document.objects.exists()
    assert not storage.exists(key)


def test_the_message_of_a_lease_that_is_gone_does_nothing(site, person, upload):
    from jobs.services import recognizing

    assert recognizing.recognize(123456) is False


def test_a_planned_host_is_never_contacted(db, host, person, upload):
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    document = pipeline.read(upload(1))
    assert document.status == "queued"
    assert host.calls == []
    assert routing.explain({"page_count": 1})["reason"].startswith("default, 1 page")
