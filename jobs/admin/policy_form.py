"""The routing policy as a form, and the form as the policy's JSON. services.routing judges it; nothing here does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from django import forms

from jobs.admin.refusals import RefusableForm, add_refusal
from jobs.domain.policies import RUNGS, Failover, Quality
from jobs.models import Backend, RoutingPolicy, RoutingRule

SECTIONS = {"failover": Failover(), "quality": Quality()}
SECTION_FIELDS = {name: tuple(f"{name}_{key}" for key in default.__dict__) for name, default in SECTIONS.items()}


def backend_choices(kept: str = "") -> list[tuple[str, str]]:
    """Every backend; `kept` too, where the policy names one that is gone."""
    known = list(Backend.objects.in_name_order().values_list("name", flat=True))
    return [(name, name) for name in dict.fromkeys([*known, *([kept] if kept else [])])]


def _number(label: str) -> forms.FloatField:
    return forms.FloatField(label=label, widget=forms.NumberInput(attrs={"step": "any"}))


class PolicyForm(RefusableForm):
    """`version` says which policy was looked at: a save on top of somebody else's is refused."""

    default_backend = forms.ChoiceField()
    fallback_order = forms.CharField(
        required=False, help_text="Backends' names in order, separated by commas, such as calypso, spark."
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput())
    failover_max_attempts = _number("Tries of a page before it fails")
    failover_oom_dpi = _number("Resolution after running out of memory (dpi)")
    failover_breaker_failures = _number("Faults in a row that open the breaker")
    failover_breaker_seconds = _number("Breaker stays open (seconds)")
    failover_breaker_max_seconds = _number("Breaker stays open at most (seconds)")
    failover_quarantine_deaths = _number("Dead engines that set a page aside")
    quality_enabled = forms.BooleanField(label="Judge what was read", required=False)
    quality_max_tries = _number("Tries of a page that was read badly")
    quality_text_layer_check = forms.BooleanField(label="Compare with the file's own text", required=False)
    quality_rungs = forms.CharField(
        label="What is tried then",
        required=False,
        help_text=f"In order, separated by commas, out of {', '.join(RUNGS)}. Empty: nothing.",
    )

    class Meta:
        model = RoutingPolicy
        fields = ("default_backend", "fallback_order", "spread", "cpu", "version")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["default_backend"]
        chosen.choices = backend_choices(self.instance.default_backend)
        self.initial["fallback_order"] = ", ".join(self.instance.fallback_order)
        for section, default in SECTIONS.items():
            figures = {**default.__dict__, **getattr(self.instance, section)}
            self.initial.update({f"{section}_{key}": value for key, value in figures.items()})
        self.initial["quality_rungs"] = ", ".join(self.initial["quality_rungs"])

    def refused_fields(self, fields: Mapping[str, str]) -> Mapping[str, str]:
        """failover.oom_dpi is our failover_oom_dpi; fallback_order[1] stands in one field; rules have their own."""
        placed: dict[str, str] = {}
        for path, reason in fields.items():
            if not path.startswith("rules["):
                placed.setdefault(path.partition("[")[0].replace(".", "_"), reason)
        return placed

    def policy(self, rules: list[dict[str, Any]]) -> dict[str, Any]:
        """The API's form of what stands in this form. Call it on a valid one."""
        said = self.cleaned_data
        sections = {
            name: {key: said[f"{name}_{key}"] for key in default.__dict__} for name, default in SECTIONS.items()
        }
        sections["quality"]["rungs"] = _names(said["quality_rungs"])
        plain = {name: said[name] for name in ("default_backend", "spread", "cpu")}
        return {**plain, "fallback_order": _names(said["fallback_order"]), "rules": rules, **sections}

    def save(self, commit: bool = True) -> Any:
        """The row as it is: services.routing writes it, this form never does."""
        return self.instance

    def _post_clean(self) -> None:
        """The service judges the fields; the row must not be changed by a form that is shown again."""


def _names(said: str) -> list[str]:
    return [name.strip() for name in said.split(",") if name.strip()]


class RuleForm(forms.ModelForm):
    position = forms.IntegerField(required=False, widget=forms.NumberInput(attrs={"class": "vIntegerField"}))
    backend = forms.ChoiceField()

    class Meta:
        model = RoutingRule
        fields = ("position", "name", "when", "threshold", "value", "release", "hold_seconds", "backend", "enabled")
        widgets = {
            "name": forms.TextInput(attrs={"size": 24}),
            "value": forms.TextInput(attrs={"size": 12}),
            **{
                name: forms.NumberInput(attrs={"class": "vIntegerField", "step": "any"})
                for name in ("threshold", "release", "hold_seconds")
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["backend"]
        # Nothing is chosen in a new row: a row that nobody filled in must look untouched.
        chosen.choices = [("", "---------"), *backend_choices(self.instance.backend)]
        for name, value in self.initial.items():
            if isinstance(value, float) and value.is_integer():
                self.initial[name] = int(value)

    def rule(self) -> dict[str, Any]:
        """The API's form of this row; what is empty is left out."""
        said = self.cleaned_data
        names = ("name", "when", "threshold", "value", "release", "hold_seconds", "backend", "enabled")
        return {name: said[name] for name in names if said[name] not in (None, "")}


class RuleFormSet(forms.models.BaseInlineFormSet):
    """The rules in their order. `fields_refused` is set on the class that the admin makes a request."""

    fields_refused: Mapping[str, str] = {}

    def clean(self) -> None:
        super().clean()
        rows = self.kept() if self.fields_refused else []
        for path, reason in self.fields_refused.items():
            found = re.fullmatch(r"rules\[(\d+)\](?:\.(\w+))?", path)
            if found:
                add_refusal(rows[int(found[1])], {found[2] or "name": reason})

    def kept(self) -> list[Any]:
        """The RuleForms that make the policy, by position; the empty and those marked for removal left out."""
        rows = [form for form in self.forms if form.has_changed() or form.instance.pk]
        return sorted((form for form in rows if form not in self.deleted_forms), key=_place)


def _place(form: forms.ModelForm) -> float:
    position = form.cleaned_data.get("position")
    return math.inf if position is None else position  # a new row without a position comes last
