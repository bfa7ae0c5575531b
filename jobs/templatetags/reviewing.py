"""How many pages wait for a look, for the head of every screen."""

from __future__ import annotations

from typing import Any

from django import template

from jobs.services import reviewing

register = template.Library()


@register.simple_tag(takes_context=True)
def review_count(context: Any) -> int:
    """One query, by a partial index; none on the list, which has counted already."""
    if "listing" in context:
        return int(context["listing"].own.to_review)
    user = context["user"]
    return reviewing.count(user) if user.is_authenticated else 0
