"""What dispatch and recognition know of the backends is what the database says now."""

from __future__ import annotations

import pytest

from jobs.models import Backend, BackendHealth
from jobs.services import current_backends
from tests import builders

pytestmark = pytest.mark.django_db


def test_they_come_in_name_order_each_with_its_health():
    builders.make_backend("spark", state="down")
    builders.make_backend("calypso")
    Backend.objects.create(name="planned")
    found = current_backends.in_name_order()
    assert [backend.name for backend in found] == ["calypso", "planned", "spark"]
    assert [getattr(b, "health", None) and b.health.state for b in found] == ["up", None, "down"]


def test_while_nothing_changes_one_statement_does(django_assert_num_queries):
    builders.make_backend()
    first = current_backends.in_name_order()
    with django_assert_num_queries(1):
        assert current_backends.in_name_order() is first


@pytest.mark.parametrize(
    "change",
    [
        lambda row: Backend.objects.filter(pk=row.pk).update(slots=9),
        lambda row: Backend.objects.filter(pk=row.pk).update(costs={"watts": 450}),
        lambda row: BackendHealth.objects.filter(pk=row.pk).update(state="down"),
        lambda row: BackendHealth.objects.filter(pk=row.pk).update(circuit={"state": "open"}),
        lambda row: BackendHealth.objects.filter(pk=row.pk).delete(),
        lambda row: builders.make_backend("another"),
        lambda row: Backend.objects.filter(pk=row.pk).delete(),
    ],
)
def test_a_change_of_any_kind_is_seen_at_once(change):
    before = builders.make_backend(slots=4)
    current_backends.in_name_order()
    change(before)
    expected = list(Backend.objects.select_related("health").in_name_order())
    found = list(current_backends.in_name_order())
    assert [told(backend) for backend in found] == [told(backend) for backend in expected]


def told(backend: Backend) -> list[object]:
    health = getattr(backend, "health", None)
    return [
        row and {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields} for row in (backend, health)
    ]


def test_one_is_found_by_its_id_and_one_that_is_gone_is_said():
    builders.make_backend("calypso")
    spark = builders.make_backend("spark")
    assert current_backends.one(spark.pk).name == "spark"
    with pytest.raises(Backend.DoesNotExist):
        current_backends.one(spark.pk + 1000)
