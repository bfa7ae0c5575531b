"""Alerts over their life: pending, firing, acknowledged, over; and the rules that hold."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import clock, errors
from jobs.domain import alert_rules
from jobs.domain.alerts import Fact
from jobs.models import Alert, AlertRule, AuditEntry
from jobs.services import alerts
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_once(db):
    """Rules that do not wait."""
    for rule in alert_rules.SHIPPED:
        alerts.change_rule(rule.kind, rule.backend, by=None, for_seconds=0, clear_seconds=0)


def told():
    return sorted((alert.kind, alert.subject) for alert in Alert.objects.firing())


def test_one_that_never_fired_leaves_nothing_behind(at_once):
    alerts.change_rule("host_down", "", by=None, for_seconds=60)
    now = timezone.now()
    alerts.judge([Fact("host_down", "spark", 1.0)], now)
    assert Alert.objects.get().phase == "pending"
    with pytest.raises(errors.NotFound):
        alerts.find(Alert.objects.get().pk)
    alerts.judge([Fact("host_down", "spark", 0.0)], now + timedelta(seconds=30))
    assert not Alert.objects.exists()
    alerts.judge([Fact("host_down", "spark", 1.0)], now + timedelta(seconds=40))
    alerts.judge([Fact("host_down", "spark", 1.0)], now + timedelta(seconds=100))
    assert told() == [("host_down", "spark")]


def test_two_clocks_at_once_make_one_alert(at_once):
    gate, now = threading.Barrier(2), timezone.now()

    def clock_of_its_own():
        gate.wait(60)
        try:
            alerts.judge([Fact("host_down", "spark", 1.0)], now)
        finally:
            connection.close()

    both = [threading.Thread(target=clock_of_its_own) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert Alert.objects.count() == 1


def test_history_goes_after_a_year(at_once):
    now = timezone.now()
    for name in ("old", "new"):
        alerts.judge([Fact("host_down", name, 1.0)], now)
        alerts.judge([], now)
    Alert.objects.filter(subject="old").update(cleared_at=now - timedelta(days=366))
    clock.prune_notices()
    assert [alert.subject for alert in alerts.history()] == ["new"]


# ---- acknowledging


@pytest.fixture
def alert(at_once):
    alerts.judge([Fact("host_down", "spark", 1.0, "It refused the connection.")], timezone.now())
    return Alert.objects.get()


def test_who_acknowledged_it_when_and_why_is_kept(alert, ada):
    known = alerts.acknowledge(alert.pk, by=ada, note=" The fan is being changed. ")
    assert (known.acknowledged_by, known.note) == (ada, "The fan is being changed.")
    assert known.acknowledged_at
    entry = AuditEntry.objects.get(action="alert.acknowledged")
    assert (entry.actor, entry.subject) == (ada, "host_down spark")


def test_it_stays_acknowledged_while_nothing_changes_and_no_longer(alert, ada):
    alerts.acknowledge(alert.pk, by=ada)
    alerts.judge([Fact("host_down", "spark", 1.0, "It refused the connection.")], timezone.now())
    assert Alert.objects.get().acknowledged_by == ada
    alerts.judge([Fact("host_down", "spark", 1.0, "Its engine died.")], timezone.now())
    assert Alert.objects.get().acknowledged_at is None


def test_a_higher_severity_is_news(alert, ada):
    alerts.acknowledge(alert.pk, by=ada)
    alerts.change_rule("host_down", "", by=ada, severity="critical")
    alerts.judge([Fact("host_down", "spark", 1.0, "It refused the connection.")], timezone.now())
    assert (Alert.objects.get().acknowledged_at, Alert.objects.get().severity) == (None, "critical")


def test_what_is_over_or_not_there_cannot_be_acknowledged(alert, ada):
    alerts.judge([], timezone.now())
    with pytest.raises(errors.Conflict):
        alerts.acknowledge(alert.pk, by=ada)
    with pytest.raises(errors.NotFound):
        alerts.acknowledge(alert.pk + 1, by=ada)


def test_a_long_note_is_refused(alert, ada):
    with pytest.raises(errors.Invalid):
        alerts.acknowledge(alert.pk, by=ada, note="x" * 501)


# ---- rules


def test_an_edited_rule_holds_and_is_logged(db, ada):
    rule = alerts.change_rule("gpu_memory", "calypso", by=ada, threshold=18.0, release=16.0)
    assert rule in alerts.rules_in_force()
    assert rule == replace(next(r for r in alert_rules.SHIPPED if r.kind == "gpu_memory"), threshold=18.0, release=16.0)
    assert AuditEntry.objects.get().subject == "GPU memory used calypso"


def test_a_rule_can_be_added_for_a_host_and_starts_from_the_one_for_all(db, ada):
    builders.make_backend("titan")
    rule = alerts.change_rule("host_down", "titan", by=ada, severity="critical")
    assert (rule.backend, rule.for_seconds) == ("titan", 60)
    assert len(alerts.rules_in_force()) == len(alert_rules.SHIPPED) + 1


@pytest.mark.parametrize("key", [("nothing", ""), ("host_down", "nobody"), ("disk_free", "calypso")])
def test_there_is_no_rule_for_what_there_is_not(at_once, key):
    with pytest.raises(errors.NotFound):
        alerts.change_rule(*key, by=None, threshold=1.0)


def test_a_rule_that_would_flap_is_refused_and_changes_nothing(db):
    with pytest.raises(errors.Invalid) as refused:
        alerts.change_rule("gpu_memory", "calypso", by=None, release=30.0)
    assert list(refused.value.fields) == ["release"]
    assert not AlertRule.objects.exists()
