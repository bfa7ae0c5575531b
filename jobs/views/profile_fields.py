"""The fields of a host's profile in its form: its machine, how it is launched, what is expected of it, its costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms

from jobs.domain import host_profile, presets
from jobs.domain.host_profile import Item
from jobs.models import Backend

GROUPS = ("hardware", "launch", "expected", "costs")
SHIPPED = {backend["name"]: backend for backend in presets.BACKENDS}
SWITCH = {"yes": True, "no": False}


class RangeField(forms.CharField):
    """`25–40` or `4`, as [least, most]; None where nothing was entered."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else host_profile.write_range(value)

    def clean(self, value: Any) -> Any:
        said = super().clean(value)
        try:
            return host_profile.read_range(said) if said else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(host_profile.write_range(initial) != (data or "").strip())


def shipped_choice() -> forms.ChoiceField:
    """Which machine's shipped figures are to be taken over."""
    machines = [(name, f"{fields['hardware']['gpu']}, as shipped") for name, fields in SHIPPED.items()]
    return forms.ChoiceField(
        label="Fill in the figures of",
        required=False,
        choices=[("", "none: keep what is here"), *machines],
        help_text="Hardware, launch flags, expected figures and costs; all of them can be edited afterwards.",
    )


def fields_of(backend: Backend) -> dict[str, forms.Field]:
    """A field for each item, by its name, with what is stored as its initial value."""
    return {item.name: _field(item, getattr(backend, item.group).get(item.key)) for item in host_profile.ITEMS}


def _field(item: Item, stored: Any) -> forms.Field:
    common: dict[str, Any] = {
        "label": f"{item.label} ({item.unit})" if item.unit else item.label,
        "required": False,
        "initial": stored,
    }
    if item.kind == "range":
        return RangeField(max_length=60, **common)
    if item.kind == "whole":
        return forms.IntegerField(min_value=0, max_value=2**31, **common)
    if item.kind == "number":
        return forms.FloatField(min_value=0, max_value=1e9, **common)
    if item.kind == "switch":
        common["initial"] = "yes" if stored is True else "no" if stored is False else ""
        return forms.ChoiceField(choices=[("", "not said"), ("yes", "on"), ("no", "off")], **common)
    common["initial"] = "" if stored is None else str(stored)
    return forms.CharField(max_length=300, **common)


def _entered(item: Item, value: Any) -> Any:
    return SWITCH.get(value) if item.kind == "switch" else value


def sections(form: forms.Form) -> list[tuple[str, list[forms.BoundField]]]:
    """The bound fields under their headings."""
    return [(title, [form[item.name] for item in items]) for title, items in host_profile.SECTIONS.items()]


def changes(backend: Backend | None, said: Mapping[str, Any], changed: Collection[str]) -> dict[str, Any]:
    """What services.backends takes for the groups in which something changed. What is stored beside is kept."""
    shipped = SHIPPED.get(said.get("shipped", ""))
    if shipped:
        return {group: shipped[group] for group in GROUPS}
    found = {}
    for group in GROUPS:
        items = [item for item in host_profile.ITEMS if item.group == group and item.name in changed]
        if items and backend is not None:
            entered = {item.key: _entered(item, said[item.name]) for item in items}
            kept = {key: value for key, value in getattr(backend, group).items() if key not in entered}
            found[group] = kept | {key: value for key, value in entered.items() if value not in (None, "")}
    return found
