"""The rules below the hosts: edited as a draft, tried, replayed, applied, restored; the log."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from jobs.models import AuditEntry, PolicyVersion, RoutingPolicy, RoutingRule
from jobs.services import replaying, routing
from tests import builders

pytestmark = pytest.mark.django_db
EDIT = "/backends/rules"


@pytest.fixture
def spark(mira):
    """calypso exists already; the policy's rules name both."""
    return builders.make_backend("spark", slots=16)


class Fields(dict):
    """What the form of the rules would send, field by field; those of one name are lists."""

    def __init__(self, html: str) -> None:
        super().__init__()
        form = html[html.index('id="routing-form"') :]
        form = form[: form.index("</form>")]
        for tag in re.findall(r"<input[^>]*>", form):
            kind, name = _attribute(tag, "type"), _attribute(tag, "name")
            if kind in ("checkbox", "radio") and " checked" not in tag:
                continue
            self.setdefault(name, []).append(_attribute(tag, "value"))
        for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form):
            chosen = re.findall(r'<option value="([^"]*)" selected>', options)
            if chosen:
                self[name] = chosen


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""


@pytest.fixture
def board(admin, spark):
    """The form as it stands; `press` sends it with changes and a button, and gives what the screen shows then."""

    def press(do: str, **changes):
        fields = Fields(admin.get("/backends/").content.decode()) | {"do": do}
        fields |= {name.replace("__", "-"): value for name, value in changes.items()}
        return admin.post(EDIT, {k: v for k, v in fields.items() if v is not None}, follow=True)

    return press


def names():
    return list(RoutingRule.objects.values_list("name", flat=True))


@pytest.mark.parametrize("path", ["/backends/rules/live", "/backends/versions", "/backends/log"])
def test_staff_may_not_look(client, path):
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", [EDIT, "/backends/versions/1/restore"])
def test_staff_may_not_change_anything(client, path):
    assert client.post(path, {"do": "add"}).status_code == 403
    assert PolicyVersion.objects.count() == 0


def test_sending_the_form_as_it_stands_makes_no_draft(board, outline):
    page = board("keep")
    assert "not in force yet" not in outline(page).words


def test_an_edit_is_a_draft_and_not_in_force(board, outline):
    words = outline(board("keep", rule0__threshold="30")).words
    assert "Draft : 1 change, not in force yet." in words
    assert "Rule “Large document”: threshold 20 → 30." in words
    assert RoutingRule.objects.get(name="Large document").threshold == 20


def test_applying_puts_the_draft_in_force_as_a_version(board, outline, admin):
    board("keep", rule0__threshold="30")
    words = outline(board("apply")).words
    assert "The new rules are in force." in words
    assert "not in force yet" not in words
    assert RoutingRule.objects.get(name="Large document").threshold == 30
    assert PolicyVersion.objects.get().author.username == "ada"


def test_discarding_goes_back_to_what_is_in_force(board, outline):
    board("keep", rule0__threshold="30")
    page = board("discard")
    assert "not in force yet" not in outline(page).words
    assert outline(page).with_id("rule0-threshold")["value"] == "20"


def test_a_draft_belongs_to_the_person_who_makes_it(board, outline, client):
    board("keep", rule0__threshold="30")
    from django.test import Client

    other = Client()
    other.force_login(builders.make_user("bo", admin=True))
    assert "not in force yet" not in outline(other.get("/backends/")).words


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_in_force(board, outline):
    page = board("apply", rule0__threshold="many")
    field = outline(page).with_id("rule0-threshold")
    assert field["aria-invalid"] == "true"
    assert field["value"] == "many"
    assert "Use a number from 0" in outline(page).words
    assert "1 thing to put right first" in outline(page).words
    assert RoutingRule.objects.get(name="Large document").threshold == 20


def test_what_is_wrong_where_it_is_folded_away_unfolds(board, outline):
    page = board("keep", rule1__name=" ")
    assert "open" in outline(page).with_id("rule1-more")
    assert "open" not in outline(page).with_id("rule0-more")
    assert "Give the rule a name" in outline(page).words


def test_rules_move_up_and_down_by_buttons(board):
    board("down-0")
    board("apply")
    assert names()[:2] == ["High priority", "Large document"]
    board("up-5")
    board("apply")
    assert names()[4] == "Under an SLA"


def test_a_moved_rule_keeps_the_focus(admin, spark):
    fields = Fields(admin.get("/backends/").content.decode()) | {"do": "up-2"}
    html = admin.post(EDIT, fields, headers={"HX-Request": "true"}).content.decode()
    assert re.search(r'value="up-1" aria-label="Move “Default overloaded” up" autofocus', html)


def test_a_rule_is_switched_off_removed_and_added(board):
    board("keep", **{"rule1__enabled": None})
    board("remove-0")
    board("add")
    board("apply")
    assert names() == ["High priority", *names()[1:-1], "New rule"]
    assert not RoutingRule.objects.get(name="High priority").enabled
    assert not RoutingRule.objects.get(name="New rule").enabled


def test_another_kind_of_rule_asks_for_another_field(board, outline):
    page = board("keep", rule0__when="purpose_is")
    assert outline(page).with_id("rule0-value")
    assert "rule0-threshold" not in outline(page).ids()
    board("apply")
    assert RoutingRule.objects.get(name="Large document").value == "production"


def test_only_the_rule_on_pages_ahead_has_a_level_to_let_go_at(board, outline):
    page = board("keep")
    assert [i for i in range(6) if f"rule{i}-release" in outline(page).ids()] == [2]
    board("apply", rule2__release="1", rule2__hold_seconds="60")
    rule = RoutingRule.objects.get(name="Default overloaded")
    assert (rule.release, rule.hold_seconds) == (1, 60)


def test_default_fallback_spread_cpu_and_caps_are_edited_with_the_rules(board):
    board("fallback-down-0", default_backend="spark", spread="free", cpu="never", failover__oom_dpi="120")
    board("apply")
    policy = routing.in_force()
    assert (policy.default_backend, policy.fallback_order) == ("spark", ("spark", "calypso"))
    assert (policy.spread, policy.cpu, policy.failover.oom_dpi) == ("free", "never", 120)


def test_a_host_leaves_the_fallback_order_and_comes_back(board):
    board("fallback-remove-0")
    board("apply")
    assert routing.in_force().fallback_order == ("spark",)
    board("fallback-add", **{"fallback__new": "calypso"})
    board("apply")
    assert routing.in_force().fallback_order == ("spark", "calypso")


def test_a_preset_is_loaded_into_the_draft_and_warns_of_rules_that_never_match(board, outline):
    words = outline(board("preset-decision_tree")).words
    assert "Rule “Low volume” added." in words
    assert "“Low volume” comes first" in words
    assert "Low volume" not in names()
    board("apply")
    assert "Low volume" in names()


@pytest.mark.parametrize(
    "deed", ["up-99", "remove-99", "down-x", "preset-none", "fallback-up-9", "nonsense", "replay-5"]
)
def test_a_button_that_makes_no_sense_changes_nothing(board, outline, deed):
    assert "not in force yet" not in outline(board(deed)).words


def test_a_change_of_somebody_else_meanwhile_is_not_overwritten(board, admin, outline):
    PolicyVersion.objects.create(number=1, policy=routing.current())
    board("keep", rule0__threshold="30")
    fields = Fields(admin.get("/backends/").content.decode())
    routing.load_preset("decision_tree", by=None)
    words = outline(admin.post(EDIT, fields | {"do": "apply"}, follow=True)).words
    assert "Somebody changed the rules meanwhile" in words
    assert names()[0] == "Development or testing"
    assert RoutingPolicy.objects.get().version == 2
    board("apply")  # having looked at it again
    assert names()[0] == "Large document"


def test_a_script_gets_the_rules_and_the_versions_alone(admin, spark):
    fields = Fields(admin.get("/backends/").content.decode()) | {"do": "apply", "rule0-threshold": "30"}
    html = admin.post(EDIT, fields, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert 'id="routing"' in html and 'hx-swap-oob="true"' in html
    assert "The new rules are in force." in html


def test_each_rule_says_what_it_compares_now(admin, spark, outline, monkeypatch):
    told = [{"now": f"{n} now", "matches_now": True} for n in range(6)]
    monkeypatch.setattr(routing, "rules_now", lambda policy: told)
    page = admin.get("/backends/")
    assert "0 now, holds" in outline(page).words
    assert "3 now, would hold" in outline(page).words
    seen = re.search(r'id="rules-poll".*data-seen="(\w+)"', page.content.decode())[1]
    assert admin.get("/backends/rules/live", {"seen": seen}).status_code == 204
    told[0] = {"now": "12 documents", "matches_now": False}
    assert b"12 documents" in admin.get("/backends/rules/live", {"seen": seen}).content


def test_trying_a_document_tells_where_it_would_go_and_what_each_rule_says(admin, spark, outline):
    words = outline(admin.get("/backends/", {"page_count": "25", "priority": "normal"})).words
    assert "It goes to spark" in words
    assert "25 pages, over 20: decides" in words
    assert "High volume" in words and "(switched off)" in words


def test_what_is_left_out_of_a_try_is_as_in_the_empty_form(admin, spark):
    html = admin.get("/backends/", {"page_count": "25"}).content.decode()
    assert '<option value="normal" selected>' in html


def test_trying_goes_by_the_draft_while_there_is_one(admin, board, outline):
    board("keep", default_backend="spark")
    words = outline(admin.get("/backends/", {"page_count": "5"})).words
    assert "the draft above, which is not in force yet" in words
    assert "It goes to spark" in words
    board("discard")
    words = outline(admin.get("/backends/", {"page_count": "5"})).words
    assert "by the rules in force" in words
    assert "It goes to calypso" in words


def test_trying_supposes_what_is_not_so(admin, spark, outline):
    asked = {"page_count": "25", "backend": "spark", "state": "down"}
    words = outline(admin.get("/backends/", asked)).words
    assert "It goes to calypso" in words
    assert "spark is down → calypso" in words


def test_trying_without_pages_says_what_is_missing(admin, spark, outline):
    words = outline(admin.get("/backends/", {"page_count": ""})).words
    assert "Say how many pages the document has." in words
    assert "Use a whole number" in outline(admin.get("/backends/", {"page_count": "0"})).words


REPLAYED = {
    "hours": 24, "since": "2026-01-01T00:00:00Z", "documents": 40, "pages": 900,
    "moved": {"documents": 3, "pages": 66},
    "moves": [{"from": "calypso", "to": "spark", "documents": 3, "pages": 66}],
    "finish": {"before": {"seconds": 240, "backends": {"calypso": 240, "spark": 60}},
               "after": {"seconds": 120, "backends": {"spark": 120}}},
    "warnings": ["Two documents were left out."], "estimated_from": "17 pages of calypso",
}  # fmt: skip


def test_a_replay_tells_what_would_have_moved_and_how_long_all_would_take(board, mira, outline, monkeypatch):
    document = builders.make_document(mira, name="Lease.pdf")
    item = {"document": str(document.pk), "name": "Lease.pdf", "pages": 22, "from": "calypso", "to": "spark"}
    items = [item | {"rule_before": None, "rule_after": "Large document"}]
    asked = []
    monkeypatch.setattr(
        replaying, "replay", lambda policy, *, hours: asked.append((policy, hours)) or REPLAYED | {"items": items}
    )
    words = outline(board("replay-24", rule0__threshold="10")).words
    [(policy, hours)] = asked
    assert hours == 24 and policy["rules"][0]["threshold"] == 10
    assert "3 documents with 66 pages would have moved." in words
    assert "calypso → spark 3 documents, 66 pages" in words
    assert "everything 4 min 2 min" in words
    assert "calypso 4 min –" in words
    assert "Lease.pdf 22 calypso by default spark Large document" in words
    assert "Two documents were left out." in words
    assert RoutingRule.objects.get(name="Large document").threshold == 20


def test_an_earlier_version_is_restored_with_one_click(admin, spark, outline):
    routing.load_preset("decision_tree", by=None)
    routing.load_preset("hybrid", by=None)
    assert 'action="/backends/versions/1/restore"' in admin.get("/backends/").content.decode()
    page = admin.post(reverse("restore-version", args=[1]), follow=True)
    assert "Version 1 is in force again." in outline(page).words
    assert names()[0] == "Development or testing"
    assert "3 by ada" in outline(admin.get("/backends/versions")).words


def test_a_version_that_does_not_exist_is_refused_in_words(admin, spark, outline):
    page = admin.post(reverse("restore-version", args=[77]), follow=True)
    assert "There is no version 77" in outline(page).words


def test_the_log_says_who_did_what_newest_first(admin, spark, outline, board):
    board("apply", rule0__threshold="30")
    AuditEntry.objects.create(action="backend.checked", subject="spark", detail={"passed": False, "forced": True})
    words = outline(admin.get("/backends/log")).words
    assert "ada changed the rules: version 2" in words or "ada changed the rules: version 1" in words
    assert "Rule “Large document”: threshold 20 → 30." in words
    assert words.index("tested the host spark") < words.index("changed the rules")
    assert "It failed, and was overruled." in words


def test_the_log_goes_on_where_a_page_ends(admin, outline):
    for n in range(60):
        AuditEntry.objects.create(action="backend.drained", subject=f"host{n}", detail={})
    first = admin.get("/backends/log").content.decode()
    assert "host59" in first and "host9<" not in first
    older = re.search(r"\?before=(\d+)", first)[1]
    second = outline(admin.get("/backends/log", {"before": older})).words
    assert "host9 done" in second and "host10 done" not in second
    assert admin.get("/backends/log", {"before": "nonsense"}).status_code == 200
