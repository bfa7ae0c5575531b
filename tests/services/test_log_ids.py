"""Log lines of a page's work: ids to follow it by, nothing of what stands on it."""

from __future__ import annotations

import pytest
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from jobs.models import Attempt
from jobs.services import log_ids, preparing, sending
from tests.two_hosts import TwoHosts

pytestmark = pytest.mark.django_db(transaction=True)

ECHO = "cannot read: Powidltascherl"


@pytest.fixture
def site(db, tmp_path):
    both = TwoHosts(tmp_path)
    yield both
    both.stop()


@pytest.mark.parametrize("fault", ["status", "truncated_json"])
def test_what_a_host_said_is_kept_with_the_attempt_and_stands_in_no_line(site, fault):
    site.calypso.set_fault(fault, times=1, status=500, message=ECHO)
    with capture_logs() as lines:
        site.read(1)
    assert Attempt.objects.exclude(outcome="ok").get().detail
    assert [line for line in lines if line["event"] == "page.not_read"]
    assert "Powidltascherl" not in str(lines) and "choices" not in str(lines)  # the beginning of an answer


def test_a_page_is_read_under_its_ids(site, monkeypatch):
    seen, send = [], sending.send
    monkeypatch.setattr(sending, "send", lambda *a, **k: seen.append(dict(get_contextvars())) or send(*a, **k))
    document = site.read(2)
    leases = dict(Attempt.objects.values_list("page__number", "lease"))
    assert sorted(seen, key=lambda ids: ids["page"]) == [
        {"document": str(document.pk), "page": number, "lease": leases[number], "backend": "calypso"}
        for number in (1, 2)
    ]
    assert get_contextvars() == {}


def test_a_document_is_prepared_and_drawn_under_its_ids(site, monkeypatch):
    seen, boxes = [], preparing._boxes
    monkeypatch.setattr(preparing, "_boxes", lambda document: seen.append(dict(get_contextvars())) or boxes(document))
    monkeypatch.setattr(preparing, "_draw", lambda chunk: seen.append(dict(get_contextvars())))
    document = site.upload(1)
    type(document).objects.update(request_id="seven")
    preparing.prepare(document.pk)
    preparing.draw_next()
    assert seen == [{"document": str(document.pk), "request_id": "seven"}] * 2


def test_an_id_is_taken_only_when_it_is_well_formed():
    assert log_ids.accepted("scan-17") == "scan-17"
    assert log_ids.accepted("scan 17") != "scan 17"
