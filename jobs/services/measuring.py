"""What was measured of a host: `figures` over any stretch of time, `series` for a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from jobs.domain import measured, tallies
from jobs.domain.measured import Figures
from jobs.domain.tallies import Tally
from jobs.models import Attempt, HealthSample, Measurement
from jobs.services import rolling_up

# The finest span that is kept for a stretch of time and is not too many rows: at most 180, 1,464 or a day each.
FINE = timedelta(hours=3)
COARSE = timedelta(days=61)
PENDING_ROWS = 2000  # of what has not been rolled up yet; the clock leaves a few seconds' worth


def figures(backend: str, window: timedelta, *, now: datetime | None = None) -> Figures:
    """What a host did over the last `window`: pages a minute, seconds a page (p50, p95, p99; also by how many pages
    the document has), tokens a second, incidents of running out of memory, utilisation while work waited. See
    domain.measured.Figures for what each is measured over, and in which units.

    For alerts, advice and metrics too: `figures("calypso", timedelta(minutes=5))`. Calls are counted when they end, up
    to this moment. `since` is the beginning of the minute in which the window begins, for more than three hours of the
    hour, for more than two months of the day. A host that did nothing, or does not exist, has figures that say so.
    At most six queries, and at most some 1,500 rows read, whatever the window.
    """
    now = now or timezone.now()
    return of_hosts([backend], window, now=now)[backend]


def of_hosts(backends: Sequence[str], window: timedelta, *, now: datetime | None = None) -> dict[str, Figures]:
    """`figures` of several hosts, by name, in as many queries as for one."""
    now = now or timezone.now()
    span, since = _span(window, now)
    parts = _stored(backends, span, since, now)
    # What is rolled up between these two reads is missed this once; read the other way round it would count twice.
    for name, minutes in _pending(backends).items():
        parts[name] += [tally for minute, tally in minutes.items() if since <= minute <= now]
    return {name: measured.figures(tallies.merged(found), since, now) for name, found in parts.items()}


def rolled_up(backends: Sequence[str], window: timedelta) -> dict[str, Figures]:
    """As `of_hosts`, without the calls of the last few seconds: one query, however many hosts there are. For polls."""
    now = timezone.now()
    span, since = _span(window, now)
    parts = _stored(backends, span, since, now)
    return {name: measured.figures(tallies.merged(found), since, now) for name, found in parts.items()}


def _stored(backends: Sequence[str], span: str, since: datetime, now: datetime) -> dict[str, list[Tally]]:
    stored = Measurement.objects.filter(backend__in=backends, span=span, begins_at__gte=since, begins_at__lte=now)
    parts: dict[str, list[Tally]] = {name: [] for name in backends}
    for name, tally in stored.order_by().values_list("backend", "tally"):
        parts[name].append(tallies.from_json(tally))
    return parts


def _span(window: timedelta, now: datetime) -> tuple[str, datetime]:
    began = now - window
    if window <= FINE:
        return "minute", tallies.minute_of(began)
    if window <= COARSE:
        return "hour", rolling_up.hour_of(began)
    return "day", rolling_up.day_of(began)


def _pending(backends: Sequence[str]) -> dict[str, dict[datetime, Tally]]:
    """By host and minute what ended and is not rolled up yet. Two queries, and one for each host with any."""
    # Not asked for by host: databases would then read all that these hosts ever did, rather than the few uncounted.
    attempts = rolling_up.uncounted(Attempt).order_by("-pk")[:PENDING_ROWS]
    samples = rolling_up.uncounted(HealthSample).order_by("-pk")[:PENDING_ROWS]
    found = rolling_up.by_host(rolling_up.calls(attempts), rolling_up.looks(samples))
    return {name: _beside_stored(name, minutes) for name, minutes in found.items() if name in backends}


def _beside_stored(backend: str, minutes: Mapping[datetime, tallies.Minute]) -> dict[datetime, Tally]:
    stored = Measurement.objects.filter(backend=backend, span="minute", begins_at__in=list(minutes))
    busy = {at: int(bits or "0", 16) for at, bits in stored.order_by().values_list("begins_at", "busy")}
    return {at: minute.beside(busy.get(at, 0)) for at, minute in minutes.items()}


def series(backends: Sequence[str], span: str, since: datetime) -> dict[str, dict[datetime, Tally]]:
    """By host the sums of each minute, hour or day with anything in it, by when it began. One query."""
    rows = Measurement.objects.filter(backend__in=backends, span=span, begins_at__gte=since).order_by("begins_at")
    found: dict[str, dict[datetime, Tally]] = {name: {} for name in backends}
    for name, at, tally in rows.values_list("backend", "begins_at", "tally"):
        found[name][at] = tallies.from_json(tally)
    return found
