"""Adding a host and editing one, on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from jobs import actors, errors
from jobs.models import Backend
from jobs.services import backends
from jobs.views import serve_command
from jobs.views.administrators import administrators_only
from jobs.views.host_form import HostForm


@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def add(request: HttpRequest) -> HttpResponse:
    """A new one is planned: nothing is sent to it before it is activated."""
    form = HostForm(request.POST or None)
    if request.method == "POST" and _saved(form, lambda said: backends.create(by=request.user, **said)):
        name = form.cleaned_data["name"]
        messages.success(request, f"{name} was added, as planned: activate it to have it tested and put to work.")
        return redirect(f"{reverse('backends')}#host-{name}")
    return _page(request, form)


@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def edit(request: HttpRequest, name: str) -> HttpResponse:
    backend = _find(name)
    form = HostForm(request.POST or None, backend=backend)
    if request.method == "POST" and _saved(form, lambda said: backends.update(name, by=request.user, **said)):
        _tell(request, form, backend)
        actors.dispatch_soon()
        return redirect(f"{reverse('backends')}#host-{name}")
    return _page(request, form, backend)


def _find(name: str) -> Backend:
    try:
        return backends.find(name)
    except errors.NotFound as error:
        raise Http404(error.message) from None


def _saved(form: HostForm, save: Callable[[dict[str, Any]], Any]) -> bool:
    if not form.is_valid():
        return False
    fields = form.changes()
    if form.backend is None:
        fields["name"] = form.cleaned_data["name"]
    try:
        save(fields)
    except errors.Invalid as error:
        form.refuse(error.message, error.fields)
    except errors.Conflict as error:
        form.refuse(error.message, {"name": error.message} if form.backend is None else {})
    return form.is_valid()


def _tell(request: HttpRequest, form: HostForm, before: Backend) -> None:
    fields = form.changes()
    if "base_url" in fields and before.api_key_set and "api_key" not in fields:
        messages.warning(request, "Its API key was removed with the old address: enter it again if it has one.")
    messages.success(request, f"{before.name} was saved." if fields else "Nothing was changed.")


def _page(request: HttpRequest, form: HostForm, backend: Backend | None = None) -> HttpResponse:
    context = {"form": form, "backend": backend, "commands": serve_command.COMMANDS}
    return render(request, "jobs/backend_form.html", context, status=422 if form.errors else 200)
