"""Tags: words that people put on documents, to find them by."""

from __future__ import annotations

from django.db import models

from jobs.models.documents import Document


class Tag(models.Model):
    """One tag of one document; who may see the document sees it. `key` is its name in small letters."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)
    key = models.CharField(max_length=80)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["document", "key"], name="tag_once_a_document")]
        indexes = [models.Index(fields=["key", "document"], name="tag_key")]

    def __str__(self) -> str:
        return self.name
