"""A host's benchmarks on its page: begun, watched, stopped, taken over."""

from __future__ import annotations

import pytest

from jobs import actors
from jobs.domain.benchmark_plan import Call, Step, result_of
from jobs.models import AuditEntry, Backend, BackendHealth, Benchmark
from jobs.services import benchmarking

pytestmark = pytest.mark.django_db
PAGE, LIVE = "/backends/calypso/", "/backends/calypso/benchmark/live"


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append((actor.actor_name, *args)))
    return messages


def results(seconds=30.0, *, disturbed=False):
    """Of a host that takes three at once and runs out of memory at 300 dpi."""
    made = [result_of(Step("document", 10, 5, 200), [Call(2.0, "ok", 90)] * 10, seconds=seconds, disturbed=disturbed)]
    for count, page in ((1, 2.0), (2, 2.0), (3, 2.0), (5, 4.0)):
        step = Step("concurrency", 4 * count, count, 200)
        made.append(result_of(step, [Call(page, "ok", 90)] * step.pages, seconds=8.0))
    made.append(result_of(Step("resolution", 4, 4, 150), [Call(2.0)] * 4, seconds=2.0))
    made.append(result_of(Step("resolution", 4, 4, 300), [Call(2.0)] + [Call(1.0, "out_of_memory")] * 3, seconds=2.0))
    return [result.stored() for result in made]


def ended(seconds=30.0, *, state="done", **options):
    row = benchmarking.begin("calypso", by=None)
    Benchmark.objects.filter(pk=row.pk).update(state=state, steps=results(seconds, **options))
    return row


def seen(page):
    return page.with_id("benchmark-poll")["data-seen"]


def test_staff_may_neither_look_nor_begin(client):
    assert client.get(LIVE).status_code == 403
    assert client.post("/backends/calypso/benchmark/begin").status_code == 403
    assert not Benchmark.objects.exists()


def test_what_is_not_there_is_not_found(admin, client):
    for path in ("/backends/nobody/benchmark/begin", "/backends/calypso/benchmark/dance"):
        assert admin.post(path).status_code == 404
    assert admin.get("/backends/nobody/benchmark/live").status_code == 404


def test_it_is_begun_with_a_button_and_a_worker_is_told(
    admin, client, sent, outline, django_capture_on_commit_callbacks
):
    assert "benchmark-begin" in outline(admin.get(PAGE)).ids()
    with django_capture_on_commit_callbacks(execute=True):
        response = admin.post("/backends/calypso/benchmark/begin")
    row = Benchmark.objects.get()
    assert response["Location"] == "/backends/calypso/#benchmark"
    assert sent == [("benchmark", row.pk)]
    page = outline(admin.get(PAGE))
    assert "benchmark-stop" in page.ids() and "benchmark-begin" not in page.ids()
    assert "It has not begun." in page.words


def test_progress_is_polled_and_it_is_stopped(admin, client, outline):
    row = benchmarking.claim(benchmarking.begin("calypso", by=None).pk)
    before = seen(outline(admin.get(PAGE)))
    assert admin.get(LIVE, {"seen": before}).status_code == 204
    benchmarking.renew(row, "50 pages: 12 of 50 pages")
    changed = outline(admin.get(LIVE, {"seen": before}))
    assert "50 pages: 12 of 50 pages" in changed.words
    assert changed.with_id("benchmark-poll")["hx-trigger"] == "every 2s"
    admin.post("/backends/calypso/benchmark/stop")
    assert Benchmark.objects.get().stop_wanted
    assert "It stops." in outline(admin.get(PAGE)).words


def test_why_it_cannot_be_begun_is_said_instead_of_a_button(admin, client, outline):
    BackendHealth.objects.update(state="down", reason="It refuses connections.")
    page = outline(admin.get(PAGE))
    assert "calypso is not well (down): It refuses connections." in page.words
    assert "benchmark-begin" not in page.ids()
    followed = admin.post("/backends/calypso/benchmark/begin", follow=True)
    assert "calypso is not well" in outline(followed).words
    assert not Benchmark.objects.exists()


def test_what_was_found_stands_beside_what_is_expected_and_the_one_before(admin, client, outline):
    Backend.objects.update(expected={"seconds_10_pages": [25, 40]})
    ended(50.0)
    ended(80.0)
    page = outline(admin.get(PAGE))
    assert "A PDF of 10 pages 25–40 s 80 s 2×, slower 50 s" in page.words
    assert "5 · a page takes twice as long 4.0 s 4.0 s 75" in page.words
    assert "300 dpi 1 read, 3 out of memory" in page.words
    assert "150 dpi all 4 read" in page.words
    assert "10 pages in 50 s" in page.words


def test_a_proposal_is_taken_over_with_one_click(admin, client, outline):
    row = ended()
    page = outline(admin.get(PAGE))
    assert "Slots: 4 → 3" in page.words
    button = page.with_id("take-slots")
    assert (button["name"], button["value"]) == ("proposal", f"{row.pk} slots")
    response = admin.post(button["formaction"], {button["name"]: button["value"]}, follow=True)
    assert "calypso has 3 slots and 1 ahead now." in outline(response).words
    assert Backend.objects.get(name="calypso").slots == 3
    assert AuditEntry.objects.filter(action="backend.changed").count() == 1
    assert "take-slots" not in outline(admin.get(PAGE)).ids()


@pytest.mark.parametrize("junk", ["", "slots", "9 slots", "x slots", "1 base_url", "9" * 40 + " slots", "² slots"])
def test_no_other_setting_is_taken_over(admin, client, outline, junk):
    ended()
    before = Backend.objects.values().get(name="calypso")
    page = outline(admin.post("/backends/calypso/benchmark/take-over", {"proposal": junk}, follow=True))
    assert "There is no such proposal." in page.words
    assert Backend.objects.values().get(name="calypso") == before


@pytest.mark.parametrize(
    ("state", "disturbed", "words"),
    [
        ("done", True, "nothing is proposed. Run it again in a quiet hour."),
        ("interrupted", False, "interrupted"),
        ("failed", False, "the host failed"),
    ],
)
def test_one_that_was_disturbed_or_did_not_end_proposes_nothing(admin, client, outline, state, disturbed, words):
    ended(state=state, disturbed=disturbed)
    page = outline(admin.get(PAGE))
    assert words in page.words
    assert "Proposed settings" not in page.words


def test_as_many_queries_however_many_there_were(admin, client, django_assert_max_num_queries):
    admin.get(LIVE)
    for _ in range(9):
        ended()
    with django_assert_max_num_queries(7):
        assert admin.get(LIVE).status_code == 200
