"""A page too large for a host's memory or length: elsewhere, then smaller, then in halves, then no more."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from jobs.models import BackendHealth
from jobs.services import backends, documents, health, preparing
from tests import files, pipeline
from tests.two_hosts import TwoHosts, outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)

TOO_LONG = "The decoder prompt (length 903) is longer than the maximum model length of 512."


@pytest.fixture
def site(db, tmp_path):
    site = TwoHosts(tmp_path)
    yield site
    site.stop()


@pytest.fixture
def full_page(site, tmp_path):
    """A document of one page with lines from top to bottom."""
    lines = "\n".join(f"Line {number} of a page that is full of lines." for number in range(1, 45))
    return site.upload_file(files.text_pdf(tmp_path / "full.pdf", [lines]))


def read(document):
    pipeline.read(document)
    return document.pages.select_related("reading").get()


def rungs(page):
    return list(page.attempts.order_by("id").values_list("backend", "rung", "dpi"))


def test_out_of_memory_sends_the_page_to_the_next_host_and_the_host_stays(site, full_page):
    site.with_spark().calypso.set_fault("oom_words", times=1)
    with capture_logs() as lines:
        page = read(full_page)
    assert outcomes_of(page) == [("calypso", "out_of_memory"), ("spark", "ok")]
    assert rungs(page) == [("calypso", "", 200), ("spark", "", 200)]
    assert (page.host_failures, page.engine_deaths, page.dpi_cap) == (0, 0, None)
    calypso = backends.find("calypso")
    assert (calypso.health.breaker, calypso.health.circuit.get("failures", 0)) == ("closed", 0)
    assert [line["log_level"] for line in lines if line["event"] == "backend.out_of_memory"] == ["warning"]


def test_out_of_memory_is_a_warning_at_the_host_that_a_probe_keeps_and_time_takes_away(site, full_page):
    site.with_spark().calypso.set_fault("oom_words", times=1)
    page = read(full_page)
    health.probe(backends.find("calypso"))
    told = "It ran out of memory on 1 page in the last hour. Give it more memory, or a lower max DPI."
    assert told in backends.find("calypso").health.warnings
    page.attempts.update(started_at=page.document.created_at.replace(year=2020))
    health.probe(backends.find("calypso"))
    assert told not in backends.find("calypso").health.warnings


def test_with_nowhere_else_to_go_it_is_tried_smaller_at_the_same_host(site, full_page):
    site.calypso.set_fault("oom_words", times=1)
    page = read(full_page)
    assert (page.status, page.dpi_cap, page.in_pieces) == ("done", 150, False)
    assert rungs(page) == [("calypso", "", 200), ("calypso", "oom_dpi", 150)]


def test_a_host_that_is_down_counts_as_nowhere(site, full_page):
    site.with_spark()
    BackendHealth.objects.filter(backend__name="spark").update(state="down")
    site.calypso.set_fault("oom_words", times=1)
    page = read(full_page)
    assert rungs(page) == [("calypso", "", 200), ("calypso", "oom_dpi", 150)]


def test_both_hosts_without_memory_for_it_whole_or_small_read_it_in_halves(site, full_page):
    site.with_spark().calypso.set_fault("oom_words", times=1)
    site.spark.set_fault("oom_words", times=2)
    page = read(full_page)
    assert page.status == "done"
    assert rungs(page) == [
        ("calypso", "", 200),
        ("spark", "", 200),
        ("spark", "oom_dpi", 150),
        ("spark", "halves", 150),
    ]
    assert page.host_failures == 0
    assert len(site.spark.calls) == 4  # two that failed, then a call a half


def test_two_halves_make_one_page_whose_boxes_lie_where_they_are_on_it(site, full_page):
    site.calypso.set_fault("oom_words", times=2)
    page = read(full_page)
    hashes = [call.image_sha256[:16] for call in site.calypso.calls[-2:]]
    assert [name in page.reading.text for name in hashes] == [True, True]
    assert page.reading.text.index(hashes[0]) < page.reading.text.index(hashes[1])
    boxes = [block["boxes"][0] for block in page.reading.blocks]
    tops = [box[1] for box in boxes]
    assert tops == sorted(tops)
    assert len(boxes) == 4
    assert boxes[1][3] <= page.image_height_px * 0.65
    assert page.image_height_px * 0.35 < boxes[2][1]
    assert max(box[3] for box in boxes) <= page.image_height_px
    assert max(box[2] for box in boxes) <= page.image_width_px
    attempt = page.attempts.last()
    assert attempt.prompt_tokens == 2 * 913


def test_a_half_that_failed_costs_the_other_and_both_are_sent_again(site, full_page):
    site.calypso.set_fault("oom_words", times=2)
    site.calypso.set_fault("reset", times=1, when=lambda call: len(site.calypso.calls) == 4)
    page = read(full_page)
    assert [rung for _, rung, _ in rungs(page)] == ["", "oom_dpi", "halves", "halves"]
    assert (page.status, page.host_failures, len(site.calypso.calls)) == ("done", 1, 6)
    assert page.readings.count() == 1


def test_both_calls_of_the_halves_hold_one_slot(site, full_page):
    site.calypso.set_fault("oom_words", times=2)
    read(full_page)
    assert site.calypso.max_in_flight == 1


def test_when_halves_fail_too_the_page_fails_and_says_what_was_tried(site, full_page):
    site.with_spark().calypso.set_fault("oom_words")
    site.spark.set_fault("oom_words")
    page = read(full_page)
    assert (page.status, page.host_failures) == ("failed", 0)
    assert page.reason == (
        "No host that could take this page has the memory for it, not even at 150 dpi and in halves."
    )
    assert page.attempts.count() == 4


def test_a_retry_by_hand_starts_anew_as_a_whole(site, full_page):
    site.calypso.set_fault("oom_words")
    read(full_page)
    site.calypso.clear_faults()
    documents.retry(full_page.pk, by=site.person)
    page = full_page.pages.get()
    assert (page.status, page.engine_deaths, page.dpi_cap, page.in_pieces) == ("pending", 0, None, False)
    pipeline.settle_down()
    assert rungs(page)[-1] == ("calypso", "", 200)


def test_out_of_memory_that_killed_the_host_is_an_engines_death(site, full_page):
    site.with_spark().calypso.set_fault("oom_words", times=1)
    site.calypso.set_fault("status", status=503, body="", path="/health")
    page = read(full_page)
    assert outcomes_of(page) == [("calypso", "host_down"), ("spark", "ok")]
    assert (page.engine_deaths, page.host_failures) == (1, 1)
    assert backends.find("calypso").health.breaker == "open"


def test_what_is_too_long_goes_to_a_host_with_a_longer_context(site, full_page):
    backends.update("calypso", by=None, max_model_len=4096)
    site.with_spark().calypso.set_fault("status", times=1, status=400, message=TOO_LONG)
    page = read(full_page)
    assert outcomes_of(page) == [("calypso", "cut_off"), ("spark", "ok")]
    assert page.host_failures == 0


def test_what_is_too_long_for_the_longest_context_is_read_in_halves(site, full_page):
    backends.update("calypso", by=None, max_model_len=8192)
    site.with_spark().calypso.set_fault("status", times=1, status=400, message=TOO_LONG)
    page = read(full_page)
    assert rungs(page) == [("calypso", "", 200), ("calypso", "halves", 200)]
    assert page.status == "done"


def test_what_is_too_long_even_in_halves_fails_with_a_sentence(site, full_page):
    site.calypso.set_fault("status", status=400, message=TOO_LONG)
    page = read(full_page)
    assert (page.status, page.host_failures, page.attempts.count()) == ("failed", 0, 2)
    assert page.reason == "This page does not fit into the length that any host can handle, even in halves."


def test_an_empty_half_is_not_sent(site, tmp_path):
    document = site.upload_file(files.text_pdf(tmp_path / "top.pdf", ["A title alone at the top"]))
    preparing.prepare(document.pk)
    site.calypso.set_fault("oom_words", times=2)
    pipeline.settle_down()
    page = document.pages.get()
    assert rungs(page)[-1] == ("calypso", "halves", 150)
    assert len(site.calypso.calls) == 3
