"""What can be done to documents: cancel, pause, retry, delete, restore … One address for one and for many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from jobs import actors, errors
from jobs.forms import ActionForm
from jobs.gateways.storage import Volume
from jobs.models import Document
from jobs.services import documents, trash
from jobs.views import words
from jobs.views.requests import asked_from

DEEDS: dict[str, tuple[Callable[..., Any], str]] = {
    "cancel": (documents.cancel, "cancelled"),
    "pause": (documents.pause, "paused"),
    "resume": (documents.resume, "resumed"),
    "retry": (documents.retry, "sent again"),
    "delete": (trash.put, "moved to the trash"),
    "restore": (trash.restore, "restored"),
    "purge": (trash.delete_for_good, "deleted for good"),
    "run_again": (documents.run_again, "sent to be read again"),
}
TO_CONFIRM = {
    "purge": "Text, pages and the uploaded files are removed, and nobody can bring them back.",
    "cancel": "Pages already read are kept; the others will not be read.",
}
TOLD_OF_ONE = ("delete", "restore", "purge", "retry", "run_again")
UNDO = "undo "  # begins the extra tags of a message that offers to take back; the documents' ids follow


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Does it, says what became of it, and goes back to where it was asked for."""
    form = ActionForm(request.POST)
    if not form.is_valid():
        raise BadRequest("No such action, or no document was chosen.")
    said = form.cleaned_data
    if said["action"] in TO_CONFIRM and not said["confirmed"]:
        return _ask(request, said)
    _tell(request, said["action"], _do(said["action"], said["document"], request.user))
    actors.dispatch_soon()
    return redirect(_back(said))


def _back(said: dict[str, Any]) -> str:
    """Where it was asked for, if that still exists after the deed."""
    gone = said["action"] == "delete" and any(document_id in said["next"] for document_id in said["document"])
    return "documents" if gone else asked_from(said["next"])


@dataclass
class Outcome:
    """What became of a deed: the ids it was done to, the sentences of those that refused, the files that go."""

    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    removed: Volume = field(default_factory=Volume)


def _do(action: str, ids: list[str], user: Any) -> Outcome:
    deed, outcome = DEEDS[action][0], Outcome()
    for document_id in ids:
        try:
            made = deed(UUID(document_id), by=user)
            outcome.done.append(document_id)
        except (errors.RequestRefused, errors.Unavailable) as error:
            outcome.refused.append(error.message)
            continue
        except ValueError:
            outcome.refused.append("That is not a document.")
            continue
        if action == "run_again":
            actors.prepare_soon(made.id)
        elif action == "purge":
            outcome.removed += made
    if outcome.done and action == "purge":
        actors.clear_trash_soon()
    return outcome


def _tell(request: HttpRequest, action: str, outcome: Outcome) -> None:
    done = outcome.done
    if done and (len(done) > 1 or action in TOLD_OF_ONE):
        said = f"{words.counted(len(done), 'document')} {DEEDS[action][1]}"
        if action == "purge":
            said += f": {words.volume(outcome.removed)}"
        undo = UNDO + " ".join(done) if action == "delete" else ""
        messages.success(request, f"{said}.", extra_tags=undo)
    for sentence in dict.fromkeys(outcome.refused):
        messages.error(request, sentence)


def _ask(request: HttpRequest, said: dict[str, Any]) -> HttpResponse:
    """Without a script the question is a page of its own."""
    wanted = [text for text in said["document"] if _is_id(text)]
    there = trash.contents(request.user) if said["action"] == "purge" else Document.objects.visible_to(request.user)
    chosen = there.filter(pk__in=wanted)
    return render(request, "jobs/confirm.html", {"said": said, "chosen": chosen, "why": TO_CONFIRM[said["action"]]})


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
