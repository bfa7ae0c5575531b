"""What can be done to documents: cancel, pause, resume, retry, delete, read again. One address for one and for many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from jobs import actors, errors
from jobs.forms import ActionForm
from jobs.models import Document
from jobs.services import documents
from jobs.views import words
from jobs.views.requests import asked_from

DEEDS: dict[str, tuple[Callable[..., Any], str]] = {
    "cancel": (documents.cancel, "cancelled"),
    "pause": (documents.pause, "paused"),
    "resume": (documents.resume, "resumed"),
    "retry": (documents.retry, "sent again"),
    "delete": (documents.delete, "deleted"),
    "run_again": (documents.run_again, "sent to be read again"),
}
TO_CONFIRM = {
    "delete": "Its text, its pages and the uploaded file are removed for good.",
    "cancel": "Pages already read are kept; the others will not be read.",
}


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Does it, says what became of it, and goes back to where it was asked for."""
    form = ActionForm(request.POST)
    if not form.is_valid():
        raise BadRequest("No such action, or no document was chosen.")
    said = form.cleaned_data
    if said["action"] in TO_CONFIRM and not said["confirmed"]:
        return _ask(request, said)
    _tell(request, said["action"], *_do(said["action"], said["document"], request.user))
    actors.dispatch_soon()
    return redirect(asked_from(said["next"]))


def _do(action: str, ids: list[str], user: Any) -> tuple[list[str], list[str]]:
    """(what was done to which document's id, sentences about what was not)."""
    deed, done, refused = DEEDS[action][0], [], []
    for document_id in ids:
        try:
            made = deed(UUID(document_id), by=user)
            if action == "run_again":
                actors.prepare_soon(made.id)
            done.append(document_id)
        except (errors.RequestRefused, errors.Unavailable) as error:
            refused.append(error.message)
        except ValueError:
            refused.append("That is not a document.")
    return done, refused


def _tell(request: HttpRequest, action: str, done: list[str], refused: list[str]) -> None:
    if done and (len(done) > 1 or action in ("delete", "retry", "run_again")):
        messages.success(request, f"{words.counted(len(done), 'document')} {DEEDS[action][1]}.")
    for sentence in dict.fromkeys(refused):
        messages.error(request, sentence)


def _ask(request: HttpRequest, said: dict[str, Any]) -> HttpResponse:
    """Without a script the question is a page of its own."""
    wanted = [text for text in said["document"] if _is_id(text)]
    chosen = Document.objects.visible_to(request.user).filter(pk__in=wanted)
    return render(request, "jobs/confirm.html", {"said": said, "chosen": chosen, "why": TO_CONFIRM[said["action"]]})


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
