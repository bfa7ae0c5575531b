"""`manage.py prune`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from jobs.gateways import storage
from jobs.models import Document
from jobs.services import retention, trash
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(db: None) -> Document:
    document = builders.make_document(builders.make_user(), pages=1, done=1)
    storage.save_bytes(f"{document.storage_prefix}/pages/1.jpg", b"x" * 1_500_000)
    Document.objects.filter(pk=document.pk).update(finished_at=timezone.now() - timedelta(days=100))
    return document


def test_a_dry_run_only_says(old: Document, capsys: Any) -> None:
    call_command("prune", "--dry-run")
    assert capsys.readouterr().out == "No rule is on.\n"
    retention.save([{"age_days": 90, "what": "images", "enabled": True}], by=None)
    call_command("prune", "--dry-run")
    assert capsys.readouterr().out == "ended for 90 days: the page images: 1 documents, 1 files, 1.5 MB\n"
    assert storage.volume(old.storage_prefix).files == 1


def test_it_does_all_that_is_due(old: Document, capsys: Any, settings: Any) -> None:
    settings.TRASH_DAYS = 0
    retention.save([{"age_days": 90, "what": "images", "enabled": True}], by=None)
    gone = builders.make_document(old.owner, pages=1, done=1)
    trash.put(gone.pk, by=old.owner)
    call_command("prune")
    assert capsys.readouterr().out.splitlines() == [
        "Documents that the rules took something of: 1",
        "Documents deleted for good: 1",
        "Files without a document: 0",
    ]
    assert list(Document.objects.all()) == [old]
    assert storage.volume(old.storage_prefix).files == 0
