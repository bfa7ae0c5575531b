"""Judging with what is known of a page: its own text, its ink, its place on the ladder, the policy, other hosts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.domain import ladder
from jobs.domain.chat import Reply
from jobs.domain.failures import Outcome
from jobs.domain.grounding import Block
from jobs.domain.ladder import Climb, Rung
from jobs.domain.policies import Quality
from jobs.gateways import storage
from jobs.models import Attempt, Page
from jobs.services import calling, intake, judging, preparing, routing, text_layers
from tests import builders, files
from tests.domain.loops import prose, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend(db):
    builders.make_policy()
    return builders.make_backend("calypso")


@pytest.fixture
def page(backend):
    document = builders.make_document(builders.make_user(), pages=1, running=1)
    Page.objects.update(image_width_px=1654, image_height_px=2339, ink=0.05)
    return document.pages.select_related("document").get()


@pytest.fixture
def born_digital(backend, tmp_path):
    """A page of a real PDF that carries its own text."""
    path = files.text_pdf(tmp_path / "report.pdf", [written(120, 1), written(120, 2)])
    document = intake.accept(
        path.open("rb"), name="report.pdf", owner=builders.make_user("nora"), options=intake.Options()
    )
    preparing.prepare(document.pk)
    return document.pages.select_related("document").get(number=2)


def policy(**quality):
    return replace(routing.in_force(), quality=Quality(**quality))


def reply(text, finish_reason="stop"):
    return Reply(text, finish_reason, 913, 20)


def test_a_good_reading_needs_nothing_more(page, backend):
    judged = judging.judge(page, backend, reply(prose(100)), policy())
    assert (judged.outcome, judged.score, judged.reason, judged.next_rung) == (Outcome.OK, 1.0, "", None)
    assert judged.text == prose(100)
    assert [block.label for block in judged.blocks] == ["text"]


def test_blocks_that_are_known_already_are_not_read_again(page, backend):
    known = [Block("text", ((0, 0, 5, 5),), prose(50))]
    judged = judging.judge(page, backend, reply("two halves, put together"), policy(), blocks=known)
    assert (judged.blocks, judged.text) == (known, prose(50))


def test_a_bad_one_goes_up_from_where_the_page_stands(page, backend):
    first = judging.judge(page, backend, reply(prose(100), "repetition"), policy())
    assert first.next_rung == Rung("ngram", ngram_size=20, window_size=50)
    page.ladder = ladder.as_json(judging.climbed(page, first.next_rung))
    second = judging.judge(page, backend, reply(prose(100), "repetition"), policy())
    assert second.next_rung == Rung("free_ocr", mode="text")
    assert judging.climbed(page, second.next_rung).used == ("ngram", "free_ocr")


def test_another_host_is_asked_only_where_one_could_take_the_page(page, backend):
    only = policy(rungs=("other_backend",))
    assert judging.judge(page, backend, reply(""), only).next_rung is None
    builders.make_backend("spark")
    assert judging.judge(page, backend, reply(""), only).next_rung == Rung("other_backend", elsewhere=True)
    page.avoid = ["spark"]
    assert judging.judge(page, backend, reply(""), only).next_rung is None


def test_with_the_gate_off_a_reading_is_stored_as_it_comes(page, backend):
    off = policy(enabled=False)
    loop = "the same line again\n" * 300
    assert judging.judge(page, backend, reply(loop), off).outcome is Outcome.OK
    cut = judging.judge(page, backend, reply(prose(20), "length"), off)
    assert (cut.outcome, cut.score, cut.next_rung) == (Outcome.CUT_OFF, None, None)
    assert "cut off" in cut.reason


def test_the_files_own_text_speaks_against_another_pages_text(born_digital, backend):
    assert judging.judge(born_digital, backend, reply(prose(120, 2)), policy()).outcome is Outcome.OK
    wrong = judging.judge(born_digital, backend, reply("Lorem ipsum dolor sit amet " * 15), policy())
    assert wrong.outcome is Outcome.GARBAGE
    assert "own text" in wrong.reason
    unchecked = policy(text_layer_check=False)
    assert judging.judge(born_digital, backend, reply("Lorem ipsum dolor sit " * 15), unchecked).outcome is Outcome.OK


def test_the_files_own_text_is_taken_out_once_for_many_pages(born_digital):
    assert (text_layers.of_page(born_digital) or "").split() == prose(120, 2).split()
    kept = f"{born_digital.document.storage_prefix}/text/0.json"
    storage.save_bytes(kept, b'{"2": "kept"}')
    assert text_layers.of_page(born_digital) == "kept"


def test_an_image_or_a_file_that_is_gone_has_no_text_of_its_own(born_digital, page):
    storage.delete(born_digital.document.original_key)
    assert text_layers.of_page(born_digital) is None
    page.document.media_type = "image/jpeg"
    assert text_layers.of_page(page) is None


def test_a_rung_changes_the_request_and_nothing_else(page, backend):
    usual = calling.body_for(backend, page.document, b"x")
    assert usual == calling.body_for(backend, page.document, b"x", Rung("halves", halves=True))
    assert usual["vllm_xargs"] == {"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [128821, 128822]}
    for rung, key in (
        (Rung("ngram", ngram_size=35, window_size=200), "vllm_xargs"),
        (Rung("free_ocr", mode="text"), "messages"),
        (Rung("temperature", temperature=0.2), "temperature"),
    ):
        body = calling.body_for(backend, page.document, b"x", rung)
        assert {name for name in body if body[name] != usual[name]} == {key}


@pytest.mark.parametrize(("version", "sent"), [("0.16.0", False), ("0.17.0", True), ("", True)])
def test_the_hosts_own_loop_detection_is_asked_for_where_it_may_exist(page, backend, version, sent):
    backend.health.version = version
    assert ("repetition_detection" in calling.body_for(backend, page.document, b"x")) is sent


def test_a_stream_is_watched_only_where_the_host_cannot_do_it(backend):
    assert judging.loop_watch(backend, policy()) is None
    backend.streaming = True
    assert judging.loop_watch(backend, policy()) is not None
    assert judging.loop_watch(backend, policy(enabled=False)) is None
    backend.health.version = "0.20.2"
    assert judging.loop_watch(backend, policy()) is None


def test_the_share_of_pages_that_needed_the_gate_is_counted_by_page_and_host(page):
    document = builders.make_document(page.document.owner, pages=3, running=3)
    first, second, third = document.pages.all()

    def attempt(of, outcome, backend="calypso", finish_reason="stop", hours_ago=1.0):
        then = timezone.now() - timedelta(hours=hours_ago)
        Attempt.objects.create(page=of, backend=backend, outcome=outcome, finish_reason=finish_reason, started_at=then)

    attempt(first, "looping", finish_reason="repetition")
    attempt(first, "empty")
    attempt(first, "ok")
    attempt(second, "ok")
    attempt(third, "host_down", finish_reason="")
    attempt(third, "garbage", finish_reason="")  # no page at all: the host's fault, not the reading's
    attempt(third, "looping", backend="spark")
    attempt(third, "cut_off", hours_ago=30)
    assert judging.shares(["calypso"], 24) == {"calypso": (2, 1)}
    assert judging.shares(["calypso"], 48) == {"calypso": (3, 2)}
    assert judging.shares(["spark"], 24) == {"spark": (1, 1)}
    assert judging.shares(["cpu"], 24) == {}


def test_a_page_on_no_ladder_is_sent_as_always(page):
    assert judging.rung_of(page) is None
    page.ladder = ladder.as_json(Climb(("ngram",), Rung("ngram", 20, 50), 3))
    assert judging.rung_of(page) == Rung("ngram", 20, 50)
