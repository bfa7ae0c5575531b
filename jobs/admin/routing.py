"""The routing policy, its rules in their order, and every version there was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from jobs import actors, errors
from jobs.admin.permissions import AdministratorsOnly, OnlyToLookAt
from jobs.admin.policy_form import SECTION_FIELDS, PolicyForm, RuleForm, RuleFormSet
from jobs.admin.refusals import SavedByService, refusal_of, told
from jobs.models import PolicyVersion, RoutingPolicy, RoutingRule
from jobs.services import routing


class RuleInline(AdministratorsOnly, admin.TabularInline):
    model = RoutingRule
    form = RuleForm
    formset = RuleFormSet
    extra = 1
    ordering = ("position",)
    verbose_name = "rule"
    verbose_name_plural = "rules, asked in the order of their position: the first that matches decides"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        refusal = refusal_of(request)
        formset.fields_refused = refusal.fields if isinstance(refusal, errors.Invalid) else {}
        return formset


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(SavedByService, AdministratorsOnly, admin.ModelAdmin):
    form = PolicyForm
    inlines = (RuleInline,)
    list_display = ("__str__", "default_backend", "spread", "cpu", "rules_in_force")
    fieldsets = (
        ("Where documents go", {"fields": ("default_backend", "fallback_order", "spread", "cpu", "version")}),
        ("When a call fails", {"fields": SECTION_FIELDS["failover"]}),
        ("Quality", {"fields": SECTION_FIELDS["quality"]}),
    )
    actions = ("load_hybrid", "load_decision_tree")
    save_on_top = True

    @admin.display(description="rules in force")
    def rules_in_force(self, row: RoutingPolicy) -> int:
        return sum(rule.enabled for rule in row.rules.all())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is one policy. It is added only where a site has none yet."""
        return super().has_add_permission(request) and not RoutingPolicy.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = RoutingPolicy.objects.first()
        if request.method == "POST" and row and request.POST.get("version") != str(row.version):
            messages.error(
                request, f"Nothing was saved: somebody changed the policy meanwhile. This is version {row.version}."
            )
            return HttpResponseRedirect(request.path)
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: RoutingPolicy, form: Any, change: bool) -> None:
        """Together with its rules, in save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        (rules,) = formsets
        warnings = routing.save(form.policy([row.rule() for row in rules.kept()]), by=request.user)
        for warning in warnings:
            messages.warning(request, warning)
        form.instance.pk = RoutingPolicy.objects.values_list("pk", flat=True).first()
        form.instance.refresh_from_db()
        actors.dispatch_soon()

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What changed in the rules stands in the version, in sentences."""
        return super().construct_change_message(request, form, [], add)

    @admin.action(description="Load the preset “hybrid”", permissions=["change"])
    def load_hybrid(self, request: HttpRequest, queryset: QuerySet[RoutingPolicy]) -> None:
        put_in_force(request, "hybrid", lambda: routing.load_preset("hybrid", by=request.user))

    @admin.action(description="Load the preset “decision_tree”", permissions=["change"])
    def load_decision_tree(self, request: HttpRequest, queryset: QuerySet[RoutingPolicy]) -> None:
        put_in_force(request, "decision_tree", lambda: routing.load_preset("decision_tree", by=request.user))


@admin.register(PolicyVersion)
class PolicyVersionAdmin(OnlyToLookAt, admin.ModelAdmin):
    list_display = ("number", "created_at", "author", "what_changed")
    list_filter = ("author",)
    list_select_related = ("author",)
    search_fields = ("=number", "author__username")
    actions = ("restore",)

    @admin.display(description="what changed")
    def what_changed(self, version: PolicyVersion) -> str:
        return " ".join(version.changes)

    @admin.action(description="Put this version in force again", permissions=["view"])
    def restore(self, request: HttpRequest, queryset: QuerySet[PolicyVersion]) -> None:
        chosen = list(queryset)
        if len(chosen) != 1:
            messages.error(request, "Choose one version: only one policy can be in force.")
            return
        number = chosen[0].number
        put_in_force(request, f"Version {number}", lambda: routing.restore(number, by=request.user))


def put_in_force(request: HttpRequest, name: str, change: Callable[[], list[str]]) -> None:
    """Makes the change and says what came of it."""
    warnings = told(request, change)
    if warnings is None:
        return
    messages.success(request, f"{name} is in force.")
    for warning in warnings:
        messages.warning(request, warning)
    actors.dispatch_soon()
