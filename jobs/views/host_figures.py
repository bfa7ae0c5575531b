"""A host's figures in words: what is expected, what was measured, how they go together, what upstream says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.domain import host_profile, measured, upstream
from jobs.domain.host_profile import Item
from jobs.domain.measured import Compared, Figures
from jobs.models import Backend
from jobs.views import words

LESS_IS_BETTER = ("seconds_10_pages", "seconds_50_pages")
LONGEST = 300  # characters of a figure that is no number
NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Line:
    """One figure. `verdict`: good, bad or empty, for its look; `note`: where upstream says otherwise."""

    label: str
    expected: str = ""
    measured: str = ""
    ratio: str = ""
    verdict: str = ""
    note: str = ""


def item_words(item: Item, value: Any) -> str:
    """A figure of a profile with its unit; empty where nothing was entered."""
    if value is None or value == "":
        return ""
    if item.kind == "range":
        return range_words(measured.span(value), item.unit)
    if item.kind == "switch":
        return "on" if value else "off"
    if item.kind in ("whole", "number") and measured.span(value) and not isinstance(value, list):
        return with_unit(f"{value:,.10g}", item.unit)
    return str(value)[:LONGEST]


def range_words(span: tuple[float, float] | None, unit: str) -> str:
    """`25–40 s`, `2–4 min`, `800–1,200 tokens/s`, `$5,000–15,000`; empty for none."""
    if span is None:
        return ""
    if unit == "s" and span[0] >= 90:
        return range_words((span[0] / 60, span[1] / 60), "min")
    return with_unit(host_profile.write_range(list(span)), unit)


def with_unit(number: str, unit: str) -> str:
    if unit == "$":
        return f"${number}"
    return f"{number} {unit}".strip()


def profile(backend: Backend) -> list[tuple[str, list[Line]]]:
    """The sections of its profile but what is expected and costs; what nobody entered is left out."""
    known = notes(backend)
    sections = []
    for title in ("Hardware", "Software", "Launch flags"):
        lines = [
            Line(item.label, expected=said, note=known.get(item.name, ""))
            for item in host_profile.SECTIONS[title]
            if (said := item_words(item, getattr(backend, item.group).get(item.key)))
        ]
        if lines:
            sections.append((title, lines))
    return sections


def notes(backend: Backend) -> dict[str, str]:
    """Where upstream, or the host itself, says otherwise, by the item's name."""
    health = getattr(backend, "health", None)
    return upstream.notes(
        backend.hardware,
        backend.launch,
        backend.expected,
        model_profile=backend.model_profile,
        served_version=health.version if health else "",
        served_max_model_len=health.served_max_model_len if health else None,
    )


def expected_and_measured(backend: Backend, found: Figures) -> list[Line]:
    """Each expected figure; those that can be measured with what was, and the ratio."""
    known = notes(backend)
    measurable = {one.name: one for one in measured.compared(backend.expected, found, slots=backend.slots)}
    lines = []
    for item in host_profile.EXPECTED:
        one = measurable.get(item.key)
        expected = range_words(measured.span(backend.expected.get(item.key)), item.unit)
        if one is not None:
            lines.append(compared_line(item, one, expected, known.get(item.name, ""), found, backend.slots))
        elif expected:
            lines.append(Line(item.label, expected, note=known.get(item.name, "")))
    return lines


def compared_line(item: Item, one: Compared, expected: str, note: str, found: Figures, slots: int) -> Line:
    value = one.measured
    shown = NOT_YET if value is None else words.moments(value) if item.unit == "s" else _number(value, item.unit)
    ratio, verdict = ratio_words(one)
    if verdict == "bad" and item.key == "tokens_per_second" and (found.at_once or 0) < slots / 2:
        # It had too little to do to show what it can.
        ratio, verdict = f"{one.ratio:.2g}×, with {words.figure(found.at_once or 0)} at once", ""
    return Line(item.label, expected, shown, ratio, verdict, note)


def _number(value: float, unit: str) -> str:
    return with_unit(words.figure(value), unit)


def ratio_words(one: Compared) -> tuple[str, str]:
    """(`as expected`, `0.7×, slower`; empty where there is nothing to compare) and whether that is good or bad."""
    if one.ratio is None:
        return "", ""
    if one.ratio == 1:
        return "as expected", "good"
    if one.name == "concurrent_requests":
        return f"{one.ratio:.2g}×, so far", ""  # how many come is not the host's doing
    better = (one.ratio < 1) == (one.name in LESS_IS_BETTER)
    return f"{one.ratio:.2g}×, {'better' if better else 'slower'}", "good" if better else "bad"


def measured_alone(found: Figures) -> Sequence[Line]:
    """Figures nobody expects anything of in numbers."""
    share = found.utilisation_while_waiting
    seconds = found.seconds
    return (
        Line("Pages a minute, while busy", measured=_known(found.pages_per_minute)),
        Line(
            "Seconds a page: p50, p95, p99",
            measured=" · ".join(map(words.moments, (seconds.p50, seconds.p95, seconds.p99))) if seconds else NOT_YET,
        ),
        Line("Calls at once, on the mean", measured=_known(found.at_once)),
        Line("Slots in use while pages waited", measured=NOT_YET if share is None else f"{share:.0%}"),
        Line("Ran out of memory", measured=words.counted(found.out_of_memory, "time") if found.outcomes else NOT_YET),
        Line("Quality retries", measured=f"{found.quality_retries:,}" if found.outcomes else NOT_YET),
    )


def _known(value: float | None) -> str:
    return NOT_YET if value is None else words.figure(value)
