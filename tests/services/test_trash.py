"""Deleting on purpose: hidden at once, taken back or gone for good with every file, whoever is killed on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import clock, errors
from jobs.domain.statuses import PageStatus
from jobs.gateways import storage
from jobs.gateways.storage import Volume
from jobs.models import AuditEntry, Document, IdempotencyKey, Page, PageText
from jobs.services import exporting, finding, intake, notices, rerunning, reviewing, searching, trash
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira(db: None) -> Any:
    builders.make_policy()
    builders.make_backend("calypso")
    return builders.make_user("mira")


def with_files(owner: Any, **fields: Any) -> Document:
    """A document of two pages with its original, an image and an export: three files, thirty bytes."""
    document = builders.make_document(owner, pages=2, done=2, **fields)
    for key in (document.original_key, document.pages.first().image_key, f"{document.storage_prefix}/exports/3/pdf"):
        storage.save_bytes(key, b"0123456789")
    return document


def files_of(document: Document) -> Volume:
    return storage.volume(document.storage_prefix)


def test_what_is_deleted_is_hidden_everywhere_and_keeps_its_files(mira: Any) -> None:
    document = with_files(mira, review=1)
    trash.put(document.pk, by=mira)
    admin = builders.make_user("ada", admin=True)
    for person in (mira, admin):
        assert not finding.documents(person, finding.Filters()).exists()
        assert not finding.documents(person, finding.Filters(words="stands")).exists()
        assert reviewing.count(person) == 0
        with pytest.raises(errors.NotFound):
            finding.document(person, document.pk)
        with pytest.raises(errors.NotFound):
            rerunning.rerun(document.pk, rerunning.Wish(), by=person)
    assert not exporting.make(str(document.pk), "docx")
    assert files_of(document) == Volume(3, 30)


def test_work_in_hand_is_cancelled(mira: Any) -> None:
    document = builders.make_document(mira, pages=4, done=1, running=1, rendered=1)
    trash.put(document.pk, by=mira)
    assert sorted(document.pages.values_list("status", flat=True)) == ["cancelled"] * 3 + ["done"]
    document.refresh_from_db()
    assert document.status == "cancelled"


def test_what_is_restored_is_as_it_was(mira: Any) -> None:
    document = with_files(mira)
    trash.put(document.pk, by=mira)
    trash.restore(document.pk, by=mira)
    assert [d.status for d in finding.documents(mira, finding.Filters(words="stands"))] == ["done"]
    assert files_of(document) == Volume(3, 30)
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"document.trashed", "document.restored"}


def test_deleting_for_good_says_how_much_goes_and_leaves_nothing(mira: Any) -> None:
    document = with_files(mira)
    trash.put(document.pk, by=mira)
    assert trash.delete_for_good(document.pk, by=mira) == Volume(3, 30)
    with pytest.raises(errors.NotFound):
        trash.restore(document.pk, by=mira)
    assert not trash.contents(mira).exists()
    assert trash.finish() == 1
    assert files_of(document) == Volume()
    assert not (Document.objects.exists() or Page.objects.exists() or PageText.objects.exists())
    entry = AuditEntry.objects.get(action="document.deleted")
    assert (entry.actor, entry.detail) == (mira, {"name": "report.pdf", "files": 3, "bytes": 30})


@pytest.mark.parametrize("deed", [trash.put, trash.restore, trash.delete_for_good])
def test_nobody_reaches_into_anothers_trash(mira: Any, deed: Any) -> None:
    document = with_files(mira)
    if deed is not trash.put:
        trash.put(document.pk, by=mira)
    with pytest.raises(errors.NotFound):
        deed(document.pk, by=builders.make_user("okafor"))


@pytest.mark.parametrize("deed", [trash.restore, trash.delete_for_good])
def test_only_what_is_in_the_trash_is_restored_or_removed(mira: Any, deed: Any) -> None:
    document = with_files(mira)
    with pytest.raises(errors.NotFound):
        deed(document.pk, by=mira)
    assert files_of(document) == Volume(3, 30)


def test_killed_between_files_and_row_the_clock_finishes(mira: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    document = with_files(mira)
    trash.put(document.pk, by=mira)
    trash.delete_for_good(document.pk, by=mira)

    class Killed(BaseException):
        pass

    delete_tree = storage.delete_tree

    def killed_after_the_files(prefix: str) -> None:
        delete_tree(prefix)
        raise Killed

    with monkeypatch.context() as during:
        during.setattr(storage, "delete_tree", killed_after_the_files)
        with pytest.raises(Killed):
            trash.finish()
    assert Document.objects.filter(pk=document.pk).exists(), "the row says what is still to be removed"
    sent: list[Any] = []
    monkeypatch.setattr("jobs.actors.send", lambda actor, *args: sent.append(actor))
    clock.empty_trash()
    assert [actor.actor_name for actor in sent] == ["clear_trash"]
    sent[0].fn()
    assert not Document.objects.exists()


def test_a_disk_that_refuses_one_document_does_not_keep_the_others(mira: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, free = with_files(mira), with_files(mira)
    for document in (stuck, free):
        trash.put(document.pk, by=mira)
        trash.delete_for_good(document.pk, by=mira)
    delete_tree = storage.delete_tree

    def refuses_one(prefix: str) -> None:
        if prefix == stuck.storage_prefix:
            raise errors.Unavailable("The disk does not answer.")
        delete_tree(prefix)

    with monkeypatch.context() as during:
        during.setattr(storage, "delete_tree", refuses_one)
        assert trash.finish() == 1
    assert list(Document.objects.all()) == [stuck]
    assert trash.finish() == 1
    assert files_of(stuck) == Volume()


def test_the_clock_empties_what_has_lain_long_enough(mira: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRASH_DAYS = 30
    old, new, kept = with_files(mira), with_files(mira), with_files(mira, age_seconds=40 * 86_400)
    for document, days in ((old, 31), (new, 29)):
        trash.put(document.pk, by=mira)
        Document.objects.filter(pk=document.pk).update(trashed_at=timezone.now() - timedelta(days=days))
    monkeypatch.setattr("jobs.actors.send", lambda actor, *args: actor.fn(*args))
    clock.empty_trash()
    assert set(Document.objects.all()) == {new, kept}
    assert files_of(old) == Volume()
    assert AuditEntry.objects.get(action="document.deleted").actor is None


def test_a_document_that_was_restored_meanwhile_stays(mira: Any) -> None:
    document = with_files(mira)
    put = trash.put(document.pk, by=mira)
    trash.restore(document.pk, by=mira)
    with pytest.raises(errors.NotFound):
        trash._condemn(put, by=None)
    assert files_of(document) == Volume(3, 30)


def test_the_same_request_makes_it_anew(mira: Any) -> None:
    document = with_files(mira)
    IdempotencyKey.objects.create(user=mira, key="k", document=document)
    trash.put(document.pk, by=mira)
    assert not IdempotencyKey.objects.exists()
    assert intake.duplicate(mira, document.sha256, intake.Options()) is None


def test_its_owner_gets_no_mail_about_it(mira: Any, settings: Any) -> None:
    settings.EMAIL_ENABLED = True
    document = builders.make_document(mira, pages=60, done=60)
    assert notices.due() == [document.pk]
    trash.put(document.pk, by=mira)
    assert notices.due() == []


def test_a_late_worker_brings_nothing_back(mira: Any) -> None:
    document = builders.make_document(mira, pages=2, running=1)
    page = document.pages.get(status=PageStatus.RUNNING)
    trash.put(document.pk, by=mira)
    trash.delete_for_good(document.pk, by=mira)
    trash.finish()
    searching.index_text(page.pk, "late words")
    assert not PageText.objects.exists()
