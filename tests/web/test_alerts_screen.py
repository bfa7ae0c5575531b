"""The screen of alerts: what fires, who knows of it, rules beside their values; and the head of every screen."""

from __future__ import annotations

import pytest
from django.utils import timezone

from jobs.domain.alerts import Fact
from jobs.gateways import disk
from jobs.models import Alert, AlertRule, Backend
from jobs.services import alerts
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def room_on_the_disk(monkeypatch):
    monkeypatch.setattr(disk, "space", lambda folder: disk.Space(50 * 10**12, 100 * 10**12))


@pytest.fixture
def firing(mira):
    """Two critical ones and a warning."""
    alerts.change_rule("host_down", "", by=None, for_seconds=0)
    facts = [Fact("misconfigured", "spark", 1.0, "It serves another model."), Fact("api_key", "calypso", 1.0)]
    alerts.judge([*facts, Fact("host_down", "titan", 1.0, "<b>It</b> fell.")], timezone.now())
    return {alert.kind: alert for alert in Alert.objects.all()}


def edit(**changed):
    sent = {"kind": "gpu_memory", "backend": "calypso", "threshold": "22", "release": "20"}
    return sent | {"for_seconds": "60", "clear_seconds": "120", "severity": "warning", "enabled": "1"} | changed


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["", "live", "rules", "rules/add", "rules/reset", "1/acknowledge"])
def test_it_is_for_administrators(client, path, method):
    assert getattr(client, method)(f"/alerts/{path}").status_code in (403, 405)


def test_a_quiet_site_says_so(admin, mira, outline):
    page = outline(admin.get("/alerts/"))
    assert "Nothing is wrong" in page.words and "No alert is firing." in page.words
    assert "alert-banner" not in page.ids()


def test_what_fires_is_a_sentence_and_its_words_are_escaped(admin, firing, outline):
    response = admin.get("/alerts/")
    page = outline(response)
    assert "3 firing" in page.words
    assert "spark is not set up rightly: It serves another model." in page.words
    assert "<b>It</b>" not in response.content.decode()


def test_acknowledged_ones_are_kept_apart_with_their_note(admin, firing, outline):
    path = f"/alerts/{firing['misconfigured'].pk}/acknowledge"
    page = outline(admin.post(path, {"note": "Ada looks"}, follow=True))
    assert "2 firing, 1 acknowledged" in page.words
    assert "ada knows of it" in page.words and "“Ada looks”" in page.words


def test_a_late_acknowledgement_says_why_not(admin, firing, outline):
    Alert.objects.update(phase="cleared", cleared_at=timezone.now())
    page = outline(admin.post(f"/alerts/{firing['api_key'].pk}/acknowledge", follow=True))
    assert "This alert is over already." in page.words


def test_the_head_of_every_screen_counts_them_and_tells_of_critical_ones(admin, client, firing, outline):
    page = outline(admin.get("/account/"))
    assert "Alerts 3 firing" in page.words
    assert "1 more critical alert." in page.words
    assert "Alerts" not in outline(client.get("/account/")).words
    for alert in firing.values():
        alerts.acknowledge(alert.pk, by=None)
    page = outline(admin.get("/account/"))
    assert "alert-banner" not in page.ids() and "firing" not in page.words


def test_where_pages_wait_the_screens_own_banner_tells_of_it(admin, mira, outline):
    alerts.change_rule("no_host", "", by=None, for_seconds=0)
    alerts.judge([Fact("no_host", "", 1.0, "calypso is down")], timezone.now())
    assert "alert-banner" not in outline(admin.get("/documents/")).ids()
    assert "alert-banner" in outline(admin.get("/account/")).ids()


def test_rules_stand_beside_what_they_compare_now(admin, mira, outline):
    builders.make_backend("spark", state="down", reason="It fell.")
    page = outline(admin.get("/alerts/"))
    assert "at 22 GiB or more for 60 s; ends at 20 GiB after 2 min right now: no exporter configured" in page.words
    Backend.objects.update(gpu_exporter_url="http://127.0.0.1:9400")
    told = outline(admin.get("/alerts/")).words
    assert "ends at 20 GiB after 2 min right now: its GPU exporter tells nothing now" in told
    assert "over 5 pages for 2 min; ends at 2 pages after 60 s right now: 0 pages" in page.words
    assert "when it lasts 60 s; ends after 60 s right now: spark" in page.words
    assert "only shown: it has no threshold" in page.words


def test_a_rule_is_edited_in_its_place(admin, mira, outline):
    page = outline(admin.post("/alerts/rules", edit(threshold="18.5", release="16", severity="critical"), follow=True))
    assert "GPU memory used: the rule was changed." in page.words
    assert "at 18.5 GiB or more" in page.words
    rule = AlertRule.objects.get()
    assert (rule.threshold, rule.release, rule.severity, rule.enabled) == (18.5, 16.0, "critical", True)


def test_a_rule_is_switched_off_and_shown_without_a_threshold(admin, mira):
    sent = edit(threshold="", release="")
    del sent["enabled"]
    admin.post("/alerts/rules", sent)
    rule = AlertRule.objects.get()
    assert (rule.threshold, rule.enabled) == (None, False)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"release": "30"}, "release"),
        ({"threshold": "nan"}, "threshold"),
        ({"for_seconds": ""}, "for_seconds"),
        ({"clear_seconds": "-1"}, "clear_seconds"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(admin, mira, outline, changed, field):
    response = admin.post("/alerts/rules", edit(**changed))
    assert response.status_code == 422
    page = outline(response)
    wrong = page.with_id(f"alert-gpu_memory-calypso-{field}")
    assert (wrong["aria-invalid"], wrong["value"]) == ("true", changed[field])
    assert not AlertRule.objects.exists()


def test_a_host_gets_a_rule_of_its_own_and_loses_it(admin, mira, outline):
    builders.make_backend("titan")
    page = outline(admin.post("/alerts/rules/add", {"kind": "latency_p99", "backend": "titan"}, follow=True))
    assert "titan has a rule of its own now." in page.words
    assert "alert-latency_p99-titan" in page.ids()
    assert AlertRule.objects.get().threshold == 60, "as it shipped for another host"
    page = outline(admin.post("/alerts/rules/reset", {"kind": "latency_p99", "backend": "titan"}, follow=True))
    assert "What was edited is forgotten." in page.words
    assert "alert-latency_p99-titan" not in page.ids()
    page = outline(admin.post("/alerts/rules/add", {"kind": "disk_free", "backend": "titan"}, follow=True))
    assert "There is no such rule." in page.words


def test_an_edited_rule_can_be_as_it_shipped_again(admin, mira, outline):
    assert "As shipped" not in outline(admin.get("/alerts/")).words
    assert "As shipped" in outline(admin.post("/alerts/rules", edit(threshold="21"), follow=True)).words
    page = outline(admin.post("/alerts/rules/reset", {"kind": "gpu_memory", "backend": "calypso"}, follow=True))
    assert "at 22 GiB or more" in page.words
    page = outline(admin.post("/alerts/rules/reset", {"kind": "gpu_memory", "backend": "calypso"}, follow=True))
    assert "as it shipped." in page.words


def test_there_is_no_such_rule(admin, mira, outline):
    page = outline(admin.post("/alerts/rules", edit(backend="nobody"), follow=True))
    assert "There is no such rule." in page.words


def test_a_poll_brings_nothing_while_nothing_changed(admin, mira, outline):
    seen = outline(admin.get("/alerts/")).with_id("alerts-poll")["data-seen"]
    assert admin.get("/alerts/live", {"seen": seen}).status_code == 204
    alerts.judge([Fact("api_key", "calypso", 1.0)], timezone.now())
    page = outline(admin.get("/alerts/live", {"seen": seen}))
    assert "1 firing" in page.words and "main" not in [tag for tag, _ in page.elements]


def test_what_has_ended_is_history(admin, mira, outline):
    alerts.judge([Fact("api_key", "calypso", 1.0)], timezone.now())
    alerts.judge([], timezone.now())
    page = outline(admin.get("/alerts/"))
    assert "No alert is firing." in page.words
    assert "The API key of calypso cannot be read." in page.words
