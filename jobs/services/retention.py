"""What a rule says goes, goes: a bounded slice at a time, noted in the audit log. Nothing that is under way is touched.

Files go first, then the row says so: who is killed in between leaves a document that the next slice finds again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from jobs import errors
from jobs.domain import retention
from jobs.domain.retention import Rule
from jobs.gateways import storage
from jobs.gateways.storage import Volume
from jobs.models import Document, RetentionRule
from jobs.services import access, trash

log = structlog.get_logger(__name__)
SLICE = 50  # documents at once: the clock comes again
MEASURED = 1000  # documents whose files a dry run counts


@dataclass(frozen=True)
class Trial:
    """What a rule would take now. `volume` is that of the first MEASURED documents."""

    rule: Rule
    documents: int
    volume: Volume

    @property
    def at_least(self) -> bool:
        return self.documents > MEASURED


def rules() -> list[Rule]:
    return [_rule(row) for row in RetentionRule.objects.all()]


def _rule(row: RetentionRule) -> Rule:
    return Rule(row.age_days, row.what, row.status, row.enabled)


def save(told: Sequence[Any], *, by: Any) -> list[Rule]:
    """Put these rules in the place of those there were. Raises errors.Invalid; then nothing changes."""
    new = retention.checked(told)
    with transaction.atomic():
        RetentionRule.objects.all().delete()
        RetentionRule.objects.bulk_create(
            [RetentionRule(age_days=r.age_days, status=r.status, what=r.what, enabled=r.enabled) for r in new]
        )
        said = [rule.words + ("" if rule.enabled else " (off)") for rule in new]
        access.audit("retention.changed", by=by, subject="retention rules", detail={"changes": said})
    return new


def trial(some: Iterable[Rule]) -> list[Trial]:
    """What each of these rules would take now, whether it is on or off. Changes nothing."""
    return [_tried(rule) for rule in some]


def _tried(rule: Rule) -> Trial:
    found = due(rule)
    volume = Volume()
    for document in found[:MEASURED]:
        volume += _volume(document, rule.what)
    return Trial(rule, found.count(), volume)


def due(rule: Rule) -> QuerySet[Document]:
    """The documents that a rule would take now, those that ended first in front."""
    before = timezone.now() - timedelta(days=rule.age_days)
    found: QuerySet[Document] = Document.objects.kept().filter(status__in=rule.states, finished_at__lt=before)
    if rule.what in MARKS:
        found = found.filter(**{MARKS[rule.what]: None})
    return found.order_by("finished_at", "id")


# Where the row says that a part is gone. Exports are made again at any time: nobody notes that they went.
MARKS = {"original": "original_deleted_at", "images": "images_deleted_at"}


def apply(limit: int = SLICE) -> int:
    """Do what the rules that are on say, for at most `limit` documents; returns for how many."""
    left = limit
    for rule in rules():
        if rule.enabled and left > 0:
            left -= _apply(rule, left)
    return limit - left


def anything_is_on() -> bool:
    return RetentionRule.objects.filter(enabled=True).exists()


def _apply(rule: Rule, limit: int) -> int:
    done = 0
    for document in _with_something_to_take(rule, limit):
        try:
            _take(document, rule)
            done += 1
        except (errors.NotFound, errors.Unavailable) as error:  # deleted meanwhile, or the disk refuses
            log.warning("retention.not_applied", document=str(document.pk), rule=rule.words, reason=error.message)
    return done


def _with_something_to_take(rule: Rule, limit: int) -> list[Document]:
    if rule.what != "exports":
        return list(due(rule)[:limit])
    found: list[Document] = []
    for document in due(rule).iterator(chunk_size=500):
        if storage.folders(f"{document.storage_prefix}/exports"):
            found.append(document)
        if len(found) >= limit:
            break
    return found


def _take(document: Document, rule: Rule) -> None:
    volume = _volume(document, rule.what)
    detail = {"name": document.name, "rule": rule.words, "files": volume.files, "bytes": volume.size_bytes}
    if rule.what == "document":
        trash.put_by_rule(document, detail=detail)
        return
    for key in _places(document, rule.what):
        storage.delete_tree(key) if rule.what != "original" else storage.delete(key)
    if rule.what in MARKS:
        marked = {MARKS[rule.what]: timezone.now(), "revision": F("revision") + 1}
        Document.objects.filter(pk=document.pk).update(**marked)
        access.audit(f"document.{rule.what}_deleted", by=None, subject=str(document.pk), detail=detail)


def _places(document: Document, what: str) -> list[str]:
    prefix = document.storage_prefix
    return {
        "document": [prefix],
        "original": [document.original_key],
        "images": [f"{prefix}/pages"],
        "exports": [f"{prefix}/exports"],
    }[what]


def _volume(document: Document, what: str) -> Volume:
    if what == "original":
        return Volume(1, document.size_bytes) if storage.exists(document.original_key) else Volume()
    found = Volume()
    for key in _places(document, what):
        found += storage.volume(key)
    return found
