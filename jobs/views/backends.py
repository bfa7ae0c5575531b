"""The hosts as rows of slots, for administrators. To look at; they are changed in the settings and by the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.models import Backend, BackendHealth, SlotLease
from jobs.services import progress
from jobs.views import words
from jobs.views.rows import digest

LIFECYCLE_LOOKS = {
    "planned": ("waiting", "planned"),
    "checking": ("running", "being checked"),
    "draining": ("paused", "draining"),
    "disabled": ("cancelled", "disabled"),
}
HEALTH_LOOKS = {
    "up": ("done", "up"),
    "slow_start": ("running", "starting slowly"),
    "unknown": ("waiting", "not checked yet"),
    "down": ("failed", "down"),
    "hung": ("failed", "hung"),
    "misconfigured": ("failed", "misconfigured"),
}
LEASE_WORDS = {"canary": "test page", "benchmark": "benchmark", "passthrough": "API call"}


@dataclass(frozen=True)
class Slot:
    """One cell of a host's row. `label` is empty when it is free; `ahead`: sent beyond the slots."""

    label: str = ""
    title: str = ""
    url: str = ""
    ahead: bool = False


class Host:
    """A backend as its card shows it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.health: BackendHealth | None = getattr(backend, "health", None)
        self.leases = sorted(backend.leases.all(), key=lambda lease: lease.pk)

    @property
    def look(self) -> str:
        return self._look_and_word[0]

    @property
    def word(self) -> str:
        return self._look_and_word[1]

    @property
    def _look_and_word(self) -> tuple[str, str]:
        by_lifecycle = LIFECYCLE_LOOKS.get(self.backend.lifecycle)
        return by_lifecycle or HEALTH_LOOKS[self.health.state if self.health else "unknown"]

    @property
    def shown(self) -> bool:
        """Whether it has slots to look at: nothing is ever sent to a planned or disabled one."""
        return self.backend.lifecycle not in ("planned", "disabled")

    @property
    def hardware(self) -> str:
        known = self.backend.hardware
        memory = f"{known['memory_gib']:g} GB" if known.get("memory_gib") else ""
        return " · ".join(part for part in (known.get("gpu", ""), memory) if part)

    @property
    def slots(self) -> list[Slot]:
        taken = [_slot(lease, ahead=i >= self.backend.slots) for i, lease in enumerate(self.leases)]
        return taken + [Slot()] * max(0, self.backend.slots - len(taken))

    @property
    def roomy(self) -> bool:
        """Whether a cell is wide enough for words."""
        return len(self.slots) <= 6

    @property
    def reason(self) -> str:
        return self.health.reason if self.health and self.shown else ""


def _slot(lease: SlotLease, *, ahead: bool) -> Slot:
    if lease.page is None:
        word = LEASE_WORDS.get(lease.kind, lease.kind)
        return Slot(label=word, title=word, ahead=ahead)
    name = lease.page.document.name
    url = f"/documents/{lease.page.document_id}/pages/{lease.page.number}/"
    stem = name.rsplit(".", 1)[0]
    short = stem if len(stem) <= 12 else stem[:11] + "…"
    return Slot(f"{short} {lease.page.number}", f"{name}, page {lease.page.number}", url, ahead)


class Control:
    """All hosts, as they are now."""

    def __init__(self, request: HttpRequest) -> None:
        known = Backend.objects.in_name_order().select_related("health")
        hosts = [Host(b) for b in known.prefetch_related("leases__page__document")]
        self.hosts = sorted(hosts, key=lambda host: not host.shown)  # those at work first, else by name
        self.totals = progress.totals(request.user)

    @property
    def summary(self) -> str:
        said = self.totals
        wait = f"{words.counted(said.waiting_pages, 'page')} {'waits' if said.waiting_pages == 1 else 'wait'}"
        return f"{said.busy_slots:,} of {said.open_slots:,} open slots busy · {wait}"

    @property
    def seen(self) -> str:
        told = [(h.backend.name, h.backend.updated_at, h.word, h.reason, h.slots) for h in self.hosts]
        return digest(told, self.summary)


def administrators_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied("Backends are for administrators.")
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@administrators_only
def backends(request: HttpRequest) -> HttpResponse:
    return render(request, "jobs/backends.html", {"control": Control(request)})


@require_safe
@administrators_only
def backends_live(request: HttpRequest) -> HttpResponse:
    control = Control(request)
    if request.GET.get("seen") == control.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_backends_live.html", {"control": control})
