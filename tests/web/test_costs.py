"""What the hosts cost, on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import AuditEntry, Backend, CostBasis, HealthSample, RoutingPolicy
from jobs.services import backends, costing

pytestmark = pytest.mark.django_db
BASIS = {"price_per_kwh": "0.123", "hours_a_day": "24", "pages_per_document": "", "elsewhere_per_1000": ""}


@pytest.fixture(autouse=True)
def two(db, admin):
    """The two machines as they ship."""
    Backend.objects.all().delete()
    RoutingPolicy.objects.all().delete()
    backends.ensure_defaults()


def test_staff_may_neither_see_nor_change_them(client):
    assert client.get("/backends/costs").status_code == 403
    assert client.post("/backends/costs", BASIS | {"price_per_kwh": "9"}).status_code == 403
    assert not CostBasis.objects.exists()


def test_the_operators_figures_stand_there(admin, outline):
    words = outline(admin.get("/backends/costs")).words
    assert "calypso $0 $40 $40 $480 $1,440 no page today low (consumer); replaceable" in words
    assert "spark $5,000–15,000 $45 $45 $5,540–15,540 $6,620–16,620 no page today" in words


def test_it_says_from_when_the_second_host_pays_off(admin, outline):
    page = outline(admin.get("/backends/costs"))
    assert "spark pays off from about 2,658 documents a day: calypso alone reads about 2,658" in page.words
    assert "1,000 pages, by how much comes as a table" in page.words
    admin.post("/backends/costs", BASIS | {"elsewhere_per_1000": "1.5"})
    words = outline(admin.get("/backends/costs")).words
    told = re.search(r"pays off from about ([\d,]+)–([\d,]+) documents a day", words)
    assert [int(number.replace(",", "")) for number in told.groups()] == pytest.approx([3067, 3685], abs=2)


def test_what_they_are_reckoned_with_is_changed_and_logged(admin, outline):
    Backend.objects.filter(name="calypso").update(costs={"hardware": 0})
    response = admin.post("/backends/costs", BASIS | {"price_per_kwh": "0.246", "hours_a_day": "8"}, follow=True)
    assert "The costs were saved." in outline(response).words
    assert "$80, from 450 W" in outline(response).words
    entry = AuditEntry.objects.get(action="costs.changed")
    assert entry.detail == {"changes": ["price of a kWh: 0.123 → 0.246", "hours a day: 24 → 8"]}
    assert "changed what the costs are reckoned with" in outline(admin.get("/backends/log")).words


def test_saving_what_stands_there_changes_nothing(admin):
    admin.post("/backends/costs", BASIS)
    assert not AuditEntry.objects.filter(action="costs.changed").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("price_per_kwh", "-1"), ("hours_a_day", "25"), ("hours_a_day", ""), ("pages_per_document", "0"),
     ("elsewhere_per_1000", "dear"), ("price_per_kwh", "nan"), ("price_per_kwh", "inf")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_beside_its_field(admin, field, value):
    response = admin.post("/backends/costs", BASIS | {field: value})
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert not CostBasis.objects.exists()


@pytest.mark.parametrize("missing", ["costs", "second host"])
def test_without_two_hosts_that_are_known_there_is_nothing_to_compare(admin, outline, missing):
    if missing == "costs":
        Backend.objects.filter(name="spark").update(costs={})
        assert "Enter the costs of both hosts" in outline(admin.get("/backends/costs")).words
    else:
        Backend.objects.filter(name="spark").delete()
        assert "There is no second GPU host" in outline(admin.get("/backends/costs")).words


def looks(name, *, watts, hours, every=timedelta(minutes=10)):
    """What its exporter told at each look of so many hours up to now, one after another."""
    backend, now = Backend.objects.get(name=name), timezone.now()
    told = [next(watts) if isinstance(watts, Iterator) else watts for _ in range(int(hours / every) + 1)]
    kept = {"backend": backend, "state": "up", "measured": True}
    made = HealthSample.objects.bulk_create(HealthSample(gpu_power_watts=one, **kept) for one in told)
    for n, sample in enumerate(made):
        sample.at = now - n * every
    HealthSample.objects.bulk_update(made, ["at"])
    return now


@pytest.fixture
def exporter(db, two):
    Backend.objects.filter(name="calypso").update(gpu_exporter_url="http://127.0.0.1:9400")


def test_what_the_gpu_drew_stands_beside_what_was_entered_with_since_when(admin, exporter, outline):
    low, high = 61.0, 389.0
    now = looks("calypso", watts=cycle([low, high, low]), hours=timedelta(hours=5, minutes=50))
    watts = (2 * low + high) / 3
    words = outline(admin.get("/backends/costs")).words
    month = f"{watts / 1000 * 720:,.0f} kWh a month, ${watts / 1000 * 720 * 0.123:,.2f}"
    assert f"{month} since {now - timedelta(hours=5, minutes=50):%-d %b, %H:%M} UTC low (consumer)" in words
    assert "calypso $0 $40 $40 $480 $1,440" in words, "what was entered stays what is reckoned with"
    assert "GPU power, measured: what its cards drew on the mean, without the rest of the machine" in words


def test_only_the_last_day_counts(admin, exporter):
    looks("calypso", watts=100.0, hours=timedelta(hours=23))
    HealthSample.objects.filter(at__lt=timezone.now() - timedelta(hours=12)).update(
        at=timezone.now() - timedelta(days=2), gpu_power_watts=9000.0
    )
    (drawn,) = [host.drawn for host in costing.overview().hosts if host.drawn]
    assert (drawn.watts, drawn.kwh_month) == (100.0, pytest.approx(72))


@pytest.mark.parametrize("hours", [timedelta(0), timedelta(minutes=50)])
def test_a_short_stretch_says_nothing_about_a_month(admin, exporter, outline, hours):
    looks("calypso", watts=400.0, hours=hours)
    assert "kWh a month" not in outline(admin.get("/backends/costs")).words


def test_a_host_without_an_exporter_shows_no_old_figures(admin, outline):
    looks("calypso", watts=400.0, hours=timedelta(hours=3))
    words = outline(admin.get("/backends/costs")).words
    assert "measured" not in words


def test_it_is_told_of_a_host_whose_costs_are_not_known(admin, exporter, outline):
    Backend.objects.filter(name="calypso").update(costs={}, hardware={})
    looks("calypso", watts=400.0, hours=timedelta(hours=3))
    assert "or its watts. 288 kWh a month, $35.42 since" in outline(admin.get("/backends/costs")).words


def test_more_looks_and_hosts_ask_the_database_nothing_more(admin, exporter):
    Backend.objects.update(gpu_exporter_url="http://127.0.0.1:9400")
    looks("calypso", watts=400.0, hours=timedelta(hours=2))
    with CaptureQueriesContext(connection) as few:
        costing.overview()
    looks("calypso", watts=300.0, hours=timedelta(hours=20))
    looks("spark", watts=300.0, hours=timedelta(hours=20))
    with CaptureQueriesContext(connection) as many:
        costing.overview()
    assert len(many) == len(few)
