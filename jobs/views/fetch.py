"""One row for who asks, or 404: what one may not see does not exist."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404

from jobs.models import Document, Page
from jobs.services import progress, tagging

ONE_PAGE = ("document__owner", "reading__attempt", "proposed__attempt", "approved_by")


def document_for(user: Any, document_id: UUID) -> Document:
    """The document with its owner, its tags and how many of its pages run. Raises Http404."""
    visible = Document.objects.visible_to(user).select_related("owner", "duplicate_of")
    document: Document = get_object_or_404(tagging.with_tags(progress.with_running(visible)), pk=document_id)
    return document


def page_for(user: Any, document_id: UUID, number: int, *, with_tries: bool = False) -> Page:
    """The page with its document and the reading in force, and where asked its tries and the slot it holds. Raises
    Http404."""
    visible = Document.objects.visible_to(user)
    pages = Page.objects.select_related(*ONE_PAGE).filter(document__in=visible)
    if with_tries:
        pages = pages.select_related(*ONE_PAGE, "lease__backend").prefetch_related("attempts")
    page: Page = get_object_or_404(pages, document_id=document_id, number=number)
    return page
