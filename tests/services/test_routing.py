"""The policy in force, its versions, and decisions with the facts as they are now."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from jobs import errors
from jobs.domain import presets
from jobs.models import AuditEntry, Backend, BackendHealth, PolicyVersion
from jobs.services import backends, preparing, routing
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def first_start() -> None:
    backends.ensure_defaults()


@pytest.fixture
def both_up(first_start: None) -> None:
    Backend.objects.update(lifecycle="active")
    for backend in Backend.objects.all():
        BackendHealth.objects.create(backend=backend, state="up")


def hybrid(**rule: Any) -> dict[str, Any]:
    """The preset with its first rule changed."""
    policy = copy.deepcopy(presets.POLICIES["hybrid"])
    policy["rules"][0] |= rule
    return policy


def upload(pages: int = 25, **fields: Any) -> Any:
    owner = fields.pop("owner", None) or builders.make_user(f"owner{Backend.objects.count()}{pages}")
    return builders.make_document(owner, pages=pages, prepared=False, **fields)


def test_a_change_is_a_version_with_who_when_and_what_differs(first_start: None, ada: Any) -> None:
    routing.save(hybrid(threshold=14), by=ada)
    newest, first = routing.versions()
    assert (newest["number"], newest["author"]) == (2, "ada")
    assert newest["changes"] == ["Rule “Large document”: threshold 20 → 14."]
    assert newest["created_at"] >= first["created_at"]
    entry = AuditEntry.objects.get(action="routing.changed", actor=ada)
    assert (entry.subject, entry.detail) == ("version 2", {"changes": newest["changes"]})


def test_restoring_is_a_new_version_and_the_old_ones_stay(first_start: None, ada: Any) -> None:
    before = routing.current()
    routing.save(hybrid(threshold=14), by=ada)
    routing.restore(1, by=ada)
    assert routing.current() == before
    assert [version["number"] for version in routing.versions()] == [3, 2, 1]


def test_saving_what_is_in_force_makes_no_version(first_start: None, ada: Any) -> None:
    routing.save(routing.current(), by=ada)
    assert PolicyVersion.objects.count() == 1


def test_a_bad_policy_changes_nothing(first_start: None, ada: Any) -> None:
    before = routing.current()
    with pytest.raises(errors.Invalid) as caught:
        routing.save(hybrid(threshold=14) | {"fallback_order": ["calypso", "nowhere"]}, by=ada)
    assert list(caught.value.fields) == ["fallback_order[1]"]
    assert routing.current() == before
    assert (PolicyVersion.objects.count(), AuditEntry.objects.filter(actor=ada).count()) == (1, 0)


def test_a_preset_that_names_a_missing_backend_is_refused(ada: Any) -> None:
    builders.make_backend("calypso")
    with pytest.raises(errors.Invalid) as caught:
        routing.load_preset("hybrid", by=ada)
    assert "rules[0].backend" in caught.value.fields
    assert not PolicyVersion.objects.exists()


def test_a_decision_keeps_its_facts_every_verdict_and_the_resolution(both_up: None) -> None:
    document = upload(25, dpi=300)
    stored = routing.as_stored(document, routing.decide(document, routing.in_force()))
    assert (stored["backend"], stored["words"]) == ("spark", "25 pages, over 20 → spark")
    assert (stored["facts"]["page_count"], stored["facts"]["dpi"], stored["facts"]["documents_per_day"]) == (25, 300, 1)
    assert [verdict["rule"] for verdict in stored["verdicts"]] == [
        r["name"] for r in presets.POLICIES["hybrid"]["rules"]
    ]
    assert {one["backend"] for one in stored["considered"]} == {"calypso", "spark"}
    assert stored["resolution"] == {"dpi": 200, "words": "300 dpi asked for; DeepSeek-OCR gains nothing beyond 200"}


def test_the_backends_own_limit_is_named_where_it_is_the_smaller(both_up: None) -> None:
    document = upload(5, dpi=300)
    stored = routing.as_stored(document, routing.decide(document, routing.in_force()))
    assert stored["resolution"] == {"dpi": 200, "words": "300 dpi asked for; calypso takes 200"}


def test_others_ahead_are_told_in_words(both_up: None) -> None:
    builders.make_document(builders.make_user("mira"), pages=9, done=2, age_seconds=300)
    document = upload(3)
    decision = routing.decide(document, routing.in_force())
    assert decision.words == "7 pages of others ahead at calypso, over 5 → spark"


def test_a_planned_backend_falls_through_and_says_so(both_up: None) -> None:
    Backend.objects.filter(name="spark").update(lifecycle="planned")
    decision = routing.decide(upload(25), routing.in_force())
    assert (decision.wanted, decision.backend) == ("spark", "calypso")
    assert decision.words == "25 pages, over 20; spark is planned → calypso"


def test_a_decision_is_one_line_of_the_log_with_what_was_compared(both_up: None) -> None:
    document = upload(25)
    decision = routing.decide(document, routing.in_force())
    with structlog.testing.capture_logs() as lines:
        routing.log_decided(document, decision)
    (line,) = lines
    assert (line["event"], line["rule"], line["backend"]) == ("document.decided", "Large document", "spark")
    assert line["values"]["page_count"] == 25
    assert line["considered"]["calypso"] == "not needed: rule “Large document” matched"


def test_a_prepared_document_keeps_its_decision_and_logs_it_once(both_up: None) -> None:
    document = upload(2, dpi=300)
    inspected = json.dumps({"pages": [[595, 842], [595, 842]]}).encode()
    storages["documents"].save(document.inspection_key, ContentFile(inspected))
    with structlog.testing.capture_logs() as lines:
        assert preparing.prepare(document.pk)
        assert not preparing.prepare(document.pk)
    document.refresh_from_db()
    assert (document.backend, document.decision["facts"]["page_count"]) == ("calypso", 2)
    assert document.decision["resolution"]["words"] == "300 dpi asked for; calypso takes 200"
    assert [line["event"] for line in lines] == ["document.decided"]


def test_what_is_not_given_is_taken_from_now(both_up: None) -> None:
    builders.make_document(builders.make_user("mira"), pages=9, age_seconds=300)
    facts = routing.explain({"page_count": 3})["facts"]
    assert (facts["documents_per_day"], facts["documents_in_progress"], facts["queue_depth"]) == (2, 2, 9)
    tried = routing.explain({"page_count": 3, "queue_depth": 4, "documents_per_day": 2000, "was_overloaded": True})
    assert tried["facts"]["documents_per_day"] == 2000
    assert tried["words"] == "4 pages of others ahead at calypso, still over 2 → spark"


def test_hosts_are_supposed_to_be_otherwise(both_up: None) -> None:
    def goes(**supposed: Any) -> str:
        return str(routing.explain({"page_count": 3, "backends": supposed})["words"])

    assert goes() == "default, nothing ahead → calypso"
    assert goes(calypso={"state": "down"}) == "default, nothing ahead; calypso is down → spark"
    assert (
        goes(calypso={"lifecycle": "draining", "state": None}) == "default, nothing ahead; calypso is draining → spark"
    )
    assert goes(calypso={"state": "down"}, spark={"lifecycle": "planned"}).endswith("it waits")


def test_each_rule_says_what_it_compares_now(both_up: None) -> None:
    builders.make_document(builders.make_user("mira"), pages=9, age_seconds=300)
    rules = {row["name"]: row for row in routing.rules_now()}
    assert list(rules) == [rule["name"] for rule in presets.POLICIES["hybrid"]["rules"]]
    assert rules["Default overloaded"] == {
        "name": "Default overloaded",
        "when": "queue_depth_over",
        "threshold": 5.0,
        "value": "",
        "backend": "spark",
        "enabled": True,
        "now": "9 pages of others ahead at calypso",
        "matches_now": True,
    }
    assert (rules["High volume"]["now"], rules["High volume"]["matches_now"]) == ("2 documents in 24 hours", False)
    assert rules["Large document"]["matches_now"] is None
    assert rules["High priority"]["now"] == "depends on the document"
