"""What a rule says goes, and nothing else; what stays is still of use."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from jobs import clock, errors
from jobs.domain.retention import Rule
from jobs.gateways import storage
from jobs.gateways.storage import Volume
from jobs.models import AuditEntry, Document
from jobs.services import documents, exporting, finding, redrawing, rerunning, retention, trash
from tests import builders, exported, files

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira(db: None) -> Any:
    builders.make_policy()
    builders.make_backend("calypso")
    return builders.make_user("mira")


def ended(owner: Any, days: float, **fields: Any) -> Document:
    """A document that ended so long ago, with an original, an image and an export of ten bytes each."""
    document = builders.make_document(owner, **({"pages": 1, "done": 1, "size_bytes": 10} | fields))
    for key in keys(document).values():
        storage.save_bytes(key, b"0123456789")
    Document.objects.filter(pk=document.pk).update(finished_at=timezone.now() - timedelta(days=days))
    document.refresh_from_db()
    return document


def keys(document: Document) -> dict[str, str]:
    return {
        "original": document.original_key,
        "images": f"{document.storage_prefix}/pages/1.jpg",
        "exports": f"{document.storage_prefix}/exports/1/pdf",
    }


def kept(document: Document) -> set[str]:
    return {part for part, key in keys(document).items() if storage.exists(key)}


def on(what: str, age_days: float = 30, status: str = "ended") -> dict[str, Any]:
    return {"what": what, "age_days": age_days, "status": status, "enabled": True}


@pytest.mark.parametrize("what", ["original", "images", "exports"])
def test_a_part_goes_of_old_documents_and_the_rest_stays(mira: Any, what: str) -> None:
    old, new = ended(mira, 31), ended(mira, 29)
    retention.save([on(what)], by=None)
    assert retention.apply() == 1
    assert kept(old) == {"original", "images", "exports"} - {what}
    assert kept(new) == {"original", "images", "exports"}
    assert finding.documents(mira, finding.Filters(words="stands")).count() == 2, "texts stay"
    assert retention.apply() == 0, "what is gone is not looked at again"


def test_a_whole_document_goes_into_the_trash(mira: Any) -> None:
    old = ended(mira, 31)
    retention.save([on("document")], by=None)
    assert retention.apply() == 1
    assert list(trash.contents(mira)) == [old]
    assert kept(old) == {"original", "images", "exports"}
    entry = AuditEntry.objects.get(action="document.trashed")
    assert (entry.actor, entry.detail["rule"]) == (None, "ended for 30 days: the whole document, into the trash")


def test_only_the_state_it_names_is_taken_and_nothing_under_way(mira: Any) -> None:
    failed = ended(mira, 31, done=0, failed=1)
    done = ended(mira, 31)
    under_way = ended(mira, 31, done=0, running=1)
    retention.save([on("original", status="failed")], by=None)
    assert retention.apply() == 1
    assert [bool(kept(d) & {"original"}) for d in (failed, done, under_way)] == [False, True, True]
    retention.save([on("original", age_days=0)], by=None)
    retention.apply()
    assert "original" in kept(under_way)


def test_rules_are_off_as_shipped_and_until_they_are_switched_on(mira: Any) -> None:
    old = ended(mira, 1000)
    assert retention.rules() == []
    retention.save([on("document") | {"enabled": False}], by=None)
    assert not retention.anything_is_on()
    assert retention.apply() == 0
    assert kept(old) == {"original", "images", "exports"}


def test_a_dry_run_says_how_many_and_how_much_and_changes_nothing(mira: Any) -> None:
    old = [ended(mira, 31) for _ in range(2)]
    whole, images = retention.trial([Rule(30, "document"), Rule(30, "images", "failed")])
    assert (whole.documents, whole.volume, whole.at_least) == (2, Volume(6, 60), False)
    assert (images.documents, images.volume) == (0, Volume())
    assert all(kept(document) == {"original", "images", "exports"} for document in old)


def test_it_goes_on_slice_by_slice(mira: Any) -> None:
    for _ in range(3):
        ended(mira, 31)
    retention.save([on("exports"), on("images")], by=None)
    assert [retention.apply(limit=4), retention.apply(limit=4), retention.apply(limit=4)] == [4, 2, 0]


def test_a_wrong_rule_changes_nothing(mira: Any) -> None:
    retention.save([on("images")], by=None)
    with pytest.raises(errors.Invalid):
        retention.save([on("exports"), on("texts")], by=None)
    assert [rule.what for rule in retention.rules()] == ["images"]


def test_each_deletion_and_each_change_stands_in_the_log(mira: Any) -> None:
    old = ended(mira, 31)
    admin = builders.make_user("ada", admin=True)
    retention.save([on("images")], by=admin)
    retention.apply()
    changed, gone = AuditEntry.objects.order_by("id")
    assert (changed.actor, changed.detail) == (admin, {"changes": ["ended for 30 days: the page images"]})
    assert (gone.action, gone.subject, gone.actor) == ("document.images_deleted", str(old.pk), None)
    assert (gone.detail["files"], gone.detail["bytes"]) == (1, 10)


def test_killed_between_files_and_row_the_next_slice_finds_it_again(mira: Any, monkeypatch: Any) -> None:
    old = ended(mira, 31)
    retention.save([on("original")], by=None)
    delete = storage.delete

    class Killed(BaseException):
        pass

    def killed_after(key: str) -> None:
        delete(key)
        raise Killed

    with monkeypatch.context() as during:
        during.setattr(storage, "delete", killed_after)
        with pytest.raises(Killed):
            retention.apply()
    assert retention.apply() == 1
    old.refresh_from_db()
    assert old.original_deleted_at is not None


def test_the_clock_has_it_done(mira: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ended(mira, 31)
    monkeypatch.setattr("jobs.actors.send", lambda actor, *args: actor.fn(*args))
    clock.keep_to_the_rules()
    assert "images" in kept(old)
    retention.save([on("images")], by=None)
    clock.keep_to_the_rules()
    assert "images" not in kept(old)


class TestWhatIsLeft:
    def let_go(self, document: Document, *parts: str) -> Document:
        retention.save([on(part, age_days=0) for part in parts], by=None)
        retention.apply()
        document.refresh_from_db()
        return document

    def test_images_are_drawn_again_when_somebody_looks_and_not_kept(self, mira: Any, tmp_path: Path) -> None:
        document = ended(mira, 1)
        storage.save_path(document.original_key, files.numbered_pdf(tmp_path / "a.pdf", 1))
        self.let_go(document, "images")
        assert redrawing.image(document, document.pages.get()).startswith(b"\xff\xd8")
        assert "images" not in kept(document)

    def test_pages_without_an_image_are_drawn_to_be_read_again(self, mira: Any) -> None:
        document = self.let_go(ended(mira, 1), "images")
        rerunning.rerun(document.pk, rerunning.Wish(), by=mira)
        document.refresh_from_db()
        assert document.pages.get().status == "pending"
        assert document.images_deleted_at is None, "its time begins anew"

    def test_pages_without_an_original_are_read_again_from_their_image(self, mira: Any) -> None:
        document = self.let_go(ended(mira, 1), "original")
        rerunning.rerun(document.pk, rerunning.Wish(dpi=600), by=mira)
        assert document.pages.get().status == "rendered"

    def test_without_both_nothing_can_be_read_again(self, mira: Any) -> None:
        document = self.let_go(ended(mira, 1), "original", "images")
        with pytest.raises(errors.Conflict, match=r"was deleted on .* by the retention rule"):
            rerunning.rerun(document.pk, rerunning.Wish(), by=mira)
        assert document.pages.get().status == "done"

    def test_failed_pages_without_an_original_are_not_sent_in_vain(self, mira: Any) -> None:
        document = self.let_go(ended(mira, 1, pages=2, done=1, failed=1), "original")
        with pytest.raises(errors.Conflict, match="was deleted on"):
            documents.retry(document.pk, by=mira)

    def test_texts_and_word_files_are_still_made(self, mira: Any) -> None:
        document = self.let_go(ended(mira, 1), "original", "images", "exports")
        assert b"page 1" in exported.result(document, "md")
        assert exported.result(document, "docx")
        with pytest.raises(errors.NotFound):
            exporting.export(document, "pdf")
