"""What is watched, and from when on it is an alert: the kinds, and the rules that ship.

The thresholds are the operator's own (GPU memory at 22 GiB, no out of memory, queue depth above 5, utilisation above
80 % while work waits, throughput, 99th percentile below 60 s); the others, and every duration, are ours to start from.
All of them are defaults: an edited rule is kept in the database and stands in for the shipped one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OVER, AT_LEAST, AT_MOST = "over", "at least", "at most"
WARNING, CRITICAL = "warning", "critical"
SEVERITIES = (WARNING, CRITICAL)
NO_EXPORTER = "no exporter configured"
LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True)
class Kind:
    """One thing that is watched. `compare` is how a value goes beyond its threshold. `yes_or_no`: its value is 1 while
    something is wrong and else 0. `absent` says why there may be no value."""

    title: str
    sentence: str
    unit: str = ""
    compare: str = OVER
    per_host: bool = True
    yes_or_no: bool = False
    absent: str = "nothing to compare now"


KINDS: Mapping[str, Kind] = {
    "no_host": Kind("No host can read pages", "No host can read pages", per_host=False, yes_or_no=True),
    "host_down": Kind("Host down", "{subject} is down", yes_or_no=True),
    "misconfigured": Kind("Host not set up rightly", "{subject} is not set up rightly", yes_or_no=True),
    "api_key": Kind("API key cannot be read", "The API key of {subject} cannot be read", yes_or_no=True),
    "certificate": Kind(
        "Certificate ends soon", "The certificate of {subject} ends in {value}", "days", AT_MOST, absent="none seen"
    ),
    "disk_free": Kind("Disk nearly full", "The disk with the documents has {value} free", "%", AT_MOST, per_host=False),
    "gpu_memory": Kind("GPU memory used", "{subject} uses {value} of GPU memory", "GiB", AT_LEAST, absent=NO_EXPORTER),
    "out_of_memory": Kind("Out of memory in 5 min", "{subject} ran out of memory {value} in 5 minutes", "times"),
    "queue_depth": Kind("Queue depth", "{value} wait for {subject}", "pages"),
    "utilization": Kind(
        "GPU utilisation while work waits",
        "The GPU of {subject} is only {value} busy, and work waits",
        "%",
        AT_MOST,
        absent=NO_EXPORTER,
    ),
    "throughput": Kind(
        "Throughput over 5 min", "{subject} reads only {value}", "pages a minute", AT_MOST, absent="no work there now"
    ),
    "latency_p99": Kind(
        "Latency, 99th percentile over 5 min",
        "The slowest calls of {subject} take {value}",
        "s",
        AT_LEAST,
        absent="no calls in the last 5 min",
    ),
    "oldest_wait": Kind(
        "Oldest waiting page", "The oldest waiting page has waited {value}", "min", per_host=False, absent="none waits"
    ),
    "quality_retries": Kind(
        "Pages read badly in 15 min",
        "{value} of all readings in 15 minutes were bad and were tried again",
        "%",
        per_host=False,
        absent="too few readings to say",
    ),
}


@dataclass(frozen=True)
class Rule:
    """From when on something is an alert, and when it is over. `backend` is empty for every host, or for the site.

    It fires when the value was beyond `threshold` for `for_seconds` without a break, and is over when it was back at
    `release` (or on its good side) for `clear_seconds` without a break. `threshold` None: it is only shown.
    """

    kind: str
    backend: str = ""
    threshold: float | None = 0.0
    release: float | None = None
    for_seconds: float = 60.0
    clear_seconds: float = 60.0
    severity: str = WARNING
    enabled: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.backend

    @property
    def about(self) -> Kind:
        return KINDS[self.kind]

    def is_beyond(self, value: float) -> bool:
        if self.threshold is None:
            return False
        compare = self.about.compare
        if compare == OVER:
            return value > self.threshold
        return value >= self.threshold if compare == AT_LEAST else value <= self.threshold

    def is_calm(self, value: float) -> bool:
        """Whether the value is far enough back. Between threshold and release it is neither: nothing changes."""
        if self.is_beyond(value) or self.release is None:
            return not self.is_beyond(value)
        return value >= self.release if self.about.compare == AT_MOST else value <= self.release


SHIPPED = (
    Rule("no_host", for_seconds=30, clear_seconds=30, severity=CRITICAL),
    Rule("host_down", for_seconds=60, clear_seconds=60),
    Rule("misconfigured", for_seconds=0, clear_seconds=30, severity=CRITICAL),
    Rule("api_key", for_seconds=0, clear_seconds=0, severity=CRITICAL),
    Rule("certificate", threshold=14, for_seconds=0, clear_seconds=0),
    Rule("disk_free", threshold=10, release=12, for_seconds=60, clear_seconds=60, severity=CRITICAL),
    Rule("gpu_memory", "calypso", 22, 20, for_seconds=60, clear_seconds=120),
    Rule("out_of_memory", threshold=0, for_seconds=0, clear_seconds=0),
    Rule("queue_depth", "calypso", 5, 2, for_seconds=120, clear_seconds=60),
    Rule("utilization", "spark", 80, 85, for_seconds=300, clear_seconds=120),
    Rule("throughput", "spark", threshold=None, for_seconds=300, clear_seconds=120),
    Rule("latency_p99", "spark", 60, 50, for_seconds=60, clear_seconds=120),
    Rule("oldest_wait", threshold=60, release=45, for_seconds=60, clear_seconds=60),
    Rule("quality_retries", threshold=20, release=10, for_seconds=300, clear_seconds=300),
)


def in_force(edited: Iterable[Rule]) -> list[Rule]:
    """The shipped rules with those put in their place that were edited, then the added ones."""
    kept = {rule.key: rule for rule in edited if rule.kind in KINDS}
    shipped = [kept.pop(rule.key, rule) for rule in SHIPPED]
    return [*shipped, *sorted(kept.values(), key=lambda rule: rule.key)]


def shipped(kind: str) -> Rule:
    """The rule that shipped for a kind, whichever host it is about."""
    return next(rule for rule in SHIPPED if rule.kind == kind)


def rule_for(rules: Iterable[Rule], kind: str, subject: str) -> Rule | None:
    """The rule that judges `kind` at this host: its own, or else the one for every host."""
    found = {rule.backend: rule for rule in rules if rule.kind == kind}
    return found.get(subject) or found.get("")


def problems(rule: Rule) -> dict[str, str]:
    """What is wrong with an edited rule, by field; empty when it can be used."""
    wrong = {}
    if rule.threshold is not None and not 0 <= rule.threshold < 1e9:
        wrong["threshold"] = "Use a number of 0 or more, or nothing to watch without an alert."
    elif rule.threshold is not None and rule.release is not None and not rule.about.yes_or_no:
        good = rule.release >= rule.threshold if rule.about.compare == AT_MOST else rule.release <= rule.threshold
        if not good or rule.release < 0:
            side = "above" if rule.about.compare == AT_MOST else "below"
            wrong["release"] = f"The alert has to be over {side} its threshold, or it would come and go."
    for name in ("for_seconds", "clear_seconds"):
        if not 0 <= getattr(rule, name) <= LONGEST_SECONDS:
            wrong[name] = "Use seconds from 0 to 86,400 (a day)."
    if rule.severity not in SEVERITIES:
        wrong["severity"] = "Use warning or critical."
    return wrong


def figure(value: float, unit: str) -> str:
    """`22.4 GiB`, `80 %`, `1 page`, `3 times`: a decimal only where it tells something."""
    number = f"{value:,.1f}".removesuffix(".0")
    if number == "1":
        return {"times": "once", "pages": "1 page", "days": "1 day"}.get(unit, f"1 {unit}".strip())
    return f"{number} {unit}".strip()


def sentence(kind: str, subject: str, value: float, cause: str = "") -> str:
    """What is wrong, for a person: `calypso is down: it refused the connection.`"""
    about = KINDS[kind]
    said = about.sentence.format(subject=subject, value=figure(value, about.unit))
    cause = cause.strip().rstrip(".")
    return f"{said}: {cause}." if cause else f"{said}."
