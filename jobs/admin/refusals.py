"""What a service refuses, shown where a person can do something about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from jobs import errors

Answer = TypeVar("Answer")


def told(request: HttpRequest, call: Callable[[], Answer]) -> Answer | None:
    """Makes the call; a refusal becomes a message on the next page, and None."""
    try:
        return call()
    except errors.OcrsiteError as error:
        messages.error(request, error.message)
        return None


def refusal_of(request: HttpRequest) -> errors.RequestRefused | None:
    """What the service refused when this request's form was saved a moment ago."""
    return getattr(request, "refusal", None)


def add_refusal(form: forms.BaseForm, fields: Mapping[str, str]) -> None:
    """Each reason beside its field; what names no field of the form stands above it."""
    for name, reason in fields.items():
        form.add_error(name if name in form.fields else None, reason if name in form.fields else f"{name}: {reason}")


class RefusableForm(forms.ModelForm):
    """A form whose fields are judged by a service. `refusal` is set on the class that the admin makes a request."""

    refusal: errors.RequestRefused | None = None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if isinstance(self.refusal, errors.Invalid) and self.refusal.fields:
            add_refusal(self, self.refused_fields(self.refusal.fields))
        elif self.refusal is not None:
            self.add_error(None, self.refusal.message)
        return cleaned

    def refused_fields(self, fields: Mapping[str, str]) -> Mapping[str, str]:
        """The service's names of fields as the form's."""
        return fields


class SavedByService:
    """For ModelAdmin, named before it. A refused save is shown in the form, and nothing has changed.

    The form is built and checked twice then: the second time it knows the refusal.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        show: Callable[..., HttpResponse] = super().changeform_view  # type: ignore[misc]
        try:
            return show(request, *args, **kwargs)
        except errors.RequestRefused as error:
            request.refusal = error  # type: ignore[attr-defined]
            return show(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]
        form.refusal = refusal_of(request)
        return form
