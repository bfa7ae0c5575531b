"""Page, Attempt, Reading: what became of each page of a document.

Reading is the QuerySet's business, writing the services'. A page's text is never overwritten: every outcome,
rerun and edit is a Reading, and the page points to the one in force.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.domain import statuses
from jobs.domain.statuses import PageStatus
from jobs.models.documents import Document, choices
from jobs.models.literals import Literal


class PageQuerySet(models.QuerySet["Page"]):
    def waiting_to_be_drawn(self) -> PageQuerySet:
        return self.filter(status=Literal(PageStatus.PENDING))

    def waiting_for_a_slot(self) -> PageQuerySet:
        return self.filter(status=Literal(PageStatus.RENDERED))

    def ended(self) -> PageQuerySet:
        return self.filter(status__in=sorted(statuses.ENDED_PAGES))

    def unended(self) -> PageQuerySet:
        return self.filter(status__in=sorted(statuses.OPEN_PAGES))

    def failed(self) -> PageQuerySet:
        return self.filter(status__in=sorted(statuses.FAILED_PAGES))

    def visible_to(self, user: Any) -> PageQuerySet:
        """Pages of one's own documents; all for administrators; none of what lies in the trash."""
        kept = self.filter(document__trashed_at=None)
        return kept if user.is_superuser else kept.filter(document__owner=user)

    def to_review(self) -> PageQuerySet:
        """Pages whose text a person should look at, and pages with a new reading that nobody accepted yet."""
        return self.filter(Q(needs_review=True) | Q(proposed__isnull=False))


class Page(models.Model):
    """One page of a document. Three counters, three caps (see domain.attempts)."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(help_text="1-based, as in the file")
    status = models.CharField(max_length=12, choices=choices(PageStatus), default=PageStatus.PENDING.value)
    width_pt = models.FloatField()
    height_pt = models.FloatField()
    image_width_px = models.PositiveIntegerField(null=True, blank=True)
    image_height_px = models.PositiveIntegerField(null=True, blank=True)
    image_dpi = models.PositiveSmallIntegerField(null=True, blank=True)
    ink = models.FloatField(null=True, blank=True, help_text="share of pixels that differ from the ground")
    claims = models.PositiveSmallIntegerField(default=0, help_text="workers that died with it in hand")
    host_failures = models.PositiveSmallIntegerField(default=0)
    quality_tries = models.PositiveSmallIntegerField(default=0)
    engine_deaths = models.PositiveSmallIntegerField(default=0, help_text="hosts whose engine died with it in flight")
    dpi_cap = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="sent no finer than this, since it ran a host out of memory"
    )
    in_pieces = models.BooleanField(default=False, help_text="sent in halves: as a whole it did not fit")
    ladder: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="domain.ladder.Climb as JSON: what is tried since it was read badly"
    )
    avoid: models.JSONField[Any] = models.JSONField(
        default=list, blank=True, help_text="backends that failed it, in order"
    )
    not_before = models.DateTimeField(null=True, blank=True)
    backend = models.CharField(max_length=64, blank=True, default="", help_text="where it was read, or is")
    needs_review = models.BooleanField(default=False)
    reason = models.TextField(blank=True, default="", help_text="why it failed, waits or needs a look")
    reading = models.ForeignKey("Reading", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    proposed = models.ForeignKey(
        "Reading", on_delete=models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="of a rerun; the reading in force stays until it is accepted",
    )  # fmt: skip
    rerun: models.JSONField[Any] = models.JSONField(
        null=True, blank=True, help_text="domain.reruns.Rerun as JSON, while the page is read again"
    )
    rerun_error = models.TextField(blank=True, default="", help_text="why its newest rerun brought nothing")
    wanted_backend = models.CharField(
        max_length=64, blank=True, default="", help_text="asked for by a rerun; empty: the document's"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = PageQuerySet.as_manager()

    class Meta:
        ordering = ["document", "number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="page_number_once"),
            models.CheckConstraint(condition=Q(status__in=[s.value for s in PageStatus]), name="page_status_known"),
        ]
        indexes = [
            models.Index(
                fields=["document", "claims", "number"], name="page_waits_for_slot", condition=Q(status="rendered")
            ),
            models.Index(fields=["document", "number"], name="page_waits_to_be_drawn", condition=Q(status="pending")),
            models.Index(fields=["document"], name="page_quarantined", condition=Q(status="quarantined")),
            models.Index(
                fields=["document", "number"],
                name="page_to_review",
                condition=Q(needs_review=True) | Q(proposed__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} page {self.number}"

    @property
    def image_key(self) -> str:
        return f"documents/{self.document_id}/pages/{self.number}.jpg"

    @property
    def rerun_image_key(self) -> str:
        return f"documents/{self.document_id}/pages/{self.number}-again.jpg"

    @property
    def sent_image(self) -> tuple[str, int | None]:
        """(storage key, DPI) of the image that goes to a host. A rerun at a finer resolution has one of its own, so
        that the boxes of every reading stay in px of the one page image."""
        drawn_again = (self.rerun or {}).get("image_dpi")
        return (self.rerun_image_key, drawn_again) if drawn_again else (self.image_key, self.image_dpi)


class Attempt(models.Model):
    """One call of one page to one backend, and what came of it. The backend's name outlives its row."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="attempts")
    backend = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16)
    reason = models.TextField(blank=True, default="")
    rule = models.CharField(max_length=100, blank=True, default="")
    rung = models.CharField(max_length=40, blank=True, default="", help_text="which rung of the quality ladder")
    decision: models.JSONField[Any] = models.JSONField(null=True, blank=True)
    dpi = models.PositiveSmallIntegerField(null=True, blank=True)
    seconds = models.FloatField(default=0.0)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    finish_reason = models.CharField(max_length=20, blank=True, default="")
    detail = models.TextField(blank=True, default="", help_text="for administrators: what the host said, cut short")
    lease = models.BigIntegerField(null=True, blank=True, help_text="the slot lease it ran under")
    started_at = models.DateTimeField()
    # A default of the database's own: the hot path's INSERT does not name it.
    measured = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [
            models.Index(fields=["backend", "-started_at"], name="attempt_backend_newest"),
            models.Index(fields=["id"], name="attempt_to_measure", condition=Q(measured=False)),
        ]

    def __str__(self) -> str:
        return f"{self.page_id} at {self.backend}: {self.outcome}"


class Reading(models.Model):
    """One text of a page, never changed: what a host answered, or what a person wrote."""

    SOURCES = [("recognized", "recognized"), ("edit", "edit"), ("rerun", "rerun"), ("blank", "blank")]

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="readings")
    source = models.CharField(max_length=12, choices=SOURCES)
    attempt = models.ForeignKey(Attempt, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    raw = models.TextField(blank=True, help_text="the model's own output")
    text = models.TextField(blank=True, help_text="Markdown")
    blocks: models.JSONField[Any] = models.JSONField(
        default=list, blank=True, help_text="label, boxes in px of the page image, body"
    )
    score = models.FloatField(null=True, blank=True, help_text="how good the quality gate found it, 0 to 1")
    base = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="what an edit began with"
    )
    settings: models.JSONField[Any] = models.JSONField(
        null=True, blank=True, help_text="mode, prompt, language, dpi, backend, model it was read with"
    )
    doubt = models.TextField(blank=True, db_default="", help_text="why a person should look at it")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["page", "id"]

    def __str__(self) -> str:
        return f"{self.source} of {self.page_id}"
