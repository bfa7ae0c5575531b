"""Backends, their health, and the slots in use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from jobs import actors, errors
from jobs.admin.backend_form import BackendForm
from jobs.admin.permissions import AdministratorsOnly, OnlyToLookAt
from jobs.admin.refusals import SavedByService, told
from jobs.models import Backend, BackendHealth, HealthSample, SlotLease
from jobs.services import backends
from jobs.services.admission import SelfTest

HEALTH_FIELDS = (
    "state", "breaker", "reason", "since", "retry_at", "running", "waiting", "version", "served_max_model_len",
    "warnings", "checked_at",
)  # fmt: skip
CLOSED_FIELDSET = {"classes": ["collapse"]}


class HealthInline(OnlyToLookAt, admin.StackedInline):
    model = BackendHealth
    fields = readonly_fields = HEALTH_FIELDS
    can_delete = False
    extra = 0
    verbose_name = verbose_name_plural = "health, as probes and calls last told it"


class WithoutTransaction:
    """For ModelAdmin, named before it: no transaction around a form whose saving may call a host."""

    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]


@admin.register(Backend)
class BackendAdmin(SavedByService, WithoutTransaction, AdministratorsOnly, admin.ModelAdmin):
    form = BackendForm
    inlines = (HealthInline,)
    list_display = (
        "name", "lifecycle", "state", "breaker", "in_flight", "slots", "base_url", "version", "has_key", "kind",
    )  # fmt: skip
    list_filter = ("lifecycle", "kind", "health__state", "model_profile")
    list_select_related = ("health",)
    search_fields = ("name", "base_url", "model", "notes")
    actions = ("activate", "activate_anyway", "self_test", "drain", "disable")
    save_on_top = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backend]:
        return super().get_queryset(request).annotate(lease_count=Count("leases"))

    @admin.display(description="health", ordering="health__state")
    def state(self, backend: Backend) -> str:
        return backend.health.state if hasattr(backend, "health") else "unknown"

    @admin.display(ordering="health__breaker")
    def breaker(self, backend: Backend) -> str:
        return backend.health.breaker if hasattr(backend, "health") else ""

    @admin.display(description="in flight", ordering="lease_count")
    def in_flight(self, backend: Any) -> int:
        return int(backend.lease_count)

    @admin.display()
    def version(self, backend: Backend) -> str:
        return backend.health.version if hasattr(backend, "health") else ""

    @admin.display(boolean=True, description="API key kept")
    def has_key(self, backend: Backend) -> bool:
        return backend.api_key_set

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A name is given once: rules, attempts and figures refer to it."""
        return ("name", "has_key", "built_in") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new one is planned: it is put to work from the list, where its self-test can say what it found."""
        key = ("api_key", "remove_api_key", "has_key", "lifecycle", "built_in") if obj else ("api_key",)
        address = ("name", "base_url", "model", "model_profile", "kind", *key)
        limits = ("slots", "queue_ahead", "max_model_len", "default_dpi", "max_dpi", "streaming")
        return (
            ("Address and model", {"fields": address}),
            ("Slots and limits", {"fields": limits}),
            ("Hardware", {"fields": ("hardware",), **CLOSED_FIELDSET}),
            ("Launch flags", {"fields": ("launch",), **CLOSED_FIELDSET}),
            ("Expected figures", {"fields": ("expected",), **CLOSED_FIELDSET}),
            ("Costs", {"fields": ("costs",), **CLOSED_FIELDSET}),
            ("Notes", {"fields": ("notes",)}),
        )

    # ---- saving

    def save_model(self, request: HttpRequest, obj: Backend, form: Any, change: bool) -> None:
        fields = form.changes()
        if not change:
            address = fields.pop("base_url", "")
            obj.pk = backends.create(by=request.user, name=obj.name, base_url=address, **fields).pk
        elif fields:
            saved = backends.update(obj.name, by=request.user, **fields)
            if obj.api_key_set and not saved.api_key_set and "api_key" not in fields:
                messages.warning(request, "Its API key was removed with the old address: enter it again if it has one.")
        if "lifecycle" in form.changed_data:
            self._move(request, obj.name, form.cleaned_data["lifecycle"])
        actors.dispatch_soon()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Health is only looked at here: there is nothing more to save."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return super().construct_change_message(request, form, [], add)

    def _move(self, request: HttpRequest, name: str, lifecycle: str) -> None:
        by = request.user
        if lifecycle == "active":
            self._tell_test(request, name, lambda: backends.activate(name, by=by))
        else:
            told(request, lambda: backends.update(name, by=by, lifecycle=lifecycle))

    # ---- removing

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its health, samples and leases go with it, by the service: no permission of their own is asked for."""
        return [str(backend) for backend in objs], {"backends": len(objs)}, set(), []

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # each is removed by itself: one in use drains first
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except errors.Conflict as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(reverse("admin:jobs_backend_changelist"))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The audit log has it, and only when it was really removed."""

    def delete_model(self, request: HttpRequest, obj: Backend) -> None:
        request.drains = not backends.remove(obj.name, by=request.user)  # type: ignore[attr-defined]
        actors.dispatch_soon()

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        if getattr(request, "drains", False):
            messages.warning(request, f"{obj_display} is in use: it drains now. Delete it again when it is disabled.")
            return HttpResponseRedirect(reverse("admin:jobs_backend_changelist"))
        return super().response_delete(request, obj_display, obj_id)

    # ---- actions

    @admin.action(description="Test and activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Backend]) -> None:
        for name in names(queryset):
            self._tell_test(request, name, partial(backends.activate, name, by=request.user))
        actors.dispatch_soon()

    @admin.action(description="Activate even if the test fails", permissions=["change"])
    def activate_anyway(self, request: HttpRequest, queryset: QuerySet[Backend]) -> None:
        for name in names(queryset):
            self._tell_test(request, name, partial(backends.activate, name, by=request.user, force=True))
        actors.dispatch_soon()

    @admin.action(description="Test only (contacts the host)", permissions=["change"])
    def self_test(self, request: HttpRequest, queryset: QuerySet[Backend]) -> None:
        for name in names(queryset):
            self._tell_test(request, name, partial(backends.check, name, by=request.user))

    @admin.action(description="Drain: no new pages, then disabled", permissions=["change"])
    def drain(self, request: HttpRequest, queryset: QuerySet[Backend]) -> None:
        for name in names(queryset):
            if told(request, partial(backends.drain, name, by=request.user)):
                messages.success(request, f"{name} gets no new pages.")
        actors.dispatch_soon()

    @admin.action(description="Disable at once", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Backend]) -> None:
        for name in names(queryset):
            if told(request, partial(backends.disable, name, by=request.user)):
                messages.success(request, f"{name} is disabled.")
        actors.dispatch_soon()

    def _tell_test(self, request: HttpRequest, name: str, test: Callable[[], SelfTest]) -> None:
        result = told(request, test)
        if result is not None:
            say = messages.success if result.passed else messages.error
            say(request, f"{name}: " + " ".join(f"{step.name}: {step.message}" for step in result.steps))


def names(queryset: QuerySet[Backend]) -> list[str]:
    return sorted(backend.name for backend in queryset)


@admin.register(HealthSample)
class HealthSampleAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("backend", "at", "state", "in_flight", "waiting", "kv_usage", "generation_tokens")
    list_filter = ("backend", "state")
    list_select_related = ("backend",)
    search_fields = ("backend__name",)
    show_full_result_count = False


@admin.register(SlotLease)
class SlotLeaseAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("id", "backend", "kind", "page", "holder", "assigned_at", "sends", "claimed_at", "expires_at")
    list_filter = ("backend", "kind")
    list_select_related = ("backend", "page")
    search_fields = ("backend__name", "holder", "page__document__name")
