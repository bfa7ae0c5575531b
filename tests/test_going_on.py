"""A thread whose page has ended takes the next one itself: not while a message waits, nor in a worker that stops."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import actors, broker
from jobs.models import Document
from jobs.services import backends, intake, preparing
from tests import builders, files, pipeline
from tests.running_site import RunningSite
from tests.vllm_simulator import Simulator

SLOTS, AHEAD = 4, 1
STAMP = (300.0, 200.0)


@pytest.fixture
def host() -> Iterator[Simulator]:
    with Simulator.start(slots=SLOTS, allowed_extra=AHEAD) as simulator:
        yield simulator


@pytest.fixture
def calypso(db: None, host: Simulator) -> Simulator:
    pipeline.take_into_use(host)
    return host


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> deque[tuple[Any, tuple[Any, ...]]]:
    """Messages, instead of at Redis."""
    messages: deque[tuple[Any, tuple[Any, ...]]] = deque()
    monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append((actor, args)))
    return messages


def uploaded(tmp_path: Any, pages: int) -> Document:
    path = files.numbered_pdf(tmp_path / f"{pages}.pdf", pages, size=STAMP)
    person = builders.make_user(f"reader-of-{pages}")
    return intake.accept(path.open("rb"), name=path.name, owner=person, options=intake.Options())


def draw_all(document: Document) -> None:
    preparing.prepare(document.pk)
    while preparing.draw_next():
        pass


def carried_out(document: Document, sent: deque[tuple[Any, tuple[Any, ...]]]) -> int:
    """Its pages drawn, then each message in its turn, as by one thread, until none is left; how many were of pages."""
    draw_all(document)
    sent.append((actors.dispatch, ()))
    pages = 0
    while sent:
        actor, args = sent.popleft()
        pages += actor is actors.recognize
        actor.fn(*args)
    document.refresh_from_db()
    assert document.status == "done"
    return pages


def allow(monkeypatch: pytest.MonkeyPatch, may: bool) -> None:
    monkeypatch.setattr(broker.GoingOn, "may", lambda self: may)


@pytest.mark.django_db(transaction=True)
def test_only_the_first_pages_need_a_message(calypso, sent, tmp_path, monkeypatch):
    allow(monkeypatch, True)
    document = uploaded(tmp_path, 2 * (SLOTS + AHEAD))
    assert carried_out(document, sent) <= SLOTS + AHEAD
    assert len(calypso.calls) == document.page_count


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("instead", ["somebody waits", "for long enough"])
def test_else_each_page_has_its_message(calypso, sent, tmp_path, monkeypatch, instead):
    allow(monkeypatch, instead != "somebody waits")
    monkeypatch.setattr(actors, "GO_ON_SECONDS", 0 if instead == "for long enough" else actors.GO_ON_SECONDS)
    document = uploaded(tmp_path, 2 * (SLOTS + AHEAD))
    assert carried_out(document, sent) == document.page_count


def test_what_breaks_a_page_leaves_the_slots_to_others(sent, monkeypatch):
    allow(monkeypatch, True)

    def give(send: Any) -> Any:
        send(2)
        return SimpleNamespace(leases=())

    def broken(lease_id: int) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(actors.dispatching, "dispatch", give)
    monkeypatch.setattr(actors.recognizing, "recognize", broken)
    with pytest.raises(RuntimeError):
        actors.recognize.fn(1)
    assert list(sent) == [(actors.recognize, (2,))]


def test_nobody_goes_on_outside_of_a_worker_or_in_one_that_stops():
    worker: Any = SimpleNamespace(work_queue=queue.Queue())
    going_on = broker.GoingOn()
    assert not going_on.may()
    going_on.after_worker_boot(None, worker)
    assert going_on.may()
    going_on.before_worker_shutdown(None, worker)
    assert not going_on.may()


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_message_does_not_wait_for_the_pages_of_a_long_document(calypso, tmp_path):
    """One thread, which has forty pages to go on to."""
    backends.update("calypso", by=None, slots=64)  # for as long as they are drawn
    long, other = uploaded(tmp_path, 40), uploaded(tmp_path, 2)
    draw_all(long)
    backends.update("calypso", by=None, slots=1, queue_ahead=0)
    calypso.configure(service_seconds=0.1)
    with RunningSite(OCRSITE_WORKER_THREADS="1") as site:
        site.start_redis()
        site.start_worker()
        site.send(actors.dispatch)
        site.until(lambda: calypso.calls, "the long one is being read")
        site.send(actors.prepare, str(other.pk))
        site.until(lambda: Document.objects.get(pk=other.pk).prepared, "the other's pages are made")
        assert Document.objects.get(pk=long.pk).status == "processing"
