"""What people send by a form, checked and turned into what the services take."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from jobs.models.access import SCOPES
from jobs.services import access, exporting, intake

MODES = [
    ("markdown", "Markdown"),
    ("text", "Plain text"),
    ("figure", "A figure or chart"),
    ("custom", "Own instruction"),
]
PRIORITIES = [("low", "Low"), ("normal", "Normal"), ("high", "Urgent")]
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

    def said(self) -> dict[str, Any]:
        self.is_valid()
        cleaned = self.cleaned_data
        return {"q": cleaned.get("q", ""), "state": cleaned.get("state", ""), "page": cleaned.get("page") or 1}


class ActionForm(forms.Form):
    """Something done to one document or to several."""

    action = forms.ChoiceField(choices=[(a, a) for a in ("cancel", "pause", "resume", "retry", "delete", "run_again")])
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
