"""Try a document that need not exist: its facts in, the decision and every rule's verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

from jobs import errors
from jobs.forms import PRIORITIES, PURPOSES
from jobs.services import routing
from jobs.views.drafts import Draft

STATES = [("up", "up"), ("down", "down"), ("draining", "draining"), ("disabled", "disabled")]
NOW = "as it is now"


def _count(label: str, **attributes: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, widget=forms.NumberInput(attrs=attributes))


class TryForm(forms.Form):
    """What is left empty is taken from now. services.routing judges the figures."""

    page_count = _count("Pages", min="1")
    priority = forms.ChoiceField(choices=PRIORITIES, initial="normal", required=False)
    purpose = forms.ChoiceField(choices=PURPOSES, initial="production", required=False)
    dpi = _count("Resolution", placeholder="the host’s own")
    sla = forms.BooleanField(label="Under a service agreement", required=False)
    documents_per_day = _count("Documents in 24 hours", placeholder=NOW)
    documents_in_progress = _count("Documents in progress", placeholder=NOW)
    queue_depth = _count("Pages ahead at the default", placeholder=NOW)
    backend = forms.ChoiceField(label="Suppose that", required=False)
    state = forms.ChoiceField(label="is", choices=STATES, required=False)

    def __init__(self, *args: Any, backends: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["backend"]
        field.choices = [("", "hosts are as they are"), *((name, name) for name in backends)]

    def everyday(self) -> list[forms.BoundField]:
        return [self[name] for name in ("page_count", "priority", "purpose", "dpi")]

    def supposed(self) -> list[forms.BoundField]:
        names = ("documents_per_day", "documents_in_progress", "queue_depth", "backend", "state")
        return [self[name] for name in names]

    @property
    def supposes(self) -> bool:
        """Whether something is tried that is not so now: then those fields are shown unfolded."""
        return any(self.data.get(f.name) for f in self.supposed() if f.name != "state")

    def facts(self) -> dict[str, Any]:
        """What services.routing.explain takes. Call it on a valid form."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        backend, state = said.pop("backend", ""), said.pop("state", "up")
        if backend:
            # Trying a host as up, down and so on supposes that it is used at all.
            change = {"state": state, "lifecycle": "active"} if state in ("up", "down") else {"lifecycle": state}
            said["backends"] = {backend: change}
        return said


@dataclass(frozen=True)
class Tried:
    """The form, and the decision once there is one. `by_draft`: by the draft, which is not in force yet."""

    form: TryForm
    by_draft: bool
    decision: dict[str, Any] | None = None


def tried(request: HttpRequest, draft: Draft) -> Tried:
    """What the address asks to try, by the draft if there is a sound one; without `page_count` an empty form."""
    by_draft = draft.exists and draft.policy is not None
    if "page_count" not in request.GET:
        return Tried(TryForm(backends=draft.backends), by_draft)
    # What is left out of an address is as in the empty form, not the first of its choices.
    form = TryForm({"priority": "normal", "purpose": "production"} | request.GET.dict(), backends=draft.backends)
    if not form.is_valid():
        return Tried(form, by_draft)
    try:
        return Tried(form, by_draft, routing.explain(form.facts(), draft.policy if by_draft else None))
    except errors.Invalid as error:
        for name, reason in error.fields.items():
            form.add_error(name if name in form.fields else None, reason)
    except errors.Unavailable as error:
        form.add_error(None, error.message)
    return Tried(form, by_draft)
