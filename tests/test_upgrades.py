"""From each state a site's database ever had to the newest: documents, pages and texts are what they were, found by
search, and what waited goes on. Rows are made with the models of that time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from jobs.domain.search_words import indexed
from jobs.models import Attempt, Document, Page, Reading
from jobs.models.documents import new_document_id
from jobs.services import dispatching, finding, trash
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)

EARLIER = sorted(name for app, name in MigrationLoader(None, ignore_no_migrations=True).graph.nodes if app == "jobs")[
    :-1
]
UPLOADED = datetime(2025, 11, 3, 9, 30, 12, 345678, tzinfo=UTC)
TEXT = "# Vertrag\n\nZwischen Quokka GmbH und Söhne: 漢字 “in quotes”."


@pytest.fixture
def newest_afterwards(db: None) -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def models_at(state: str) -> Any:
    """The database as it was then; the models of that time."""
    executor = MigrationExecutor(connection)
    executor.migrate([("jobs", state)])
    return MigrationExecutor(connection).loader.project_state([("jobs", state)]).apps


def make_rows(apps: Any) -> uuid.UUID:
    """A person's document of three pages: one read, one that failed, one drawn that waits for a slot."""
    known = {name: apps.get_model("jobs", name) for name in ("Document", "Page", "Attempt", "Reading")}
    owner = apps.get_model("auth", "User").objects.create(username="mira", is_active=True)
    document = known["Document"].objects.create(
        id=new_document_id(), owner=owner, name="Vertrag Müller.pdf", sha256="ab" * 32, size_bytes=5_000_000_000,
        media_type="application/pdf", status="processing", page_count=3, pages_done=1, pages_failed=1,
        priority="high", priority_rank=0, prepared=True, wanted_backend="calypso", backend="calypso",
        decision=builders.make_decision("calypso"), warnings=["A dynamic form."], started_at=UPLOADED,
    )  # fmt: skip
    known["Document"].objects.filter(pk=document.pk).update(created_at=UPLOADED)
    pages = [
        known["Page"].objects.create(
            document=document, number=number, status=status, width_pt=595.0, height_pt=842.0, image_width_px=1654,
            image_height_px=2339, image_dpi=200, backend="calypso", reason=reason,
        )
        for number, status, reason in ((1, "done", ""), (2, "failed", "Three tries timed out."), (3, "rendered", ""))
    ]  # fmt: skip
    attempt = known["Attempt"].objects.create(page=pages[0], backend="calypso", outcome="ok", started_at=UPLOADED)
    blocks = [{"label": "text", "boxes": [[1, 2, 3, 4]], "body": "Zwischen"}]
    reading = known["Reading"].objects.create(
        page=pages[0], source="recognized", attempt=attempt, raw=TEXT, text=TEXT, blocks=blocks
    )
    known["Page"].objects.filter(pk=pages[0].pk).update(reading=reading)
    if "pagetext" in apps.all_models["jobs"]:
        scope, words = f"owner:{owner.pk}", indexed(TEXT)
        apps.get_model("jobs", "PageText").objects.create(
            page=pages[0], document_id=document.pk, scope=scope, words=words
        )
    return uuid.UUID(str(document.pk))


@pytest.mark.parametrize("state", EARLIER)
def test_an_earlier_database_is_brought_up_to_date_and_goes_on(state: str, newest_afterwards: None) -> None:
    key = make_rows(models_at(state))
    call_command("migrate", verbosity=0)
    document = Document.objects.select_related("owner").get(pk=key)
    is_what_it_was(document)
    goes_on(document)


def is_what_it_was(document: Document) -> None:
    assert (document.name, document.owner.username, document.created_at) == ("Vertrag Müller.pdf", "mira", UPLOADED)
    assert (document.size_bytes, document.status, document.warnings) == (
        5_000_000_000,
        "processing",
        ["A dynamic form."],
    )
    assert (document.page_count, document.pages_done, document.pages_failed) == (3, 1, 1)
    assert document.decision == builders.make_decision("calypso")
    assert list(document.pages.values_list("number", "status", "reason")) == [
        (1, "done", ""),
        (2, "failed", "Three tries timed out."),
        (3, "rendered", ""),
    ]
    reading = Page.objects.select_related("reading").get(document=document, number=1).reading
    assert reading is not None
    assert (reading.text, reading.raw, reading.blocks[0]["boxes"]) == (TEXT, TEXT, [[1, 2, 3, 4]])
    assert (Reading.objects.count(), Attempt.objects.count()) == (1, 1)
    assert list(finding.documents(document.owner, finding.Filters(words="quokka söhne"))) == [document]


def goes_on(document: Document) -> None:
    """Shown, read further, and deleted for good, as what was uploaded today."""
    builders.make_policy()
    builders.make_backend("calypso")
    client = Client()
    client.force_login(document.owner)
    for path in ("", "pages/1/", "pages/3/"):
        assert client.get(f"/documents/{document.pk}/{path}").status_code == 200
    leases: list[int] = []
    dispatching.dispatch(leases.append)
    assert len(leases) == 1, "the page that waited gets its slot"
    trash.put(document.pk, by=document.owner)
    trash.delete_for_good(document.pk, by=document.owner)
    assert trash.finish() == 1
    assert not Page.objects.exists()
