"""People, their tokens, and who did what."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.permissions import AdministratorsOnly, OnlyToLookAt
from jobs.admin.refusals import told
from jobs.models import ApiToken, AuditEntry, ClockLease, IdempotencyKey
from jobs.services import access

admin.site.unregister(User)
admin.site.unregister(Group)  # nothing here looks at groups: an administrator is a superuser


@admin.register(User)
class PeopleAdmin(AdministratorsOnly, UserAdmin):
    """Django's own. Who has documents is switched off rather than deleted: the files belong to the house."""

    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_superuser", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        has_documents = obj is not None and obj.documents.exists()
        return super().has_delete_permission(request, obj) and not has_documents

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tokens and keys go with their owner: no permission of their own is asked for."""
        return [str(user) for user in objs], {"people": len(objs)}, set(), []

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # each by itself: whether one may be deleted depends on the person
        return actions


@admin.register(ApiToken)
class ApiTokenAdmin(OnlyToLookAt, admin.ModelAdmin):
    """A token is made on its owner's own page, which shows it once. Its digest is shown nowhere."""

    list_display = ("name", "user", "scope", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("scope", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            if told(request, partial(access.revoke_token, token.pk, by=request.user)):
                messages.success(request, f"{token} works no more.")


@admin.register(AuditEntry)
class AuditEntryAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("at", "actor", "action", "subject", "detail")
    list_filter = ("action", "actor")
    list_select_related = ("actor",)
    search_fields = ("subject", "action", "actor__username")
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("key", "user", "document", "created_at")
    list_select_related = ("user", "document")
    search_fields = ("key", "user__username")
    exclude = ("body_digest",)


@admin.register(ClockLease)
class ClockLeaseAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("name", "holder", "expires_at")
