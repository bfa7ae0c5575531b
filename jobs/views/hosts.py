"""A host as its card shows it: slots, state in words, pace, what went wrong, what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jobs.domain import circuit, measured
from jobs.domain.measured import Figures
from jobs.models import Attempt, Backend, BackendHealth, SlotLease
from jobs.services import gpus
from jobs.services.watching import Pace
from jobs.views import host_drift, host_troubles, words

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
SHUT_STATES = ("down", "hung", "misconfigured")
LEASE_WORDS = {"canary": "test page", "benchmark": "benchmark", "passthrough": "API call"}
TROUBLES_SHOWN = 5
# What can be asked of a host, by its lifecycle, in the order of the buttons.
DEEDS = {
    "planned": ("activate", "check"),
    "disabled": ("activate", "check"),
    "checking": ("disable",),
    "active": ("drain", "check"),
    "draining": ("activate", "disable"),
}


GIB = 1024.0**3


def _memory(told: Mapping[str, Any]) -> str:
    used, total = told["memory_used_bytes"] / GIB, told.get("memory_total_bytes")
    return f"{used:.1f} of {total / GIB:.0f} GiB" if total else f"{used:.1f} GiB"


# What a card shows of its GPU: the words, the figure that must be known, and how it is said.
GPU_FIGURES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("GPU memory", "memory_used_bytes", _memory),
    ("GPU use", "utilization", lambda told: f"{told['utilization']:.0%}"),
    ("power", "power_watts", lambda told: f"{told['power_watts']:,.0f} W"),
    ("temperature", "temperature_celsius", lambda told: f"{told['temperature_celsius']:.0f} °C"),
)


@dataclass(frozen=True)
class Slot:
    """One cell of a host's row. `label` is empty when nothing is in it; `ahead`: sent beyond the slots; `shut`: not
    open yet, in a slow start or while the host is out of use."""

    label: str = ""
    title: str = ""
    url: str = ""
    ahead: bool = False
    shut: bool = False


@dataclass(frozen=True)
class Host:
    """A backend with its leases and health fetched, its pace, its troubles, newest first, and of the last hour (pages
    it answered, how many of them it read badly at first); `day`: what was measured of it in the last day."""

    backend: Backend
    pace: Pace = field(default_factory=Pace)
    troubles: Sequence[Attempt] = ()
    share: tuple[int, int] = (0, 0)
    day: Figures | None = None

    @property
    def health(self) -> BackendHealth | None:
        return getattr(self.backend, "health", None)

    @property
    def state(self) -> str:
        return self.health.state if self.health else "unknown"

    @property
    def look(self) -> str:
        return self._look_and_word[0]

    @property
    def word(self) -> str:
        slowly = self.backend.lifecycle == "active" and self.state == "slow_start"
        return f"slow start, {self.open_slots} of {self.backend.slots}" if slowly else self._look_and_word[1]

    @property
    def _look_and_word(self) -> tuple[str, str]:
        return LIFECYCLE_LOOKS.get(self.backend.lifecycle) or HEALTH_LOOKS[self.state]

    @property
    def shown(self) -> bool:
        """Whether it has slots to look at: nothing is ever sent to a planned or disabled one."""
        return self.backend.lifecycle not in ("planned", "disabled")

    @property
    def able(self) -> bool:
        """Whether pages may go there now, the policy's view of CPU hosts aside."""
        return self.backend.lifecycle == "active" and self.state not in SHUT_STATES

    @property
    def hardware(self) -> str:
        known = self.backend.hardware
        amount = measured.span(known.get("memory_gib"))
        memory = f"{amount[1]:g} GB" if amount and amount[1] else ""
        gpu = str(known.get("gpu") or "")
        return " · ".join(part for part in (gpu, memory) if part and part != "none")

    @cached_property
    def leases(self) -> list[SlotLease]:
        return sorted(self.backend.leases.all(), key=lambda lease: lease.pk)

    @cached_property
    def open_slots(self) -> int:
        """How many of its slots may be filled now."""
        if not self.able:
            return 0
        known = circuit.from_json(self.health.circuit if self.health else {})
        return circuit.open_slots(known, self.backend.slots, 0)

    @property
    def slots(self) -> list[Slot]:
        count = self.backend.slots
        taken = [_slot(lease, ahead=i >= count) for i, lease in enumerate(self.leases)]
        return taken + [Slot(shut=place >= self.open_slots) for place in range(len(taken), count)]

    @property
    def roomy(self) -> bool:
        """Whether a cell is wide enough for words."""
        return len(self.slots) <= 6

    @property
    def in_use(self) -> str:
        """`3 of 4`; with requests sent ahead `4 of 4 + 1`."""
        ahead = len(self.leases) - self.backend.slots
        return f"{min(len(self.leases), self.backend.slots)} of {self.backend.slots}" + (
            f" + {ahead}" if ahead > 0 else ""
        )

    @property
    def pages_per_minute(self) -> str:
        return words.figure(self.pace.pages_per_minute)

    @property
    def tokens_per_second(self) -> str:
        return words.figure(self.pace.tokens_per_second)

    @property
    def retried(self) -> str:
        """The share of pages that the quality gate had read once more: `3 %`, `under 1 %`; `–` where none was read."""
        pages, needed = self.share
        if not pages:
            return "–"
        return "under 1 %" if 0 < needed * 100 < pages else f"{needed * 100 / pages:.0f} %"

    @property
    def retried_words(self) -> str:
        pages, needed = self.share
        return f"{needed:,} of {words.counted(pages, 'page')} in the last hour" if pages else ""

    @property
    def waiting(self) -> str:
        """What the host itself last reported; nobody knows while it is out of order."""
        if self.state in SHUT_STATES:
            return "–"
        return f"{self.health.waiting:,}" if self.health else "0"

    @property
    def gpu(self) -> list[tuple[str, str]]:
        """What its GPU exporter last told, as (what, how much); empty where it told nothing."""
        told = gpus.of(self.backend) if self.shown else {}
        return [(label, words_of(told)) for label, needed, words_of in GPU_FIGURES if needed in told]

    @property
    def gpu_problem(self) -> str:
        """Why its GPU exporter tells nothing; empty when all is well, or it has none."""
        return str(gpus.of(self.backend).get("problem", "")) if self.shown else ""

    @property
    def drift(self) -> str:
        """Where it runs otherwise than its profile says, in a sentence; empty where it does not, or is not in use."""
        return host_drift.sentence(self.backend) if self.shown else ""

    @cached_property
    def advice(self) -> str:
        """The troubles about which its page says what to do, in a few words; empty where there are none."""
        found = host_troubles.found(self.backend, self.day) if self.day else []
        return ", ".join(trouble.title for trouble in found)

    @property
    def reason(self) -> str:
        return self.health.reason if self.health and self.shown else ""

    @property
    def half_open(self) -> bool:
        return bool(self.health and self.shown and self.health.breaker == circuit.HALF_OPEN)

    @property
    def retry_at(self) -> Any:
        return self.health.retry_at if self.health and self.shown else None

    @property
    def busy_until(self) -> Any:
        """It asked not to be sent anything before this."""
        return self.health.busy_until if self.health and self.able else None

    @property
    def context(self) -> str:
        """The context length it serves; what its profile says where that is another, or nothing was served yet."""
        served = self.health.served_max_model_len if self.health else None
        if served is None:
            return f"{self.backend.max_model_len:,} tokens, by its profile"
        differs = served != self.backend.max_model_len
        return f"{served:,} tokens" + (f"; its profile says {self.backend.max_model_len:,}" if differs else "")

    @property
    def test(self) -> dict[str, Any]:
        """Its newest self-test, as services.admission kept it; empty when there was none."""
        return self.health.self_test if self.health else {}

    @property
    def test_matters(self) -> bool:
        """Whether the steps are shown without being asked for: it failed, and keeps the host out."""
        return bool(self.test) and not self.test.get("passed") and self.backend.lifecycle != "active"

    @property
    def shown_troubles(self) -> Sequence[Attempt]:
        return self.troubles[:TROUBLES_SHOWN]

    @property
    def deeds(self) -> tuple[str, ...]:
        return DEEDS[self.backend.lifecycle]

    @property
    def more_deeds(self) -> tuple[str, ...]:
        """Those that are rarely wanted, beside its details."""
        removable = () if self.backend.built_in else ("remove",)
        return (("disable",) if self.backend.lifecycle == "active" else ()) + removable

    @property
    def told(self) -> tuple[object, ...]:
        """All that its card says: what a poll compares."""
        return (
            self.backend.name, self.backend.updated_at, self.word, self.reason, self.retry_at, self.busy_until,
            self.slots, self.pages_per_minute, self.tokens_per_second, self.share, self.waiting, self.context,
            self.health and (self.health.breaker, self.health.version, self.health.warnings), self.test,
            [attempt.pk for attempt in self.troubles], self.gpu, self.gpu_problem, self.drift, self.advice,
        )  # fmt: skip


def _slot(lease: SlotLease, *, ahead: bool) -> Slot:
    if lease.page is None:
        word = LEASE_WORDS.get(lease.kind, lease.kind)
        return Slot(label=word, title=word, ahead=ahead)
    name = lease.page.document.name
    url = f"/documents/{lease.page.document_id}/pages/{lease.page.number}/"
    stem = name.rsplit(".", 1)[0]
    short = stem if len(stem) <= 12 else stem[:11] + "…"
    return Slot(f"{short} {lease.page.number}", f"{name}, page {lease.page.number}", url, ahead)


def summary(hosts: Sequence[Host], unended_pages: int) -> str:
    """`11 of 12 open slots busy · 143 pages wait · 49 pages a minute`; with none open `no slot open · …`."""
    open_slots = sum(host.open_slots for host in hosts)
    leases = [lease for host in hosts for lease in host.leases]
    reading = sum(1 for lease in leases if lease.page_id and lease.claimed_at)
    waiting = max(0, unended_pages - reading)
    pace = sum(host.pace.pages_per_minute for host in hosts)
    parts = [
        f"{min(len(leases), open_slots):,} of {words.counted(open_slots, 'open slot')} busy"
        if open_slots
        else "no slot open",
        f"{words.counted(waiting, 'page')} {'waits' if waiting == 1 else 'wait'}",
        f"{words.figure(pace)} pages a minute" if pace else "",
    ]
    return " · ".join(part for part in parts if part)
