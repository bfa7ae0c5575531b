"""What happened, for programs that ask rather than be told."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from jobs.api import notice_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.schemas import EventList, EventOut
from jobs.services import events

router = Router(tags=["Events and webhooks"], auth=needs("read"))


class EventsQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    after: str = Field("0", pattern=r"^[0-9]{1,18}$", description="The cursor of the last event seen.")


@router.get("/events", summary="What happened", **answers(EventList, example=examples.EVENTS, refusals=("invalid",)))
def list_events(request: HttpRequest, query: Query[EventsQuery]) -> dict[str, Any]:
    """In the order in which it happened, oldest first: of one's own documents, for administrators of the whole site.
    Kept for 7 days. `next_cursor` is what to ask on `after`: it stays the same while nothing happens."""
    rows = events.after(request.user, int(query.after), query.limit)
    return {"items": [EventOut.of(row) for row in rows], "next_cursor": str(rows[-1].pk) if rows else query.after}
