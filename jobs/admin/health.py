"""Backends' health: looked at, and its breaker closed or opened by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs import actors
from jobs.admin.permissions import AdministratorsOnly
from jobs.admin.refusals import RefusableForm, SavedByService
from jobs.domain.failures import Blame, Failure, Outcome
from jobs.models import BackendHealth
from jobs.services import access, health, routing

CLOSED, OPEN = "closed", "open"


class HealthForm(RefusableForm):
    """Closing forgets every fault; opening keeps pages away for as long as the policy's breaker does."""

    breaker = forms.ChoiceField(
        choices=[(CLOSED, "closed: takes pages, its faults forgotten"), (OPEN, "open: takes no pages for a while")],
        help_text="An open breaker tests the host by itself after a while. To keep pages away for good, disable it.",
    )

    class Meta:
        model = BackendHealth
        fields = ("breaker",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.breaker == "half_open":
            field: Any = self.fields["breaker"]
            field.choices = [("half_open", "half open: is being tested"), *field.choices]


@admin.register(BackendHealth)
class BackendHealthAdmin(SavedByService, AdministratorsOnly, admin.ModelAdmin):
    form = HealthForm
    list_display = ("backend", "state", "breaker", "reason", "since", "retry_at", "running", "waiting", "checked_at")
    list_filter = ("state", "breaker")
    list_select_related = ("backend",)
    search_fields = ("backend__name", "reason")
    readonly_fields = (
        "backend", "state", "reason", "since", "retry_at", "running", "waiting", "kv_usage", "generation_tokens",
        "version", "served_max_model_len", "languages", "warnings", "checked_at", "circuit",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("backend", "breaker", "state", "reason", "since", "retry_at")}),
        ("What the host tells", {"fields": readonly_fields[5:14]}),
        ("The breaker's memory", {"fields": ("circuit",), "classes": ["collapse"]}),
    )
    actions = ("forget_faults",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: BackendHealth, form: Any, change: bool) -> None:
        if form.cleaned_data["breaker"] == OPEN and "breaker" in form.changed_data:
            self._open(request, obj)
        elif "breaker" in form.changed_data:
            self._forget(request, obj)
        actors.dispatch_soon()

    @admin.action(description="Forget faults: close the breaker, take pages again", permissions=["change"])
    def forget_faults(self, request: HttpRequest, queryset: QuerySet[BackendHealth]) -> None:
        for row in queryset.select_related("backend"):
            self._forget(request, row)
            messages.success(request, f"The faults of {row.backend.name} are forgotten.")
        actors.dispatch_soon()

    def _forget(self, request: HttpRequest, row: BackendHealth) -> None:
        health.admitted(row.backend)
        access.audit("backend.breaker_closed", by=request.user, subject=row.backend.name)

    def _open(self, request: HttpRequest, row: BackendHealth) -> None:
        # A dead engine is the one failure that opens a breaker at once, whatever went before.
        reason = f"Its breaker was opened by {request.user.get_username()}."
        failure = Failure(Outcome.HOST_DOWN, Blame.HOST, reason, elsewhere=True, engine_death=True)
        health.call_failed(row.backend, failure, routing.in_force())
        access.audit("backend.breaker_opened", by=request.user, subject=row.backend.name)
