"""What full-text search looks through: one row a page that has words."""

from __future__ import annotations

from django.db import models

from jobs.models.pages import Page


class PageText(models.Model):
    """The words of the reading in force, folded (domain.search_words). Written by services.searching alone.

    The index itself is the database's: a table jobs_pagewords (FTS5) kept up by triggers on SQLite, a column `vector`
    with a GIN index on PostgreSQL; migration 0004 makes both. Whoever lets Django remake this table on SQLite must
    make the triggers again.
    """

    page = models.OneToOneField(Page, on_delete=models.CASCADE, primary_key=True, related_name="search_row")
    document_id = models.UUIDField(help_text="the page’s, at hand for the database")
    scope = models.CharField(max_length=32, help_text="whose document it is, as a word of the index: owner:12")
    words = models.TextField()

    def __str__(self) -> str:
        return f"words of {self.page_id}"
