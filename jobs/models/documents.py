"""Document: what was uploaded, and how far it is. Reading is the QuerySet's business, writing the services'."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs import errors
from jobs.domain import statuses
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.models.literals import literals

PRIORITY_RANKS = {"high": 0, "normal": 1, "low": 2}


def new_document_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): the time in its first 48 bits, so that newer ids sort after older ones."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def born_at(document_id: uuid.UUID) -> datetime:
    """When a document's id was made: what its first 48 bits say."""
    return datetime.fromtimestamp((document_id.int >> 80) / 1000, UTC)


def choices(states: type[DocumentStatus] | type[PageStatus]) -> list[tuple[str, str]]:
    return [(state.value, state.value) for state in states]


class DocumentQuerySet(models.QuerySet["Document"]):
    def kept(self) -> DocumentQuerySet:
        """All but what lies in the trash."""
        return self.filter(trashed_at=None)

    def visible_to(self, user: Any) -> DocumentQuerySet:
        """One's own documents; all for administrators; none that lie in the trash."""
        return self._of(user).kept()

    def in_trash_of(self, user: Any) -> DocumentQuerySet:
        """What of one's own may still be restored; of everybody's for administrators."""
        return self._of(user).filter(trashed_at__isnull=False, purging=False)

    def condemned(self) -> DocumentQuerySet:
        """Deleted for good; what is left of them is being removed."""
        return self.filter(trashed_at__isnull=False, purging=True)

    def _of(self, user: Any) -> DocumentQuerySet:
        return self if user.is_superuser else self.filter(owner=user)

    def one_for(self, user: Any, document_id: Any) -> Document:
        """The document, if `user` may see it. Raises errors.NotFound for what is not there and what is not theirs
        alike."""
        try:
            return self.visible_to(user).get(pk=document_id)
        except (Document.DoesNotExist, ValueError, TypeError):
            raise errors.NotFound("There is no such document.") from None

    def open(self) -> DocumentQuerySet:
        """Documents whose pages may be drawn and sent."""
        return self.filter(status__in=literals(statuses.OPEN_DOCUMENTS))

    def unfinished(self) -> DocumentQuerySet:
        return self.filter(status__in=literals(statuses.UNFINISHED_DOCUMENTS))

    def named_like(self, words: str) -> DocumentQuerySet:
        return self.filter(name__icontains=words) if words else self

    def in_work_order(self) -> DocumentQuerySet:
        """Urgent first, then oldest first. Fairness between people is domain.scheduling's."""
        return self.order_by("priority_rank", "created_at", "id")


class Document(models.Model):
    """One upload. `decision` is where its pages go and why (domain.routing.Decision as JSON)."""

    id = models.UUIDField(primary_key=True, default=new_document_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=40)
    status = models.CharField(max_length=12, choices=choices(DocumentStatus), default=DocumentStatus.QUEUED.value)
    page_count = models.PositiveIntegerField()
    # Pages that ended, counted when they settle, so that a list never counts pages.
    pages_done = models.PositiveIntegerField(default=0)
    pages_failed = models.PositiveIntegerField(default=0)
    pages_cancelled = models.PositiveIntegerField(default=0)
    needs_review = models.PositiveIntegerField(default=0)
    priority = models.CharField(max_length=8, choices=[(word, word) for word in PRIORITY_RANKS], default="normal")
    priority_rank = models.PositiveSmallIntegerField(default=1, editable=False)
    purpose = models.CharField(
        max_length=12, choices=[("production", "production"), ("development", "development")], default="production"
    )
    sla = models.BooleanField("under an SLA", default=False)
    mode = models.CharField(
        max_length=8, choices=[(m, m) for m in ("markdown", "text", "figure", "custom")], default="markdown"
    )
    prompt = models.TextField(blank=True, default="")
    dpi = models.PositiveSmallIntegerField(null=True, blank=True, help_text="asked for; empty: each backend's default")
    page_range = models.CharField(max_length=200, blank=True, default="", help_text="such as 1-3,7; empty for all")
    language = models.CharField(max_length=60, blank=True, default="")
    warnings: models.JSONField[Any] = models.JSONField(default=list, blank=True)
    prepared = models.BooleanField(default=False, help_text="its page rows and its decision exist")
    decision: models.JSONField[Any] = models.JSONField(null=True, blank=True)
    wanted_backend = models.CharField(max_length=64, blank=True, default="")
    backend = models.CharField(
        max_length=64, blank=True, default="", help_text="the preferred one; pages may end elsewhere"
    )
    drawing_until = models.DateTimeField(null=True, blank=True, help_text="a worker draws its pages until then")
    duplicate_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    error = models.TextField(blank=True, default="")
    request_id = models.CharField(
        max_length=64, blank=True, default="", help_text="the request that brought it, for log lines"
    )
    # Grows with every change a person may see: a poll compares one number.
    revision = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    rerun_at = models.DateTimeField(null=True, blank=True, help_text="when pages of it were last sent again")
    notified_at = models.DateTimeField(null=True, blank=True, help_text="when its owner was told that it is done")
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="when it was put into the trash")
    original_deleted_at = models.DateTimeField(null=True, blank=True, help_text="by a retention rule")
    images_deleted_at = models.DateTimeField(null=True, blank=True, help_text="by a retention rule")
    # The row outlives its files: until both are gone it is the note of what is still to be removed.
    purging = models.BooleanField(
        default=False, db_default=False, help_text="it is being deleted for good: nothing brings it back"
    )

    objects: ClassVar[Any] = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in DocumentStatus]), name="document_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="document_owner_newest"),
            models.Index(fields=["-created_at", "-id"], name="document_newest"),
            models.Index(fields=["owner", "sha256"], name="document_same_bytes"),
            models.Index(
                fields=["priority_rank", "owner", "created_at", "id"],
                name="document_work_order",
                condition=Q(status__in=["processing", "queued"]),
            ),
            models.Index(
                fields=["owner"], name="document_unfinished", condition=Q(status__in=["paused", "processing", "queued"])
            ),
            models.Index(fields=["trashed_at"], name="document_in_trash", condition=Q(trashed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def storage_prefix(self) -> str:
        return f"documents/{self.id}"

    @property
    def original_key(self) -> str:
        return f"{self.storage_prefix}/original"

    @property
    def inspection_key(self) -> str:
        return f"{self.storage_prefix}/inspection.json"
