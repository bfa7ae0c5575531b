"""Hosts side by side."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Backend, RoutingPolicy
from jobs.services import backends, rolling_up
from tests import builders, seeded

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(db, admin):
    """The two machines as they ship, planned; then calypso is put to work."""
    Backend.objects.all().delete()
    RoutingPolicy.objects.all().delete()
    backends.ensure_defaults()
    Backend.objects.filter(name="calypso").update(lifecycle="active")


def test_staff_may_not_see_it_and_are_not_shown_the_way(client, admin):
    assert client.get("/backends/compare").status_code == 403
    assert 'href="/backends/compare"' not in client.get("/documents/").content.decode()
    assert 'href="/backends/compare"' in admin.get("/documents/").content.decode()


def test_the_machines_stand_side_by_side_and_say_what_was_not_measured(admin, two, outline):
    words = outline(admin.get("/backends/compare")).words
    assert "GPU RTX 4090 DGX Spark" in words
    assert "max-num-seqs 4 16" in words
    assert "Tokens a second 800–1,200 tokens/s not measured yet 2,500 tokens/s not measured yet" in words
    assert "A PDF of 50 pages 2–4 min not measured yet 30–60 s not measured yet" in words
    assert "Memory bandwidth 1,008 GB/s 900 GB/s NVIDIA’s own sheet says 273 GB/s." in words


def test_what_was_measured_stands_below_what_is_expected(admin, two, mira, outline):
    chance = seeded.source()
    seconds = chance.uniform(1, 3)
    page, began = builders.make_document(mira, pages=12).pages.get(number=1), timezone.now() - timedelta(minutes=20)
    for n in range(50):
        started = began + timedelta(seconds=n * seconds)
        builders.make_attempt(page, started_at=started, seconds=seconds, completion_tokens=400)
    rolling_up.roll_up()
    words = outline(admin.get("/backends/compare?over=day")).words
    told = re.search(r"Tokens a second 800–1,200 tokens/s ([\d.,]+) tokens/s · ([\d.]+)×, with 1 at once 2,500", words)
    assert float(told[1].replace(",", "")) == pytest.approx(400 / seconds, rel=0.1)
    assert float(told[2]) == pytest.approx(400 / seconds / 800, rel=0.1)


def test_without_hosts_there_is_nothing_to_compare(admin, outline):
    Backend.objects.all().delete()
    assert "There is nothing to compare." in outline(admin.get("/backends/compare")).words


def test_more_hosts_take_no_more_queries(admin, two, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        admin.get("/backends/compare")
    for n in range(6):
        builders.make_backend(f"host{n}")
    with django_assert_max_num_queries(9):
        admin.get("/backends/compare?over=month")
