"""Alerts: what is found is compared with the rules, and each that begins, fires or ends is kept.

A look survives running twice: every move is a conditional UPDATE, or an INSERT that a constraint allows once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import alert_rules
from jobs.domain import alerts as judging
from jobs.domain.alert_rules import CRITICAL, Rule
from jobs.domain.alerts import FIRING, PENDING, QUIET, Fact, State
from jobs.models import Alert, AlertRule, Backend
from jobs.models.notices import CLEARED
from jobs.services import access, alert_facts, events

log = structlog.get_logger(__name__)

HISTORY = 50
KEPT = timedelta(days=365)  # a year of history; even one that fires daily is few rows
EDITABLE = ("threshold", "release", "for_seconds", "clear_seconds", "severity", "enabled")
NOTE_CHARACTERS = 500


def look() -> None:
    """One round: gather the facts, and judge them."""
    judge(alert_facts.gather(), timezone.now())


def judge(facts: Iterable[Fact], now: datetime) -> None:
    """Compare facts with the rules in force. What is open and was not found again has nothing to compare any more."""
    rules = rules_in_force()
    known = {(alert.kind, alert.subject): alert for alert in Alert.objects.open()}
    found = {(fact.kind, fact.subject): fact for fact in facts}
    for key in [*found, *(key for key in known if key not in found)]:
        fact = found.get(key) or Fact(*key)
        rule = alert_rules.rule_for(rules, *key)
        _move(known.get(key), fact, rule, now)


def _move(alert: Alert | None, fact: Fact, rule: Rule | None, now: datetime) -> None:
    before = alert.state if alert else State()
    after = judging.observed(before, fact.value, now.timestamp(), rule)
    if alert is None:
        if rule is not None and after.phase != QUIET:
            _begin(fact, rule, after.phase, now)
    elif after.phase == QUIET:
        _end(alert, now)
    elif rule is not None and after.phase == FIRING and before.phase == PENDING:
        _fire(alert, fact, rule, now)
    elif rule is not None and after.phase == FIRING:
        _goes_on(alert, fact, rule, after)


def _begin(fact: Fact, rule: Rule, phase: str, now: datetime) -> None:
    alert = Alert(kind=fact.kind, subject=fact.subject, began_at=now, **_said(fact, rule))
    try:
        with transaction.atomic():
            alert.save()
    except IntegrityError:
        log.info("alert.known_already", kind=fact.kind, subject=fact.subject)
        return  # another clock looked at the same moment
    if phase == FIRING:
        _fire(alert, fact, rule, now)


def _said(fact: Fact, rule: Rule) -> dict[str, Any]:
    return {"value": fact.value, "cause": fact.cause, "severity": rule.severity, "threshold": rule.threshold}


def _fire(alert: Alert, fact: Fact, rule: Rule, now: datetime) -> None:
    with transaction.atomic():
        pending = Alert.objects.filter(pk=alert.pk, phase=PENDING)
        if pending.update(phase=FIRING, fired_at=now, **_said(fact, rule)):
            _changed(alert)


def _end(alert: Alert, now: datetime) -> None:
    """One that never fired leaves nothing behind."""
    if alert.phase == PENDING:
        Alert.objects.filter(pk=alert.pk, phase=PENDING).delete()
        return
    with transaction.atomic():
        if Alert.objects.filter(pk=alert.pk, phase=FIRING).update(phase=CLEARED, cleared_at=now):
            _changed(alert)


def _changed(alert: Alert) -> None:
    """It fires now, or is over: said to the log and to webhooks. Inside the transaction of the change."""
    alert.refresh_from_db()
    events.alert_changed(alert, sentence(alert))
    log.warning("alert.changed", kind=alert.kind, subject=alert.subject, phase=alert.phase, said=sentence(alert))


def _goes_on(alert: Alert, fact: Fact, rule: Rule, after: State) -> None:
    """Kept up to date while it fires. Another cause, or a higher severity, is news: nobody has acknowledged that."""
    calm = datetime.fromtimestamp(after.calm_since, tz=timezone.get_default_timezone()) if after.calm_since else None
    said = _said(fact, rule) if fact.value is not None and rule.is_beyond(fact.value) else {"severity": rule.severity}
    told = said | {"calm_since": calm}
    cause, worse = said.get("cause", alert.cause), rule.severity == CRITICAL != alert.severity
    if alert.acknowledged_at and (cause != alert.acknowledged_cause or worse):
        told |= {"acknowledged_at": None, "acknowledged_by": None, "acknowledged_cause": "", "note": ""}
    if any(getattr(alert, name) != value for name, value in told.items()):
        Alert.objects.filter(pk=alert.pk, phase=FIRING).update(**told)


def sentence(alert: Alert) -> str:
    """What is wrong, or was."""
    return alert_rules.sentence(alert.kind, alert.subject, alert.value or 0.0, alert.cause)


def firing() -> list[Alert]:
    """Those that fire: critical ones first, then the newest. One query."""
    found = Alert.objects.firing().select_related("acknowledged_by").order_by("-fired_at", "-id")
    return sorted(found, key=lambda alert: alert.severity != CRITICAL)


def unacknowledged() -> list[Alert]:
    """Those that fire and nobody has acknowledged, for the head of every screen. One query."""
    return [alert for alert in firing() if not alert.acknowledged_at]


def history() -> list[Alert]:
    """The newest of those that are over."""
    return list(Alert.objects.over().select_related("acknowledged_by")[:HISTORY])


def prune() -> int:
    """Alerts that ended longer ago than KEPT are deleted. Returns how many."""
    return int(Alert.objects.over().filter(cleared_at__lt=timezone.now() - KEPT).delete()[0])


def listed(*, limit: int, before: int | None = None, phase: str = "") -> list[Alert]:
    """Those that fire or have fired, the newest first; older than the one with the id `before`."""
    found = Alert.objects.exclude(phase=PENDING).select_related("acknowledged_by").order_by("-id")
    found = found.filter(phase=phase) if phase else found
    return list((found if before is None else found.filter(pk__lt=before))[:limit])


def find(alert_id: int) -> Alert:
    """An alert that fires or has fired. Raises errors.NotFound."""
    alert: Alert | None = (
        Alert.objects.exclude(phase=PENDING).select_related("acknowledged_by").filter(pk=alert_id).first()
    )
    if alert is None:
        raise errors.NotFound("There is no such alert.")
    return alert


def acknowledge(alert_id: int, *, by: Any, note: str = "") -> Alert:
    """Somebody knows of it: it is quiet until it changes or is over. Twice is harmless, the newer note stands.

    Raises errors.NotFound, errors.Conflict for one that is over, errors.Invalid for a note that is too long.
    """
    alert = find(alert_id)
    if len(note) > NOTE_CHARACTERS:
        raise errors.Invalid("The note is too long.", {"note": f"Use at most {NOTE_CHARACTERS} characters."})
    told = {"acknowledged_at": timezone.now(), "acknowledged_by": by, "acknowledged_cause": alert.cause}
    with transaction.atomic():
        if not Alert.objects.filter(pk=alert.pk, phase=FIRING).update(**told, note=note.strip()):
            raise errors.Conflict("This alert is over already.")
        access.audit("alert.acknowledged", by=by, subject=str(alert), detail={"note": note.strip()} if note else {})
    return find(alert_id)


def rules_in_force() -> list[Rule]:
    """The shipped rules, with those that were edited in their place, and those that were added. One query."""
    return alert_rules.in_force(_of_row(row) for row in AlertRule.objects.all())


def _of_row(row: AlertRule) -> Rule:
    return Rule(row.kind, row.backend, **{name: getattr(row, name) for name in EDITABLE})


def change_rule(kind: str, backend: str, *, by: Any, **changed: Any) -> Rule:
    """Edit a rule, or add one for a host of its own. Raises errors.NotFound for a kind there is not, or a host there is
    neither; errors.Invalid with the fields that are wrong."""
    about = alert_rules.KINDS.get(kind)
    if about is None or (backend and not about.per_host):
        raise errors.NotFound("There is no such rule.")
    known = {rule.key: rule for rule in rules_in_force()}
    before = known.get((kind, backend))
    if before is None and not Backend.objects.filter(name=backend).exists():
        raise errors.NotFound("There is no such rule.")
    base = before or alert_rules.rule_for(known.values(), kind, backend) or alert_rules.shipped(kind)
    rule = replace(base, backend=backend, **changed)
    if wrong := alert_rules.problems(rule):
        raise errors.Invalid("The rule was not saved. " + " ".join(wrong.values()), wrong)
    fields = {name: value for name, value in asdict(rule).items() if name in EDITABLE}
    with transaction.atomic():
        AlertRule.objects.update_or_create(kind=kind, backend=backend, defaults=fields)
        subject = f"{about.title} {backend}".strip()
        access.audit("alert.rule_changed", by=by, subject=subject, detail=fields)
    return rule


def reset_rule(kind: str, backend: str, *, by: Any) -> None:
    """Forget what was edited: a shipped rule is as it shipped, an added one is gone. Raises errors.NotFound."""
    with transaction.atomic():
        if not AlertRule.objects.filter(kind=kind, backend=backend).delete()[0]:
            raise errors.NotFound("There is no such rule, or it is as it shipped.")
        subject = f"{alert_rules.KINDS[kind].title} {backend}".strip()
        access.audit("alert.rule_reset", by=by, subject=subject)
