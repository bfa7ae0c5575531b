"""Trouble that was observed is told with the way out: on the host's page in full, on its card in a line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Backend, BackendHealth
from jobs.services import rolling_up
from tests import builders

pytestmark = pytest.mark.django_db
LINE = "What to do about calypso"


@pytest.fixture
def calypso(mira):
    """In use, and well."""
    Backend.objects.filter(name="calypso").update(lifecycle="active", launch={})
    BackendHealth.objects.filter(backend__name="calypso").update(
        state="up", version="0.20.2", served_max_model_len=None
    )
    return Backend.objects.get(name="calypso")


@pytest.fixture
def page_of_a_document(mira):
    return builders.make_document(mira, pages=1, running=1).pages.get()


def test_a_host_that_is_well_has_no_advice(admin, calypso, outline):
    assert "troubles" not in outline(admin.get("/backends/calypso/")).ids()
    assert LINE not in outline(admin.get("/backends/")).words


@pytest.mark.parametrize("over", ["hour", "day", "month"])
def test_out_of_memory_is_told_with_what_to_do_whatever_period_is_shown(
    admin, calypso, page_of_a_document, outline, over
):
    started = timezone.now() - timedelta(hours=5)
    builders.make_attempt(page_of_a_document, backend="calypso", outcome="out_of_memory", started_at=started)
    rolling_up.roll_up()
    words = outline(admin.get(f"/backends/calypso/?over={over}")).words
    assert "It ran out of memory once in the last day." in words
    assert "docker exec vllm-calypso nvidia-smi" in words
    assert "max-model-len 2048" in words
    assert f"{LINE} : out of memory." in outline(admin.get("/backends/")).words


def test_what_happened_days_ago_is_no_trouble_now(admin, calypso, page_of_a_document, outline):
    started = timezone.now() - timedelta(days=3)
    builders.make_attempt(page_of_a_document, backend="calypso", outcome="out_of_memory", started_at=started)
    rolling_up.roll_up()
    assert LINE not in outline(admin.get("/backends/")).words


def test_one_without_its_processor(admin, calypso, outline):
    told = "The n-gram processor is not loaded: pages may end in loops. Start vLLM with --logits-processors."
    tested = {"steps": [{"name": "n-gram processor", "message": told}]}
    BackendHealth.objects.filter(pk=calypso.pk).update(version="0.31.0", self_test=tested | {"passed": True})
    words = outline(admin.get("/backends/calypso/")).words
    assert "It runs vLLM 0.31.0 without the n-gram processor." in words
    assert "docker exec vllm-calypso printenv VLLM_USE_V2_MODEL_RUNNER" in words


@pytest.mark.parametrize("lifecycle", ["planned", "disabled"])
def test_one_that_is_not_in_use_has_none(admin, calypso, outline, lifecycle):
    BackendHealth.objects.filter(pk=calypso.pk).update(state="down", reason="It fell.")
    assert f"{LINE} : down." in outline(admin.get("/backends/")).words
    Backend.objects.filter(name="calypso").update(lifecycle=lifecycle)
    assert LINE not in outline(admin.get("/backends/")).words
    assert "troubles" not in outline(admin.get("/backends/calypso/")).ids()
