"""The hosts as rows of slots, for administrators alone: looked at, changed, added."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Backend, BackendHealth
from tests import builders
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/backends/", "/backends/live"])
def test_staff_may_not_see_them(client, path):
    assert client.get(path).status_code == 403


def test_staff_are_not_shown_the_way(client, admin):
    assert 'href="/backends/"' not in client.get("/documents/").content.decode()
    assert 'href="/backends/"' in admin.get("/documents/").content.decode()


def test_each_slot_is_a_cell_filled_with_what_it_reads(admin, mira):
    document = builders.make_document(mira, name="Lease 12.pdf", pages=3, running=1)
    builders.make_lease(document.pages.get(number=1), Backend.objects.get(name="calypso"))
    html = admin.get("/backends/").content.decode()
    assert html.count('<li class="busy"') == 1
    assert html.count('<li class="free"') == 3
    assert f'<a href="/documents/{document.pk}/pages/1/">Lease 12 1</a>' in html


def test_a_request_beyond_the_slots_is_told_apart(admin, mira):
    calypso = Backend.objects.get(name="calypso")
    document = builders.make_document(mira, pages=5, running=5)
    for page in document.pages.all():
        builders.make_lease(page, calypso)
    html = admin.get("/backends/").content.decode()
    assert html.count('<li class="busy"') == 4
    assert html.count('<li class="busy ahead"') == 1
    assert "<dd>4 of 4 + 1</dd>" in html


def test_a_planned_one_is_explained_and_shows_no_slots(admin, outline):
    Backend.objects.update(lifecycle="planned")
    response = admin.get("/backends/")
    assert "nothing is ever sent to it" in outline(response).words
    assert 'class="slots' not in response.content.decode()


def test_with_every_host_down_no_slot_is_said_to_be_open(admin, outline):
    BackendHealth.objects.update(state="down", waiting=3)
    words = outline(admin.get("/backends/")).words
    assert "no slot open" in words
    assert "0 of 0" not in words


def test_what_a_host_that_is_down_had_waiting_is_not_shown_as_if_it_were_so_still(admin, outline):
    BackendHealth.objects.filter(backend__name="calypso").update(waiting=3)
    assert "waiting there 3" in " ".join(outline(admin.get("/backends/")).words.split())
    BackendHealth.objects.filter(backend__name="calypso").update(state="down")
    assert "waiting there –" in " ".join(outline(admin.get("/backends/")).words.split())


def test_a_host_that_is_down_says_why(admin, outline):
    builders.make_backend("spark", state="down", reason="It does not accept connections.")
    words = outline(admin.get("/backends/")).words
    assert "It does not accept connections." in words


def test_it_tells_how_to_add_a_host(admin, outline):
    words = outline(admin.get("/backends/")).words
    assert "manage.py check_backend NAME" in words
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in words


def test_a_poll_is_answered_with_nothing_while_nothing_changed(admin):
    seen = re.search(r'data-seen="(\w+)"', admin.get("/backends/").content.decode())[1]
    assert admin.get("/backends/live", {"seen": seen}).status_code == 204
    Backend.objects.update(lifecycle="draining")
    assert b"draining" in admin.get("/backends/live", {"seen": seen}).content


# ---- what a card says


def test_a_poll_asks_the_database_as_often_whatever_there_is(admin, mira, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        admin.get("/backends/live")
    for n in range(3):
        host = builders.make_backend(f"host{n}")
        document = builders.make_document(mira, pages=4, running=2, failed=2, backend=host.name)
        builders.make_lease(document.pages.filter(status="running").first(), host)
    with django_assert_max_num_queries(9):
        admin.get("/backends/live")


def test_the_pace_is_that_of_the_last_five_minutes(admin, mira, outline):
    document = builders.make_document(mira, pages=10, done=10)
    ages = [10, 20, 40, 60, 80, 100, 110, 119, 120, 3000]
    for page, age in zip(document.pages.all(), ages, strict=True):
        started = timezone.now() - timedelta(seconds=age)
        page.attempts.update(backend="calypso", started_at=started, completion_tokens=600)
    words = outline(admin.get("/backends/")).words
    assert "pages a minute 4.5 tokens/s 45" in words
    assert "4.5 pages a minute" in words


def test_a_host_that_rests_says_why_and_counts_down_to_the_next_try(admin, outline):
    spark = builders.make_backend("spark", state="down", reason="Its engine died.")
    at = timezone.now() + timedelta(seconds=40)
    BackendHealth.objects.filter(backend=spark).update(breaker="open", retry_at=at)
    page = admin.get("/backends/")
    assert re.search(r"Its engine died. Next try in (39|40) s", outline(page).words)
    assert f'datetime="{at.isoformat()}" data-until' in page.content.decode()


def test_a_half_open_one_is_being_tried(admin, outline):
    spark = builders.make_backend("spark", state="down", reason="Its engine died.")
    BackendHealth.objects.filter(backend=spark).update(breaker="half_open")
    assert "It is being tried with one test page." in outline(admin.get("/backends/")).words


def test_in_a_slow_start_the_closed_slots_are_told_apart(admin, outline):
    spark = builders.make_backend("spark", state="slow_start", slots=16)
    BackendHealth.objects.filter(backend=spark).update(circuit={"state": "closed", "step": 1})
    page = admin.get("/backends/")
    assert "slow start, 8 of 16" in outline(page).words
    assert page.content.decode().count('<li class="shut"') == 8


def test_what_failed_lately_is_told_with_what_the_host_said(admin, mira, outline):
    document = builders.make_document(mira, name="Lease.pdf", pages=1, failed=1)
    document.pages.get().attempts.update(
        outcome="out_of_memory", detail="CUDA <b>error</b>", backend="calypso", started_at=timezone.now()
    )
    page = admin.get("/backends/")
    assert "1 call failed in the last hour, just now : it ran out of memory" in outline(page).words
    assert "Lease.pdf, page 1" in outline(page).words
    assert "CUDA &lt;b&gt;error" in page.content.decode()


def test_a_failed_self_test_shows_its_steps_and_may_be_overruled(admin, outline):
    steps = [
        {"name": "reachable", "passed": True, "tried": True, "message": "It answers."},
        {"name": "model", "passed": False, "tried": True, "message": "It serves another model."},
        {"name": "streaming", "passed": False, "tried": False, "message": "Not tried: the step “model” did not pass."},
    ]
    told = {"at": timezone.now().isoformat(), "passed": False, "forced": False, "steps": steps}
    builders.make_backend("spark", lifecycle="planned")
    BackendHealth.objects.filter(backend__name="spark").update(self_test=told)
    page = admin.get("/backends/")
    assert "Failed its self-test just now" in outline(page).words
    assert "Model : failed. It serves another model." in outline(page).words
    assert "Streaming Not tried: the step “model” did not pass." in outline(page).words
    assert outline(page).with_id("force-spark")["formaction"] == "/backends/spark/force"


def test_a_card_says_which_share_of_its_pages_a_host_read_badly_at_first(admin, mira, outline):
    assert "read badly at first –" in outline(admin.get("/backends/")).words
    document = builders.make_document(mira, pages=4, done=4)
    builders.make_attempt(document.pages.get(number=1), outcome="looping", finish_reason="repetition")
    builders.make_attempt(document.pages.get(number=2), outcome="timeout")
    words = outline(admin.get("/backends/")).words
    assert "read badly at first 25 %" in words
    assert "1 of 4 pages in the last hour" in words


def test_a_banner_tells_how_many_pages_wait_why_and_until_when(admin, client, mira, outline):
    builders.make_document(mira, pages=12)
    at = timezone.now() + timedelta(minutes=50)
    BackendHealth.objects.update(state="down", reason="It does not accept connections.", retry_at=at)
    said = r"12 pages wait. No host can read pages now: calypso is down. Next try in \d+ min"
    assert re.search(said, outline(admin.get("/backends/")).words)
    assert re.search(said, outline(admin.get("/backends/live")).words)
    documents = client.get("/documents/")
    assert re.search(said, outline(documents).words)
    (announced,) = re.findall(r'class="banner review".*?role="status">(.*?)</span>', documents.content.decode())
    assert announced == "12 pages wait. No host can read pages now: calypso is down."  # not each second that is left


# ---- what can be done with a host


@pytest.fixture
def simulated(transactional_db, mira):
    """calypso, planned, at an address where a simulated host answers. A self-test may ask from threads of its own."""
    with Simulator.start(slots=4) as host:
        Backend.objects.update(lifecycle="planned", base_url=host.base_url)
        yield host


def lifecycle():
    return Backend.objects.get(name="calypso").lifecycle


@pytest.mark.parametrize("deed", ["activate", "force", "check", "drain", "disable", "remove"])
def test_staff_may_do_nothing_with_a_host(client, deed):
    assert client.post(f"/backends/calypso/{deed}", {"confirmed": "1"}).status_code == 403
    assert lifecycle() == "active"


def test_looking_does_nothing(admin):
    assert admin.get("/backends/calypso/disable").status_code == 405
    assert admin.post("/backends/calypso/explode").status_code == 404
    assert lifecycle() == "active"


def test_activating_tests_the_host_and_puts_it_to_work(admin, simulated, outline):
    page = admin.post("/backends/calypso/activate", follow=True)
    assert "calypso passed its self-test and takes pages now." in outline(page).words
    assert lifecycle() == "active"


def test_what_fails_its_test_stays_out_until_somebody_overrules(admin, simulated, outline):
    simulated.configure(model="another/model")
    words = outline(admin.post("/backends/calypso/activate", follow=True)).words
    assert "calypso was not activated: It serves another/model" in words
    assert lifecycle() == "planned"
    assert "Activate calypso anyway?" in outline(admin.post("/backends/calypso/force")).words
    assert lifecycle() == "planned"
    words = outline(admin.post("/backends/calypso/force", {"confirmed": "1"}, follow=True)).words
    assert "calypso takes pages now, although its self-test failed" in words
    assert lifecycle() == "active"


def test_checking_changes_nothing_about_its_use(admin, simulated, outline):
    assert "calypso passed its self-test." in outline(admin.post("/backends/calypso/check", follow=True)).words
    assert lifecycle() == "planned"


def test_draining_waits_for_the_last_page(admin, mira, outline):
    document = builders.make_document(mira, pages=1, running=1)
    builders.make_lease(document.pages.get(), Backend.objects.get())
    words = outline(admin.post("/backends/calypso/drain", follow=True)).words
    assert "calypso gets no new pages. It is disabled when its last page is done." in words
    assert lifecycle() == "draining"


def test_disabling_asks_first_where_no_script_did(admin, outline):
    page = admin.post("/backends/calypso/disable")
    assert "Disable calypso?" in outline(page).words
    assert lifecycle() == "active"
    admin.post("/backends/calypso/disable", {"confirmed": "1"})
    assert lifecycle() == "disabled"


def test_a_host_that_the_rules_name_is_not_removed(admin, outline):
    words = outline(admin.post("/backends/calypso/remove", {"confirmed": "1"}, follow=True)).words
    assert "take it out of the rules first" in words
    builders.make_backend("idle")
    admin.post("/backends/idle/remove", {"confirmed": "1"})
    assert not Backend.objects.filter(name="idle").exists()


def test_a_host_that_does_not_exist_is_refused_in_words(admin, outline):
    assert "There is no backend “nobody”." in outline(admin.post("/backends/nobody/drain", follow=True)).words


# ---- adding and editing

FORM = {
    "base_url": "http://127.0.0.1:9009", "model": "deepseek-ai/DeepSeek-OCR", "model_profile": "deepseek-ocr",
    "slots": "8", "queue_ahead": "1", "max_model_len": "8192", "default_dpi": "200", "max_dpi": "200",
}  # fmt: skip


def test_a_host_is_added_as_planned(admin, outline):
    words = outline(admin.post("/backends/add", FORM | {"name": "gpu1", "api_key": "secret"}, follow=True)).words
    assert "gpu1 was added, as planned" in words
    added = Backend.objects.get(name="gpu1")
    assert (added.slots, added.lifecycle, added.api_key_set) == (8, "planned", True)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "Not A Name", "small letters"),
        ("name", "calypso", "There is a backend “calypso” already."),
        ("base_url", "ftp://host", "http"),
        ("slots", "0", "greater than or equal to 1"),
        ("max_dpi", "9000", "less than or equal to 600"),
        ("slots", "many", "whole number"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(admin, field, value, said):
    response = admin.post("/backends/add", FORM | {"name": "gpu1"} | {field: value})
    html = response.content.decode()
    assert response.status_code == 422
    assert said in re.search(rf'id="id_{field}_error">([^<]*)', html)[1]
    assert not Backend.objects.filter(name="gpu1").exists()


def test_the_key_is_never_shown_and_does_not_follow_an_address(admin, outline):
    admin.post("/backends/calypso/edit", FORM | {"api_key": "secret-key"})
    assert b"secret-key" not in admin.get("/backends/calypso/edit").content
    admin.post("/backends/calypso/edit", FORM | {"slots": "6"})
    assert Backend.objects.get(name="calypso").api_key_set
    page = admin.post("/backends/calypso/edit", FORM | {"base_url": "http://127.0.0.1:9010"}, follow=True)
    assert "Its API key was removed with the old address" in outline(page).words
    assert not Backend.objects.get(name="calypso").api_key_set


@pytest.mark.parametrize("path", ["/backends/add", "/backends/calypso/edit"])
def test_staff_may_neither_add_nor_edit(client, path):
    assert client.get(path).status_code == 403
    assert client.post(path, FORM).status_code == 403


def test_the_built_in_one_keeps_its_address_and_its_slots(admin, outline):
    Backend.objects.update(built_in=True)
    ids = outline(admin.get("/backends/calypso/edit")).ids()
    assert "id_max_dpi" in ids
    assert not ids & {"id_base_url", "id_slots", "id_api_key"}


@pytest.mark.parametrize(("version", "variable"), [("now", False), ("newest", True), ("old", False)])
def test_the_guide_has_a_command_for_each_range_of_versions(admin, version, variable):
    html = admin.get("/backends/").content.decode()
    command = re.search(rf'id="serve-{version}-spark">([^<]*)', html)[1]
    assert command.startswith("VLLM_USE_V2_MODEL_RUNNER=0 ") is variable
    assert "deepseek_ocr:NGramPerReqLogitsProcessor" in command
    assert "--max-num-seqs 16" in command
