"""What is wrong now, what was, and from when on something counts as wrong. For administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from jobs import errors
from jobs.domain.alert_rules import KINDS, SEVERITIES
from jobs.forms import AlertRuleForm
from jobs.models import Backend
from jobs.services import alert_facts, alerts
from jobs.views import alert_rows
from jobs.views.administrators import administrators_only
from jobs.views.alert_rows import RuleRow
from jobs.views.rows import digest


class Board:
    """Everything the screen shows, as it is now. About twelve queries, however much there is."""

    def __init__(self, refused: RuleRow | None = None) -> None:
        firing = alerts.firing()
        self.firing = [alert for alert in firing if not alert.acknowledged_at]
        self.acknowledged = [alert for alert in firing if alert.acknowledged_at]
        self.history = alerts.history()
        self.rows = alert_rows.rows(alerts.rules_in_force(), alert_facts.gather(), refused)

    @property
    def summary(self) -> str:
        """`2 firing, 1 acknowledged`."""
        if not self.firing and not self.acknowledged:
            return "Nothing is wrong"
        known = f", {len(self.acknowledged)} acknowledged" if self.acknowledged else ""
        return f"{len(self.firing) or 'None'} firing{known}"

    @property
    def seen(self) -> str:
        told = [
            (a.pk, alerts.sentence(a), a.severity, a.note) for a in [*self.firing, *self.acknowledged, *self.history]
        ]
        return digest(self.summary, told, [row.now for row in self.rows])


@require_safe
@administrators_only
def board(request: HttpRequest) -> HttpResponse:
    return _board(request, Board())


@require_safe
@administrators_only
def board_live(request: HttpRequest) -> HttpResponse:
    """What changed: 204 if `seen` still holds."""
    shown = Board()
    if request.GET.get("seen") == shown.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_alerts_live.html", {"board": shown})


@require_POST
@administrators_only
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    try:
        alert = alerts.acknowledge(alert_id, by=request.user, note=request.POST.get("note", ""))
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Acknowledged: {alerts.sentence(alert)} It is quiet until it changes or ends.")
    return redirect("alerts")


@require_POST
@administrators_only
def change_rule(request: HttpRequest) -> HttpResponse:
    form = AlertRuleForm(request.POST)
    wrong = {} if form.is_valid() else form.refusals()
    said = form.cleaned_data
    kind, backend = said.get("kind", ""), said.get("backend", "")
    try:
        if wrong:
            raise errors.Invalid("The rule was not saved.", wrong)
        rule = alerts.change_rule(kind, backend, by=request.user, **form.changes())
    except errors.Invalid as error:
        return _refused(request, kind, backend, error)
    except errors.NotFound as error:
        messages.error(request, error.message)
        return redirect("alerts")
    messages.success(request, f"{rule.about.title}: the rule was changed.")
    return redirect(f"{reverse('alerts')}#{RuleRow(rule, ()).key}")


@require_POST
@administrators_only
def add_rule(request: HttpRequest) -> HttpResponse:
    """A rule for one host, which starts from the one for all, or from that of another host."""
    kind, backend = request.POST.get("kind", ""), request.POST.get("backend", "")
    try:
        rule = alerts.change_rule(kind, backend, by=request.user)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
        return redirect("alerts")
    messages.success(request, f"{rule.about.title}: {backend} has a rule of its own now. Edit it below.")
    return redirect(f"{reverse('alerts')}#{RuleRow(rule, ()).key}")


@require_POST
@administrators_only
def reset_rule(request: HttpRequest) -> HttpResponse:
    try:
        alerts.reset_rule(request.POST.get("kind", ""), request.POST.get("backend", ""), by=request.user)
    except errors.NotFound as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "What was edited is forgotten.")
    return redirect("alerts")


def _refused(request: HttpRequest, kind: str, backend: str, error: errors.Invalid) -> HttpResponse:
    known = {rule.key: rule for rule in alerts.rules_in_force()}
    rule = known.get((kind, backend))
    if rule is None:
        messages.error(request, error.message)
        return redirect("alerts")
    sent = {name: request.POST.get(name, "") for name in ("threshold", "release", "for_seconds", "clear_seconds")}
    return _board(request, Board(RuleRow(rule, (), sent, error.fields)), status=422)


def _board(request: HttpRequest, shown: Board, status: int = 200) -> HttpResponse:
    per_host = [(kind, about.title) for kind, about in KINDS.items() if about.per_host]
    hosts = Backend.objects.in_name_order().values_list("name", flat=True)
    context: dict[str, Any] = {"board": shown, "severities": SEVERITIES, "per_host": per_host, "hosts": hosts}
    return render(request, "jobs/alerts.html", context, status=status)
