"""GPU figures on a host's card, and where an administrator names the exporter."""

from __future__ import annotations

import pytest
from django.utils import timezone

from jobs.models import Backend, BackendHealth

pytestmark = pytest.mark.django_db

TOLD = {
    "memory_used_bytes": 20 * 1024**3,
    "memory_total_bytes": 24 * 1024**3,
    "utilization": 0.934,
    "power_watts": 1412.6,
    "temperature_celsius": 67.0,
    "problem": "",
}


@pytest.fixture
def told(admin):
    """told(power_watts=3): calypso's exporter told so."""

    def keep(**figures) -> None:
        Backend.objects.update(gpu_exporter_url="http://127.0.0.1:9400")
        BackendHealth.objects.update(gpu={**figures, "at": timezone.now().isoformat()})

    return keep


def test_a_card_shows_what_the_exporter_tells(admin, told, outline):
    told(**TOLD)
    words = outline(admin.get("/backends/")).words
    assert "GPU memory 20.0 of 24 GiB GPU use 93% power 1,413 W temperature 67 °C" in words
    assert "GPU exporter http://127.0.0.1:9400" in words


def test_what_is_not_told_is_not_shown(admin, told, outline):
    told(power_watts=31.0, problem="")
    words = outline(admin.get("/backends/")).words
    assert "power 31 W" in words
    assert "GPU memory" not in words


def test_an_exporter_that_fails_is_a_warning(admin, told, outline):
    told(problem="Its GPU exporter does not answer as it should.")
    page = admin.get("/backends/")
    assert "Its GPU exporter does not answer as it should." in outline(page).words
    assert "GPU use" not in outline(page).words


@pytest.mark.parametrize("lifecycle", ["planned", "disabled"])
def test_one_out_of_use_shows_no_old_figures(admin, told, outline, lifecycle):
    told(**TOLD)
    Backend.objects.update(lifecycle=lifecycle)
    assert "GPU use" not in outline(admin.get("/backends/")).words


def test_a_new_figure_is_news_to_who_watches(admin, told):
    told(**TOLD)
    before = admin.get("/backends/live").content
    assert before == admin.get("/backends/live").content
    told(**TOLD | {"power_watts": 99.0})
    assert before != admin.get("/backends/live").content


def fields(**changed):
    calypso = Backend.objects.get(name="calypso")
    names = ("base_url", "model", "model_profile", "slots", "queue_ahead", "max_model_len", "default_dpi", "max_dpi")
    return {name: getattr(calypso, name) for name in names} | changed


def test_an_administrator_names_the_exporter(admin):
    answer = admin.post("/backends/calypso/edit", fields(gpu_exporter_url="http://127.0.0.1:9400/metrics"))
    assert answer.status_code == 302
    assert Backend.objects.get(name="calypso").gpu_exporter_url == "http://127.0.0.1:9400"
    assert admin.post("/backends/calypso/edit", fields(gpu_exporter_url="")).status_code == 302
    assert Backend.objects.get(name="calypso").gpu_exporter_url == ""


def test_an_address_outside_is_refused_beside_its_field(admin, outline):
    answer = admin.post("/backends/calypso/edit", fields(gpu_exporter_url="http://192.0.2.7:9400"))
    assert answer.status_code == 422
    assert outline(answer).words.count("OCRSITE_BACKEND_ALLOWED_CIDRS allows") == 1
    assert Backend.objects.get(name="calypso").gpu_exporter_url == ""


def test_staff_name_none(client):
    answer = client.post("/backends/calypso/edit", fields(gpu_exporter_url="http://127.0.0.1:9400"))
    assert answer.status_code == 403
    assert Backend.objects.get(name="calypso").gpu_exporter_url == ""
