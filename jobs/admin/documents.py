"""Documents, pages, attempts, readings: to look at. What may be done to a document is done by its service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from jobs import actors
from jobs.admin.permissions import OnlyToLookAt, is_administrator
from jobs.admin.refusals import told
from jobs.models import Attempt, Document, Page, Reading
from jobs.services import documents, trash


@admin.register(Document)
class DocumentAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = (
        "name", "owner", "status", "page_count", "pages_done", "pages_failed", "needs_review", "priority", "backend",
        "created_at", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "priority", "purpose", "sla", "mode", "backend")
    list_select_related = ("owner",)
    search_fields = ("name", "=id", "owner__username", "=sha256")
    date_hierarchy = "created_at"
    show_full_result_count = False
    readonly_fields = ("its_pages",)
    actions = ("cancel", "pause", "resume", "retry")

    @admin.display(description="pages")
    def its_pages(self, document: Document) -> str:
        url = reverse("admin:jobs_page_changelist") + f"?document__id__exact={document.pk}"
        return format_html('<a href="{}">{} of them</a>', url, document.page_count)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).filter(trashed_at=None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Into the trash, by the service: no permission of its own is asked for."""
        return [str(document) for document in objs], {"documents": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        trash.put(obj.pk, by=request.user)
        actors.dispatch_soon()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        for document in list(queryset):
            trash.put(document.pk, by=request.user)
        actors.dispatch_soon()

    @admin.action(description="Cancel", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        done_to(request, queryset, documents.cancel)

    @admin.action(description="Pause", permissions=["view"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        done_to(request, queryset, documents.pause)

    @admin.action(description="Resume", permissions=["view"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        done_to(request, queryset, documents.resume)

    @admin.action(description="Read failed pages again", permissions=["view"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        done_to(request, queryset, documents.retry)


def done_to(request: HttpRequest, queryset: QuerySet[Document], service: Callable[..., Document]) -> None:
    """Each document by itself: one that refuses does not keep the others back."""
    for document in queryset:
        changed = told(request, partial(service, document.pk, by=request.user))
        if changed is not None:
            messages.success(request, f"“{changed.name}” is {changed.status}.")
    actors.dispatch_soon()


@admin.register(Page)
class PageAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = (
        "document", "number", "status", "backend", "needs_review", "claims", "host_failures", "quality_tries", "reason",
        "finished_at",
    )  # fmt: skip
    list_filter = ("status", "needs_review")
    list_select_related = ("document",)
    search_fields = ("document__name", "=document__id")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Attempt)
class AttemptAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = (
        "page", "backend", "outcome", "reason", "rule", "dpi", "seconds", "prompt_tokens", "completion_tokens",
        "finish_reason", "started_at",
    )  # fmt: skip
    list_filter = ("outcome",)
    list_select_related = ("page",)
    search_fields = ("=backend", "page__document__name", "=page__document__id")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Reading)
class ReadingAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("page", "source", "attempt", "author", "created_at")
    list_filter = ("source",)
    list_select_related = ("page", "attempt", "author")
    search_fields = ("page__document__name", "=page__document__id")
    ordering = ("-id",)
    show_full_result_count = False
