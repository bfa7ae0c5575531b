"""What people send by a form, checked and turned into what the services take."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from jobs.domain import model_profiles
from jobs.domain.alert_rules import KINDS, SEVERITIES
from jobs.models import Backend
from jobs.models.access import SCOPES
from jobs.services import access, exporting, intake, rerunning, webhooks

MODES = [
    ("markdown", "Markdown"),
    ("text", "Plain text"),
    ("figure", "A figure or chart"),
    ("custom", "Own instruction"),
]
PRIORITIES = [("low", "Low"), ("normal", "Normal"), ("high", "Urgent")]
EVENT_WORDS = {
    "document.done": "a document is done",
    "document.partial": "a document is done, with pages that failed",
    "document.failed": "a document failed",
    "backend.down": "a host falls out of use",
    "backend.up": "a host is back",
    "alert": "an alert fires or ends",
}
PURPOSES = [("production", "Real work"), ("development", "A test")]


class SignInForm(AuthenticationForm):
    """Django's, with its refusal in our words."""

    error_messages = {
        "invalid_login": "This name and password do not go together. Check both; capital letters count.",
        "inactive": "This account is switched off. Ask an administrator.",
    }


class UploadForm(forms.Form):
    """The options of an upload. The files themselves come beside it, any number of them."""

    priority = forms.ChoiceField(choices=PRIORITIES, initial="normal", required=False)
    purpose = forms.ChoiceField(choices=PURPOSES, initial="production", required=False)
    sla = forms.BooleanField(label="Under a service agreement", required=False)
    mode = forms.ChoiceField(label="Read as", choices=MODES, initial="markdown", required=False)
    prompt = forms.CharField(
        label="Instruction",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Such as: list every invoice number on the page."}),
    )
    pages = forms.CharField(
        label="Pages", required=False, max_length=200, widget=forms.TextInput(attrs={"placeholder": "all, or 1-3,7"})
    )
    language = forms.CharField(
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"placeholder": "automatic, or deu+eng", "list": "languages"}),
    )
    password = forms.CharField(
        label="Password of the file",
        required=False,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    dpi = forms.IntegerField(
        label="Resolution",
        required=False,
        min_value=50,
        max_value=600,
        help_text=model_profiles.hint(),
        widget=forms.NumberInput(attrs={"placeholder": "the host’s own"}),
    )

    def everyday(self) -> list[forms.BoundField]:
        """The fields that stand in a row; the others have a place of their own."""
        return [self[name] for name in ("mode", "priority", "purpose", "pages", "language", "dpi", "password")]

    def options(self) -> intake.Options:
        """What intake takes. Call it on a valid form."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        return intake.Options(**said)

    def refusal(self) -> str:
        """The first thing wrong, as a sentence that names the field."""
        name, errors = next(iter(self.errors.items()))
        return f"{self[name].label}: {errors[0]}"


class FilterForm(forms.Form):
    """What part of the list is looked at. What makes no sense is taken as nothing said."""

    q = forms.CharField(required=False, max_length=200)
    state = forms.CharField(required=False, max_length=20)
    page = forms.IntegerField(required=False, min_value=1)
    backend = forms.CharField(required=False, max_length=64)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    owner = forms.CharField(required=False, max_length=150)
    tag = forms.CharField(required=False, max_length=80)
    review = forms.BooleanField(required=False)

    def said(self) -> dict[str, Any]:
        self.is_valid()
        cleaned = self.cleaned_data
        texts = {name: cleaned.get(name, "") for name in ("q", "state", "backend", "owner", "tag")}
        days = {name: cleaned.get(name) for name in ("since", "until")}
        return {**texts, **days, "review": cleaned.get("review", False), "page": cleaned.get("page") or 1}


ACTIONS = ("cancel", "pause", "resume", "retry", "delete", "restore", "purge", "run_again")


class ActionForm(forms.Form):
    """Something done to one document or to several."""

    action = forms.ChoiceField(choices=[(a, a) for a in ACTIONS])
    document = forms.TypedMultipleChoiceField(coerce=str)
    confirmed = forms.BooleanField(required=False)
    next = forms.CharField(required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        # Which of them exist, and for whom, is the service's question.
        self.fields["document"] = forms.MultipleChoiceField(choices=[(v, v) for v in data.getlist("document")])


class ExportForm(forms.Form):
    """Documents to be taken along together, and how."""

    format = forms.ChoiceField(choices=[(name, name) for name in exporting.FORMATS])
    next = forms.CharField(required=False)
    offer = forms.BooleanField(required=False)  # once they are ready: say so, and let the person take them

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        # Which of them exist, and for whom, is asked when they are fetched.
        self.fields["document"] = forms.TypedMultipleChoiceField(
            coerce=UUID, empty_value=[], choices=[(value, value) for value in data.getlist("document")]
        )


class TokenForm(forms.Form):
    """A new API token. Nobody can give more than they may do themselves."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"placeholder": "Such as: the scanner’s PC"}))
    scope = forms.ChoiceField(label="May", initial="write")
    days = forms.IntegerField(label="Days it is valid", initial=365, min_value=1, max_value=3650)

    LABELS = {"read": "read only", "write": "read and upload", "admin": "everything an administrator may"}

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = SCOPES if access.role(user) == "admin" else SCOPES[:2]
        self.fields["scope"].choices = [(scope, self.LABELS[scope]) for scope in offered]  # type: ignore[attr-defined]


class RerunForm(forms.Form):
    """How pages are to be read again. What stays empty stays as the document has it."""

    prefix = "again"
    SCOPES = [("page", "This page"), ("range", "These pages"), ("all", "All pages")]

    number = forms.IntegerField(min_value=1, widget=forms.HiddenInput, required=False)
    scope = forms.ChoiceField(label="Which pages", choices=SCOPES, initial="page")
    pages = forms.CharField(
        label="Such as 1-3,7", required=False, max_length=200, widget=forms.TextInput(attrs={"placeholder": "1-3,7"})
    )
    mode = forms.ChoiceField(label="Read as", choices=[("", "As before"), *MODES], required=False)
    prompt = forms.CharField(
        label="Own instruction", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2})
    )
    dpi = forms.IntegerField(
        label="Resolution",
        required=False,
        min_value=intake.MIN_DPI,
        max_value=intake.MAX_DPI,
        widget=forms.NumberInput(attrs={"placeholder": "as before"}),
    )
    language = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={"placeholder": "as before, or deu+eng"})
    )
    backend = forms.ChoiceField(label="At", required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.is_superuser:
            del self.fields["backend"]
            return
        names = Backend.objects.contactable().in_name_order().values_list("name", flat=True)
        chosen = self.fields["backend"]
        chosen.choices = [("", "Wherever it is routed"), *((n, n) for n in names)]  # type: ignore[attr-defined]

    def options(self) -> list[forms.BoundField]:
        """The fields that stand in a row below the choice of pages."""
        return [self[name] for name in ("mode", "dpi", "language", "backend") if name in self.fields]

    def wish(self) -> rerunning.Wish:
        """What the service takes. Call it on a valid form."""
        said = self.cleaned_data
        pages = {"page": str(said["number"] or ""), "range": said["pages"], "all": ""}[said["scope"]]
        return rerunning.Wish(
            pages, said["mode"], said["prompt"], said["dpi"], said["language"], said.get("backend", "")
        )

    def refusal(self) -> str:
        """The first thing wrong, as a sentence that names the field."""
        name, errors = next(iter(self.errors.items()))
        return f"{self[name].label}: {errors[0]}"

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("scope") == "range" and not said.get("pages"):
            self.add_error("pages", "Say which pages, such as 1-3,7.")
        if said.get("scope") == "page" and not said.get("number"):
            self.add_error("scope", "Say which pages.")
        return said


class AlertRuleForm(forms.Form):
    """An alert rule as it was edited. What an empty field means is the rule's own business."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in KINDS])
    backend = forms.CharField(required=False, max_length=63)
    threshold = forms.FloatField(required=False)
    release = forms.FloatField(required=False)
    for_seconds = forms.FloatField()
    clear_seconds = forms.FloatField()
    severity = forms.ChoiceField(choices=[(word, word) for word in SEVERITIES])
    enabled = forms.BooleanField(required=False)

    def changes(self) -> dict[str, Any]:
        """What the service takes. A rule that says yes or no keeps its threshold. Call it on a valid form."""
        said = self.cleaned_data
        names = ["for_seconds", "clear_seconds", "severity", "enabled"]
        names += [] if KINDS[said["kind"]].yes_or_no else ["threshold", "release"]
        return {name: said[name] for name in names}

    def refusals(self) -> dict[str, str]:
        return {name: " ".join(str(error) for error in errors) for name, errors in self.errors.items()}


class WebhookForm(forms.Form):
    """An address that is to hear of events. What may be chosen depends on who chooses."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "https://hooks.example.org/ocr", "autocomplete": "off"}),
    )
    description = forms.CharField(
        label="What for", required=False, max_length=webhooks.DESCRIPTION_CHARACTERS, empty_value=""
    )
    events = forms.MultipleChoiceField(label="Hears of", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["events"]
        chosen.choices = [(e, EVENT_WORDS[e]) for e in webhooks.permitted(user)]  # type: ignore[attr-defined]
