"""The hosts as cards, live, for administrators; the rules below them are views.routing's."""

from __future__ import annotations

from functools import cached_property

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.services import health, judging, measuring, watching
from jobs.views import host_troubles, routing, serve_command
from jobs.views.administrators import administrators_only
from jobs.views.hosts import Host, summary
from jobs.views.rows import digest

SHARE_HOURS = 1  # as long as troubles are told of


class Control:
    """All hosts, as they are now. Seven queries; two to six more while no GPU host can take work."""

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        known = watching.hosts()
        names = [backend.name for backend in known]
        paces, troubles = watching.paces(names), watching.troubles(names)
        shares = judging.shares(names, SHARE_HOURS)
        days = measuring.rolled_up(names, host_troubles.WINDOW)
        hosts = [
            Host(
                b,
                paces.get(b.name, watching.Pace()),
                troubles.get(b.name, ()),
                shares.get(b.name, (0, 0)),
                days[b.name],
            )
            for b in known
        ]
        self.hosts = sorted(hosts, key=lambda host: not host.shown)  # those at work first, else by name

    @cached_property
    def summary(self) -> str:
        return summary(self.hosts, watching.unended_pages())

    @cached_property
    def outage(self) -> health.Outage | None:
        """None, without asking further, while a GPU host is able: then pages are read."""
        if any(host.able and host.backend.kind == "gpu" for host in self.hosts):
            return None
        return health.outage()

    @cached_property
    def seen(self) -> str:
        return digest(self.summary, self.outage, *(host.told for host in self.hosts))


@require_safe
@administrators_only
def backends(request: HttpRequest) -> HttpResponse:
    """The whole screen; with `page_count` a document is tried, with `replay` the draft is replayed."""
    context = {"control": Control(request), "commands": serve_command.COMMANDS, **routing.context(request)}
    return render(request, "jobs/backends.html", context)


@require_safe
@administrators_only
def backends_live(request: HttpRequest) -> HttpResponse:
    """What changed of the hosts: 204 if `seen` still holds."""
    control = Control(request)
    if request.GET.get("seen") == control.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_backends_live.html", {"control": control})
