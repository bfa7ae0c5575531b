"""What a GPU exporter tells of a host's cards: dcgm-exporter, or nvidia_gpu_exporter.

Names and units are those that the exporters document (dcgm-exporter's default-counters.csv, nvidia_gpu_exporter's
docs/METRICS.md). What one does not tell is None, never zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from jobs.gateways import addresses, vllm

_TEXT_LIMIT = 4 * 1024 * 1024
_LINE_LIMIT = 4096  # an exporter's labels take some hundred characters
_LINE = re.compile(r"(DCGM_FI_DEV_[A-Z_]+|nvidia_smi_[a-z_]+)(?:\{(.*)\})?[ \t]+(\S+)")
_CARD = re.compile(r'(?:^|,)\s*(?:UUID|uuid|gpu)="([^"]{1,80})"')
_INSTANCE = re.compile(r'(?:^|,)\s*GPU_I_ID="([^"]{1,20})"')
_MIB = 1024.0 * 1024.0

# One figure's names, each with what a value is multiplied by; the first that an exporter tells counts.
_Names = tuple[tuple[str, float], ...]
_USED: _Names = (("DCGM_FI_DEV_FB_USED", _MIB), ("nvidia_smi_memory_used_bytes", 1.0))
_FREE: _Names = (("DCGM_FI_DEV_FB_FREE", _MIB), ("nvidia_smi_memory_free_bytes", 1.0))
_TOTAL: _Names = (("DCGM_FI_DEV_FB_TOTAL", _MIB), ("nvidia_smi_memory_total_bytes", 1.0))
_UTILIZATION: _Names = (
    ("DCGM_FI_DEV_GPU_UTIL", 0.01), ("nvidia_smi_utilization_gpu_ratio", 1.0), ("nvidia_smi_utilization_gpu", 0.01),
)  # fmt: skip
_POWER: _Names = (
    ("DCGM_FI_DEV_POWER_USAGE", 1.0), ("nvidia_smi_power_draw_watts", 1.0),
    ("nvidia_smi_power_draw_instant_watts", 1.0), ("nvidia_smi_power_draw_average_watts", 1.0),
)  # fmt: skip
_TEMPERATURE: _Names = (("DCGM_FI_DEV_GPU_TEMP", 1.0), ("nvidia_smi_temperature_gpu", 1.0))
_ENERGY: _Names = (("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 0.001), ("nvidia_smi_energy_joules_total", 1.0))
# Larger is no reading: exporters write huge numbers for what a card cannot tell.
_MOST_BYTES, _MOST_WATTS, _MOST_CELSIUS, _MOST_JOULES = 2.0**47, 100_000.0, 200.0, 1e15

# By name, and there by (card, part of a card): the value.
_Samples = dict[str, dict[tuple[str, str], float]]


@dataclass(frozen=True)
class GpuReading:
    """All cards of one host together: memory, power and energy are sums, `utilization` (0 to 1) is the mean,
    the temperature that of the hottest. `energy_joules` grows from the driver's start."""

    memory_used_bytes: float | None = None
    memory_total_bytes: float | None = None
    utilization: float | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    energy_joules: float | None = None


def check_form(address: str) -> str:
    """An exporter's address tidied, under the rules for backends' addresses. Raises errors.Invalid."""
    return addresses.check_form(address, field="gpu_exporter_url").removesuffix("/metrics")


def read(address: str, timeout_seconds: float) -> GpuReading:
    """Ask the exporter. Its name is resolved and checked before each contact, as a backend's is.

    Raises errors.Invalid for an address that is not allowed, errors.BackendFailed when it does not answer in time.
    """
    addresses.check_reachable_range(address)
    exporter = vllm.Endpoint(address, model="", verify=settings.BACKEND_CA_FILE)
    return parse(vllm.metrics_text(exporter, timeout_seconds))


def parse(text: str) -> GpuReading:
    """Read an exporter's answer. Never raises: lines that are not understood are passed over."""
    samples: _Samples = {}
    for line in text[:_TEXT_LIMIT].splitlines():
        for name, place, value in _sample(line):
            # A card that is shared by time appears once for each who uses it, always with the same value.
            samples.setdefault(name, {})[place] = max(value, samples.get(name, {}).get(place, value))
    utilization, temperature = _cards(samples, _UTILIZATION, 1.0), _cards(samples, _TEMPERATURE, _MOST_CELSIUS)
    used, free = _memory(samples, _USED), _memory(samples, _FREE)
    total = _memory(samples, _TOTAL)
    if total is None and used is not None and free is not None:
        total = used + free
    return GpuReading(
        memory_used_bytes=used,
        memory_total_bytes=total,
        utilization=sum(utilization) / len(utilization) if utilization else None,
        power_watts=_sum(_cards(samples, _POWER, _MOST_WATTS)),
        temperature_celsius=max(temperature, default=None),
        energy_joules=_sum(_cards(samples, _ENERGY, _MOST_JOULES)),
    )


def _sample(line: str) -> Iterator[tuple[str, tuple[str, str], float]]:
    found = _LINE.match(line) if len(line) <= _LINE_LIMIT else None
    if found is None:
        return
    labels = found[2] or ""
    card, instance = _CARD.search(labels), _INSTANCE.search(labels)
    try:
        value = float(found[3])
    except ValueError:
        return
    if math.isfinite(value) and value >= 0:
        yield found[1], (card[1] if card else "", instance[1] if instance else ""), value


def _told(samples: _Samples, names: _Names, most: float) -> dict[tuple[str, str], float]:
    for name, factor in names:
        values = {place: value * factor for place, value in samples.get(name, {}).items() if value * factor <= most}
        if values:
            return values
    return {}


def _memory(samples: _Samples, names: _Names) -> float | None:
    """Parts of a card have memory of their own: all add up."""
    return _sum(list(_told(samples, names, _MOST_BYTES).values()))


def _cards(samples: _Samples, names: _Names, most: float) -> list[float]:
    """One value a card: its parts all tell the card's."""
    cards: dict[str, float] = {}
    for (card, _), value in _told(samples, names, most).items():
        cards[card] = max(value, cards.get(card, value))
    return list(cards.values())


def _sum(values: list[float]) -> float | None:
    return sum(values) if values else None
