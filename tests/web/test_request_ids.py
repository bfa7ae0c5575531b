"""Every request has an id: its own or a new one, answered back, in its log lines, kept with what it brings."""

from __future__ import annotations

import re

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import get_contextvars

from jobs.models import Document
from jobs.services import documents, log_ids
from jobs.views.request_ids import RequestIds
from tests import builders, files

pytestmark = pytest.mark.django_db


def test_a_well_formed_id_is_taken_and_answered_back(client):
    answer = client.get("/documents/", headers={"X-Request-ID": "proxy-7.a_B"})
    assert answer["X-Request-ID"] == "proxy-7.a_B"


@pytest.mark.parametrize("sent", ["", "a b", "ä", "-a", "x" * 65, "a\x1b[31m", "<b>", 'a"b'])
def test_another_gets_a_new_one_each_time(client, sent):
    first, second = (client.get("/documents/", headers={"X-Request-ID": sent})["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("path", ["/healthz", "/documents/", "/nowhere", "/api/v1/nowhere", "/metrics"])
def test_refusals_and_redirects_have_one_too(path):
    from django.test import Client

    assert Client().get(path, headers={"X-Request-ID": "seven"})["X-Request-ID"] == "seven"


def test_lines_of_a_request_carry_its_ids_and_later_ones_do_not():
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        middleware.process_view(request, view, (), {"document_id": "0199", "number": 3, "other": 1})
        seen.append(dict(get_contextvars()))
        return HttpResponse()

    middleware, request = RequestIds(view), HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "seven"
    middleware(request)
    assert seen == [{"request_id": "seven", "document": "0199", "page": 3}]
    assert get_contextvars() == {}


def test_a_request_that_breaks_leaves_nothing_behind():
    def view(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        RequestIds(view)(HttpRequest())
    assert get_contextvars() == {}


def test_a_document_keeps_the_id_of_the_request_that_brought_it(client, mira, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.actors.send", lambda *_: True)
    with files.numbered_pdf(tmp_path / "report.pdf", 1).open("rb") as file:
        client.post("/upload", {"file": file}, headers={"X-Request-ID": "seven"})
    document = Document.objects.get()
    assert document.request_id == "seven"
    with log_ids.of_document(document, lease=5):
        assert get_contextvars() == {"document": str(document.pk), "request_id": "seven", "lease": 5}
    with structlog.contextvars.bound_contextvars(request_id="eight"):
        again = documents.run_again(document.pk, by=mira)
    assert again.request_id == "eight"


def test_what_no_request_brought_has_none(mira):
    document = builders.make_document(mira)
    with log_ids.of_page(document.pages.get(number=2)):
        assert get_contextvars() == {"document": str(document.pk), "page": 2}
