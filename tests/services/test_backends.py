"""A backend's life: drained, disabled, removed when its last page is done; and what a profile may hold."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.models import AuditEntry, Backend, SlotLease
from jobs.services import backends, dispatching, health
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def spare(db):
    """An active backend that no rule names."""
    builders.make_policy()
    builders.make_backend("calypso")
    return builders.make_backend("spare")


@pytest.fixture
def busy(spare):
    document = builders.make_document(builders.make_user(), pages=1, running=1, backend="spare")
    return builders.make_lease(document.pages.get(), spare)


def lifecycle(name="spare"):
    return backends.find(name).lifecycle


def actions():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_drain_ends_when_the_last_page_is_done(busy):
    assert backends.drain("spare", by=None).lifecycle == "draining"
    assert backends.finish_drains() == 0
    busy.delete()
    assert backends.finish_drains() == 1
    assert lifecycle() == "disabled"
    assert actions() == ["backend.draining", "backend.drained"]


def test_with_nothing_running_it_is_drained_at_once(spare):
    assert backends.drain("spare", by=None).lifecycle == "disabled"


def test_a_draining_backend_gets_no_page(busy):
    backends.drain("spare", by=None)
    builders.make_document(builders.make_user("ines"), pages=2, rendered=2, backend="spare")
    dispatching.assign_slots()
    assert SlotLease.objects.filter(backend__name="spare").count() == 1


def test_removing_one_in_use_drains_it_and_then_it_is_gone(busy):
    assert backends.remove("spare", by=None) is False
    assert lifecycle() == "draining"
    busy.delete()
    backends.finish_drains()
    assert not Backend.objects.filter(name="spare").exists()
    assert actions() == ["backend.draining", "backend.drained", "backend.removed"]


def test_a_drain_alone_removes_nothing(busy):
    backends.drain("spare", by=None)
    busy.delete()
    backends.finish_drains()
    assert Backend.objects.filter(name="spare").exists()


def test_one_that_is_activated_again_is_no_longer_to_be_removed(busy, monkeypatch):
    from jobs.services import admission

    monkeypatch.setattr(admission, "self_test", lambda backend: admission.SelfTest(()))
    backends.remove("spare", by=None)
    backends.activate("spare", by=None)
    busy.delete()
    backends.drain("spare", by=None)
    assert lifecycle() == "disabled"


def test_one_that_a_rule_names_meanwhile_is_disabled_and_stays(busy):
    from jobs.models import RoutingPolicy

    backends.remove("spare", by=None)
    RoutingPolicy.objects.update(fallback_order=["calypso", "spare"])
    busy.delete()
    backends.finish_drains()
    assert lifecycle() == "disabled"


def test_removing_an_idle_one_removes_it_at_once(spare):
    assert backends.remove("spare", by=None) is True
    assert not Backend.objects.filter(name="spare").exists()


def test_disabling_lets_running_calls_end(busy):
    backends.disable("spare", by=None)
    assert SlotLease.objects.filter(pk=busy.pk).exists()
    assert health.is_shut(backends.find("spare"))


@pytest.mark.parametrize("name", ["hardware", "launch", "expected", "costs"])
@pytest.mark.parametrize("value", [[1], "text", 7, None])
def test_what_has_to_be_an_object_is_one(spare, name, value):
    with pytest.raises(errors.Invalid) as refused:
        backends.update("spare", by=None, **{name: value})
    assert list(refused.value.fields) == [name]
    assert backends.update("spare", by=None, **{name: {"watts": 450}})
