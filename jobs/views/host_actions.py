"""What can be done with a host: activate, drain, disable, check, remove. Each is a POST, and goes back to the hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from jobs import actors, errors
from jobs.services import backends
from jobs.services.admission import SelfTest
from jobs.views.administrators import administrators_only

TO_CONFIRM = {
    "disable": "Nothing is sent there any more, at once. Pages that run there are stored when they come back.",
    "remove": "Its address, key, figures and health are forgotten. Pages it has read stay as they are.",
    "force": "Its self-test failed: pages sent there may fail or come back wrong. It is logged that you overruled it.",
}
QUESTIONS = {"disable": "Disable {}?", "remove": "Remove {}?", "force": "Activate {} anyway?"}
YES = {"disable": "Disable", "remove": "Remove", "force": "Activate anyway"}


@require_POST
@administrators_only
def act(request: HttpRequest, name: str, deed: str) -> HttpResponse:
    """Does it and says what became of it. Without a script, what needs a yes is asked on a page of its own."""
    if deed not in DEEDS:
        raise Http404
    if deed in TO_CONFIRM and not request.POST.get("confirmed"):
        return _ask(request, name, deed)
    try:
        DEEDS[deed](request, name)
    except errors.OcrsiteError as error:
        messages.error(request, error.message)
    actors.dispatch_soon()
    return redirect(f"{reverse('backends')}#host-{name}" if deed != "remove" else "backends")


def _ask(request: HttpRequest, name: str, deed: str) -> HttpResponse:
    context = {"name": name, "deed": deed, "question": QUESTIONS[deed].format(name), "yes": YES[deed]}
    return render(request, "jobs/backend_confirm.html", context | {"why": TO_CONFIRM[deed]})


def _activate(request: HttpRequest, name: str) -> None:
    result = backends.activate(name, by=request.user)
    if result.passed:
        messages.success(request, f"{name} passed its self-test and takes pages now.")
    else:
        messages.error(request, f"{name} was not activated: {_said(result)}")


def _force(request: HttpRequest, name: str) -> None:
    result = backends.activate(name, by=request.user, force=True)
    if result.passed:
        messages.success(request, f"{name} passed its self-test this time and takes pages now.")
    else:
        messages.warning(request, f"{name} takes pages now, although its self-test failed: {_said(result)}")


def _check(request: HttpRequest, name: str) -> None:
    result = backends.check(name, by=request.user)
    if result.passed:
        messages.success(request, f"{name} passed its self-test. {_said(result)}")
    else:
        messages.error(request, f"{name} failed its self-test: {_said(result)}")


def _said(result: SelfTest) -> str:
    """What failed, or where nothing did all of it."""
    failed = [step.message for step in result.steps if step.tried and not step.passed]
    return " ".join(failed or [step.message for step in result.steps])


def _drain(request: HttpRequest, name: str) -> None:
    drained = backends.drain(name, by=request.user)
    busy = drained.lifecycle == "draining"
    then = "It is disabled when its last page is done." if busy else "Nothing ran there: it is disabled."
    messages.success(request, f"{name} gets no new pages. {then}")


def _disable(request: HttpRequest, name: str) -> None:
    backends.disable(name, by=request.user)
    messages.success(request, f"{name} is disabled.")


def _remove(request: HttpRequest, name: str) -> None:
    if backends.remove(name, by=request.user):
        messages.success(request, f"{name} was removed.")
    else:
        messages.warning(request, f"{name} is in use: it drains now, and is removed when its last page is done.")


DEEDS: dict[str, Callable[[HttpRequest, str], Any]] = {
    "activate": _activate,
    "force": _force,
    "check": _check,
    "drain": _drain,
    "disable": _disable,
    "remove": _remove,
}
