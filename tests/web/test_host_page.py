"""A host's own page: its profile, what was measured beside what is expected, charts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.domain import host_profile, presets
from jobs.models import AuditEntry, Backend, HealthSample
from jobs.services import rolling_up
from tests import builders, seeded

pytestmark = pytest.mark.django_db
SHIPPED = {backend["name"]: backend for backend in presets.BACKENDS}


@pytest.fixture
def calypso(mira):
    groups = {group: SHIPPED["calypso"][group] for group in ("hardware", "launch", "expected", "costs", "notes")}
    Backend.objects.filter(name="calypso").update(**groups)
    return Backend.objects.get(name="calypso")


def work(document, *, pages=60, seconds=3.0, tokens=500, ago=timedelta(minutes=30), at_once=1, **fields):
    """Attempts of the document's first page, so many one after another and `at_once` side by side."""
    page, began = document.pages.get(number=1), timezone.now() - ago
    for n in range(pages * at_once):
        started = began + timedelta(seconds=n // at_once * seconds)
        builders.make_attempt(page, started_at=started, seconds=seconds, completion_tokens=tokens, **fields)


@pytest.mark.parametrize("path", ["/backends/calypso/", "/backends/calypso/?over=month"])
def test_staff_may_not_see_it(client, path):
    assert client.get(path).status_code == 403


def test_a_host_that_is_not_there_is_not_found(admin):
    assert admin.get("/backends/nobody/").status_code == 404


def test_what_is_expected_stands_there_before_anything_was_measured(admin, calypso, outline):
    words = outline(admin.get("/backends/calypso/")).words
    assert "Tokens a second 800–1,200 tokens/s not measured yet –" in words
    assert "A PDF of 50 pages 2–4 min not measured yet –" in words
    assert "Nothing ran there in the last 24 hours." in words


def test_what_was_measured_stands_beside_it_with_the_ratio(admin, calypso, mira, outline):
    chance = seeded.source()
    seconds, tokens = chance.uniform(2, 4), chance.randrange(300, 600)
    work(builders.make_document(mira, pages=12), seconds=seconds, tokens=tokens)
    words = outline(admin.get("/backends/calypso/?over=day")).words
    told = re.search(r"Tokens a second 800–1,200 tokens/s ([\d,]+) tokens/s ([\d.]+)×, with 1 at once", words)
    shown, ratio = told.groups()
    assert float(shown.replace(",", "")) == pytest.approx(tokens / seconds, rel=0.1)
    assert float(ratio) == pytest.approx(tokens / seconds / 800, rel=0.1)
    assert "60 pages read over the last 24 hours" in words
    assert re.search(r"A PDF of 10 pages 25–40 s [\d.]+ s [\d.]+×, better", words)


def test_a_host_that_had_its_slots_full_and_was_slower_is_said_to_be_slower(admin, calypso, mira, outline):
    work(builders.make_document(mira, pages=12), pages=20, seconds=4, tokens=400, at_once=4)
    assert "400 tokens/s 0.5×, slower" in outline(admin.get("/backends/calypso/")).words


def test_upstream_is_told_where_it_says_otherwise(admin, calypso, outline):
    words = outline(admin.get("/backends/calypso/")).words
    assert "vLLM, as noted 0.6.4.post1 vLLM 0.6.4.post1 is too old to serve DeepSeek-OCR" in words
    assert "Upstream: about 7 GB in BF16." in words


@pytest.mark.parametrize("over", ["hour", "day", "month"])
def test_every_chart_can_be_read_without_seeing_it(admin, calypso, mira, outline, over):
    document = builders.make_document(mira, pages=12)
    work(document)
    work(document, pages=3, outcome="looping", rung="ngram", ago=timedelta(minutes=20))
    document.pages.update(quality_tries=1)
    HealthSample.objects.create(backend=calypso, state="up", queued=7, in_flight=3)
    rolling_up.roll_up()
    page = outline(admin.get(f"/backends/calypso/?over={over}"))
    drawings = [attributes for tag, attributes in page.elements if tag == "svg" and attributes.get("role") == "img"]
    assert len(drawings) == 6
    for drawing in drawings:
        assert all(name in page.ids() for name in drawing["aria-labelledby"].split())
    for title in ("Pages a minute", "Tokens a second", "Seconds a page", "Queue depth", "How calls ended"):
        assert f"{title} as a table" in page.words
    assert "p99: from 3.0 s to 3.0 s" in page.words or "p99: from 3.1 s to 3.1 s" in page.words


def test_an_empty_chart_says_so(admin, calypso, outline):
    assert outline(admin.get("/backends/calypso/")).words.count("Nothing was measured in this time.") == 6


JUNK = ["much", -1, 0, 10**400, 1e308, [], [1], [1, 2, 3], ["a", None], {"a": 1}, True, None, "<b>", "x" * 9000]


@pytest.mark.parametrize(
    "path",
    ["/backends/calypso/", "/backends/calypso/edit", "/backends/compare", "/backends/costs", "/backends/advice"],
)
def test_whatever_was_stored_as_a_figure_breaks_no_screen(admin, calypso, path):
    for junk in JUNK:
        groups = {
            group: {item.key: junk for item in host_profile.ITEMS if item.group == group}
            for group in ("hardware", "launch", "expected", "costs")
        }
        Backend.objects.filter(name="calypso").update(**groups)
        response = admin.get(path)
        assert response.status_code == 200
        assert "<b>" not in response.content.decode()


def test_as_many_queries_whatever_was_measured(admin, calypso, mira, django_assert_max_num_queries):
    document = builders.make_document(mira, pages=12)
    work(document, pages=150, ago=timedelta(hours=3), seconds=60)
    rolling_up.roll_up()
    work(document, pages=50)
    with django_assert_max_num_queries(12):
        admin.get("/backends/calypso/?over=hour")


# ---- its profile is edited


FORM = {
    "base_url": "http://127.0.0.1:9001", "model": "deepseek-ai/DeepSeek-OCR", "model_profile": "deepseek-ocr",
    "slots": "4", "queue_ahead": "1", "max_model_len": "8192", "default_dpi": "200", "max_dpi": "200",
}  # fmt: skip


def test_a_figure_is_changed_and_all_others_are_kept(admin, calypso):
    calypso.expected["of_our_own"] = 7
    calypso.save()
    entered = FORM | {"expected__tokens_per_second": "900 - 1,100", "hardware__tdp_watts": "425"}
    assert admin.post("/backends/calypso/edit", entered).status_code == 302
    saved = Backend.objects.get(name="calypso")
    assert saved.expected == calypso.expected | {"tokens_per_second": [900, 1100]}
    assert saved.hardware == calypso.hardware | {"tdp_watts": 425}
    assert (saved.launch, saved.costs) == (calypso.launch, calypso.costs)
    entry = AuditEntry.objects.filter(action="backend.changed").latest("id")
    assert set(entry.detail["fields"]) >= {"expected", "hardware"}


def test_the_form_as_it_is_shown_changes_nothing_when_it_is_saved(admin, calypso, outline):
    html = admin.get("/backends/calypso/edit").content.decode()
    shown = FORM | {"notes": calypso.notes}
    for name, value in re.findall(r'<input type="\w+" name="(\w+__[\w-]+)"(?: value="([^"]*)")?', html):
        shown[name] = value
    shown["launch__enable-prefix-caching"] = "no"
    assert len(shown) > 30
    admin.post("/backends/calypso/edit", shown)
    saved = Backend.objects.get(name="calypso")
    for group in ("hardware", "launch", "expected", "costs", "notes"):
        assert getattr(saved, group) == getattr(calypso, group), group


def test_an_emptied_figure_is_gone(admin, calypso):
    admin.post("/backends/calypso/edit", FORM | {"expected__kv_cache_gb": ""})
    assert "kv_cache_gb" not in Backend.objects.get(name="calypso").expected


@pytest.mark.parametrize(("field", "value"), [("expected__kv_cache_gb", "lots"), ("hardware__tdp_watts", "-4")])
def test_what_is_no_figure_is_refused_beside_its_field(admin, calypso, field, value):
    response = admin.post("/backends/calypso/edit", FORM | {field: value})
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert Backend.objects.get(name="calypso").expected == calypso.expected


def test_the_shipped_figures_are_filled_in(admin, mira):
    admin.post("/backends/add", FORM | {"name": "gpu3", "shipped": "spark"})
    admin.post("/backends/calypso/edit", FORM | {"shipped": "calypso"})
    for name, shipped in (("gpu3", "spark"), ("calypso", "calypso")):
        saved = Backend.objects.get(name=name)
        for group in ("hardware", "launch", "expected", "costs"):
            assert getattr(saved, group) == SHIPPED[shipped][group]
