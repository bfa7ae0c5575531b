"""Advice on the rules and hosts, from what was measured over the last days; put off, or taken over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import advice, host_advice, tallies
from jobs.domain.advice import Advice, Given, Host
from jobs.domain.failures import Outcome
from jobs.domain.host_advice import Load
from jobs.domain.measured import Figures
from jobs.domain.tallies import Tally
from jobs.models import AdvicePutOff, Backend
from jobs.services import access, backends, costing, measuring, rolling_up, routing

DAYS = 7
WINDOW = timedelta(days=DAYS)


def given(*, now: datetime | None = None) -> Given:
    """What is advised, but for what was put off. Some twenty-five queries and 168 rows of each host, whatever was
    measured."""
    found = _all(now or timezone.now())
    put_off = dict(AdvicePutOff.objects.values_list("key", "figures"))
    wanted = [
        one
        for one in found.advices
        if one.key not in put_off or not advice.still_put_off(put_off[one.key], one.figures)
    ]
    return Given(wanted, found.missing)


def _all(now: datetime) -> Given:
    try:
        policy = routing.in_force()
    except errors.Unavailable as error:
        return Given([], [error.message])
    known = hosts(now)
    of_rules, of_hosts = advice.given(policy, known), host_advice.given(policy, known, _load())
    missing = dict.fromkeys([*of_rules.missing, *of_hosts.missing])
    return Given([*of_rules.advices, *of_hosts.advices], list(missing))


def _load() -> Load:
    found = costing.overview()
    first = next((host for host in found.hosts if host.backend.name == found.first), None)
    span = found.pair.pays_off() if found.pair else None
    return Load(
        pages_a_day=sum(host.pages_today for host in found.hosts),
        documents_a_day=found.documents_today,
        first_pages_a_day=first.pages_a_day if first else None,
        pays_off_from=span[1] if span else None,
    )


def hosts(now: datetime) -> list[Host]:
    """Every backend with what was measured of it over the last days."""
    rows = list(Backend.objects.in_name_order())
    names = [row.name for row in rows]
    figures = measuring.of_hosts(names, WINDOW, now=now)
    hours = measuring.series(names, "hour", rolling_up.hour_of(now - WINDOW))
    return [_host(row, figures[row.name], hours[row.name]) for row in rows]


def _host(row: Backend, figures: Figures, hours: Mapping[datetime, Tally]) -> Host:
    as_it_is = [hour for at, hour in hours.items() if at >= row.updated_at]  # whole hours since the last change
    calm, full = advice.by_load(as_it_is, row.slots)
    sequences = row.launch.get("max-num-seqs")
    return Host(
        name=row.name,
        lifecycle=row.lifecycle,
        slots=row.slots,
        figures=figures,
        kind=row.kind,
        sequences=sequences if isinstance(sequences, int) else None,
        calm=calm,
        full=full,
        ran_out=tallies.merged(as_it_is).outcomes.get(Outcome.OUT_OF_MEMORY, 0),
        hours_watched=sum(1 for hour in hours.values() if hour.looks),
        by_class=tallies.merged(hours.values()).seconds,
    )


def find(key: str) -> Advice:
    """The advice of that key. Raises errors.NotFound where the figures do not give it any more."""
    found = next((one for one in _all(timezone.now()).advices if one.key == key), None)
    if found is None:
        raise errors.NotFound("This is not advised any more: what was measured, or what is set, has changed.")
    return found


def put_off(key: str, *, by: Any) -> Advice:
    """Not now: it is told again when its figures differ by a good deal. Raises errors.NotFound."""
    found = find(key)
    with transaction.atomic():
        AdvicePutOff.objects.update_or_create(key=key, defaults={"figures": dict(found.figures)})
        access.audit("advice.put_off", by=by, subject=found.what)
    return found


def take_over(key: str, *, by: Any) -> Advice:
    """Change the host's settings as advised. Raises errors.NotFound, errors.Conflict where it changes no host."""
    found = find(key)
    if not found.settings:
        raise errors.Conflict("This advice changes no host's settings.")
    backends.update(found.backend, by=by, **found.settings)
    return found
