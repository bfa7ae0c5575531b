"""Tags, put on and taken off: from a row, from the document's page, and for all that were chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from jobs import errors
from jobs.services import tagging
from jobs.views import words
from jobs.views.requests import asked_from

MOST_AT_ONCE = 500
OWN_FIELD = "tag-"  # and a document's id: the field of that row alone


@require_POST
def tag(request: HttpRequest) -> HttpResponse:
    """Does what was asked, says what became of it, and goes back to where it was asked for."""
    wishes = list(_wishes(request.POST))[:MOST_AT_ONCE]
    if not wishes:
        messages.error(request, "Choose a document and write a tag for it.")
    refused = [sentence for wish in wishes if (sentence := _done(*wish, request.user))]
    for sentence in dict.fromkeys(refused):
        messages.error(request, sentence)
    if len(wishes) - len(refused) > 1:
        messages.success(request, f"{words.counted(len(wishes) - len(refused), 'document')} changed.")
    return redirect(asked_from(request.POST.get("next", "")))


def _wishes(said: QueryDict) -> Iterator[tuple[Callable[..., Any], str, str]]:
    """(what to do, to which document, with which tag). A row's own button comes before what stands in other fields."""
    if "remove" in said:
        document, _, name = said.get("remove", "").partition(":")
        yield tagging.remove, document, name
    elif said.get("do") in ("tag", "untag"):
        deed = tagging.add if said["do"] == "tag" else tagging.remove
        yield from ((deed, document, said.get("tag", "")) for document in said.getlist("document"))
    else:
        own = [field for field in said if field.startswith(OWN_FIELD) and said.get(field, "").strip()]
        yield from ((tagging.add, field.removeprefix(OWN_FIELD), said.get(field, "")) for field in own)


def _done(deed: Callable[..., Any], document: str, name: str, user: Any) -> str:
    """Empty, or the sentence why not."""
    try:
        deed(UUID(document), name, by=user)
    except errors.RequestRefused as error:
        return str(error.message)
    except ValueError:
        return "That is not a document."
    return ""
