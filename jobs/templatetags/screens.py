"""Tags and filters of the screens. What repeats ten thousand times is joined here, not looped over in a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from jobs.domain import retention
from jobs.gateways import disk
from jobs.services import exporting, health, rerunning, tagging
from jobs.templatetags.icon_paths import ICONS
from jobs.views import words
from jobs.views.actions import UNDO

register = template.Library()

# One letter a state, for the strips and for what the wall is told while it is polled; a capital took several tries.
LETTERS = {
    "waiting": "w",
    "running": "r",
    "done": "d",
    "review": "v",
    "blank": "b",
    "failed": "f",
    "quarantined": "q",
    "cancelled": "c",
}
DENSE_WALL = 400  # pages above which the cells shrink

register.filter("counted", words.counted)
register.filter("span", words.span)
register.filter("moments", words.moments)
register.filter("file_size", words.file_size)
register.filter("volume", words.volume)
register.filter("ordinal", words.ordinal)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of 16 px drawn in the colour of the text around it; its meaning must stand in words beside it."""
    return mark_safe(  # noqa: S308 - the paths are constants of ours
        f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{ICONS[name]}</svg>'
    )


@register.simple_tag
def when(moment: datetime | None) -> SafeString | str:
    """A moment in words, kept fresh by static/js/times.js; the exact time on hovering."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{moment.day} {moment:%B %Y, %H:%M} UTC",
        words.ago(moment, timezone.now()),
    )


@register.simple_tag
def until(moment: datetime | None) -> SafeString | str:
    """How long until a moment, counted down by static/js/times.js."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" data-until>{}</time>', moment.isoformat(), words.until(moment, timezone.now())
    )


@register.filter
def moment(text: str) -> datetime | None:
    """A moment that is kept as text in JSON."""
    return parse_datetime(text)


@register.simple_tag
def short_of_room() -> disk.Room | None:
    """What is free on the disk and what should be, while it is too little; else None."""
    room = disk.room()
    return room if room.is_short else None


@register.simple_tag
def outage_of(hosts: Any, outage: Any) -> dict[str, Any] | None:
    """What the banner says while nothing can be read: `words` and the moment of the next try; else None."""
    if not outage and hosts:
        outage = health.outage_of(hosts)
    return words.outage(outage) if outage else None


@register.filter
def unlocalized(number: float) -> str:
    """A number as SVG takes it, whatever the language of the page."""
    return f"{number:g}"


@register.filter
def span_or_dash(seconds: float | None) -> str:
    return words.span(seconds) if seconds else "–"


@register.filter
def side_by_side(finish: dict[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """(backend, seconds before, seconds after) of a replay's finish, by name."""
    before, after = finish["before"]["backends"], finish["after"]["backends"]
    return [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]


@register.simple_tag
def strip(bars: Sequence[str], label: str) -> SafeString:
    """A document's wall shrunk to a strip of bars. `bars` are looks, or states of pages."""
    marks = "".join(f'<i class="{_bar_letter(bar)}"></i>' for bar in bars)
    return format_html('<div class="strip" role="img" aria-label="{}">{}</div>', label, mark_safe(marks))  # noqa: S308 - letters


def _bar_letter(bar: str) -> str:
    return LETTERS[bar] if bar in LETTERS else LETTERS[words.page_look(bar)[0]]


@register.simple_tag
def wall(cells: Sequence[Any], selected: int | None, base: str) -> SafeString:
    """The pages of a document as links to `base`/number/, or without a base as bare leaves whose numbers are not known
    yet. Ten thousand take a few tens of milliseconds."""
    links = (
        "".join(_wall_cell(cell, selected, base) for cell in cells) if base else '<span class="w"></span>' * len(cells)
    )
    size = " dense" if len(cells) > DENSE_WALL else ""
    return format_html('<div class="wall{}" id="wall">{}</div>', size, mark_safe(links))  # noqa: S308 - escaped below


def _wall_cell(cell: Any, selected: int | None, base: str) -> str:
    look, word = words.page_look(cell.status, needs_review=cell.needs_review, reason=cell.reason)
    retried = " again" if cell.retried else ""
    current = ' aria-current="true"' if cell.number == selected else ""
    said = f"Page {cell.number}, {word}"
    why = f' title="{escape(cell.reason)}"' if cell.reason and look != "blank" else ""
    return (
        f'<a id="p{cell.number}" class="{LETTERS[look]}{retried}" href="{base}{cell.number}/"'
        f' aria-label="{said}"{why}{current}>{cell.number}</a>'
    )


@register.simple_tag
def wall_states(cells: Iterable[Any]) -> str:
    """The whole wall in a few bytes, run by run: `124d16r74w`. static/js/wall.js reads it."""
    letters = (_cell_letter(cell) for cell in cells)
    return "".join(f"{sum(1 for _ in run)}{letter}" for letter, run in groupby(letters))


def _cell_letter(cell: Any) -> str:
    letter = LETTERS[words.page_look(cell.status, needs_review=cell.needs_review, reason=cell.reason)[0]]
    return letter.upper() if cell.retried else letter


@register.simple_tag
def tags_of(document: Any) -> list[str]:
    """A document's tags by name. One query."""
    return tagging.of([document])[document.pk]


@register.simple_tag
def export_formats() -> list[tuple[str, str]]:
    """What a document can be taken along as: (its name, its word)."""
    return [(name, word) for name, word in words.FORMATS.items() if name in exporting.FORMATS]


@register.filter
def images_gone(document: Any) -> bool:
    """Whether its page images were deleted by a rule and cannot be drawn again."""
    return not rerunning.is_possible(document)


@register.filter
def deleted_words(at: datetime | None, what: str) -> str:
    """`The uploaded file was deleted on 3 May 2026 by the retention rule.`"""
    return retention.let_go(what, at)


@register.filter
def days_long(days: float) -> str:
    """`30 days`, `1 day`, `12 h`."""
    return words.counted(int(days), "day") if days >= 1 and days == int(days) else words.span(days * 86_400)


@register.filter
def undo_ids(message: Any) -> list[str]:
    """The documents that a message offers to take back out of the trash (views.actions); none for any other message."""
    tags = message.extra_tags or ""
    return tags.removeprefix(UNDO).split() if tags.startswith(UNDO) else []


@register.filter
def look_of(page: Any) -> str:
    return words.page_look(page.status, needs_review=page.needs_review, reason=page.reason)[0]


@register.filter
def word_of(page: Any) -> str:
    return words.page_look(page.status, needs_review=page.needs_review, reason=page.reason)[1]


@register.filter
def try_words(attempt: Any) -> str:
    return words.try_words(attempt.outcome, attempt.seconds, attempt.dpi)


@register.filter
def away_words(run: Any) -> str:
    """Why an attempt or a lease is at another backend than its document wanted; empty where it is the wanted one."""
    decision = run.decision or {}
    return str(decision.get("reason") or "") if decision.get("wanted") != decision.get("backend") else ""


@register.filter
def initials(user: Any) -> str:
    """Two letters for the round badge of a person."""
    parts = user.get_full_name().split() or [user.get_username()]
    return (parts[0][0] + parts[-1][0] if len(parts) > 1 else parts[0][:2]).upper()
