"""Advice from what was measured: what to change of the rules or of a host, why, and over how many pages it is known.

Nothing is advised from few pages: `given` then says what is missing. Seconds are medians of one page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs import errors
from jobs.domain import histograms, tallies
from jobs.domain.histograms import Counts
from jobs.domain.measured import Figures
from jobs.domain.policies import RELEASING_KIND, Policy, Rule
from jobs.domain.tallies import Tally

ENOUGH_PAGES = 100  # a host's median of fewer says little
MOST_PAGES = 1000  # the longest document that is reckoned with
FULL, FEW = 0.8, 0.5  # shares of the slots in use, on the mean, from and up to which a host counts as full, or as calm
FLAT = 1.3  # a page may take so much longer at full slots: a part of that is waiting for the slots themselves
SATURATED = 0.8  # the operator's figure: the use of slots while work waits
A_GOOD_DEAL = 0.2  # a figure that moves by less is the same


@dataclass(frozen=True)
class Host:
    """A backend and what was measured of it.

    `calm` and `full`: the seconds a page took while few, and while nearly all, of its slots were in use; `ran_out`: how
    often it ran out of memory. These since its settings were changed: what was before says nothing of its slots now.
    `by_class`: seconds a page by the page count of its document (tallies.CLASSES). `hours_watched`: of those in
    `figures`, with a look at it. `sequences`: how many requests it was started to run at once, where that is known.
    """

    name: str
    lifecycle: str
    slots: int
    figures: Figures
    kind: str = "gpu"
    sequences: int | None = None
    calm: Counts = field(default_factory=dict)
    full: Counts = field(default_factory=dict)
    ran_out: int = 0
    hours_watched: int = 0
    by_class: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.figures.seconds.p50 if self.figures.seconds else 0.0

    @property
    def known(self) -> bool:
        """Whether enough was measured."""
        return self.figures.pages >= ENOUGH_PAGES and self.seconds > 0

    @property
    def wait_seconds(self) -> float:
        """How long a page waits for it before it begins, on the mean."""
        return (self.figures.queued_mean or 0.0) * self.seconds / self.slots

    @property
    def works(self) -> bool:
        return self.lifecycle == "active" and self.kind == "gpu"


@dataclass(frozen=True)
class Change:
    """Of the policy: fields of the rule of that name, or of the policy itself where `rule` is empty."""

    fields: Mapping[str, Any]
    rule: str = ""


@dataclass(frozen=True)
class Advice:
    """`key` tells it from others and stays. `pages`: over how many it was measured. `change`: of the policy;
    `settings`: of `backend`; without either it is only told. `figures`: what it rests on."""

    key: str
    what: str
    reason: str
    pages: int
    figures: Mapping[str, float]
    backend: str = ""
    change: Change | None = None
    settings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """`missing`: a sentence for each thing that is not known well enough to advise on."""

    advices: Sequence[Advice]
    missing: Sequence[str]


def given(policy: Policy, hosts: Sequence[Host]) -> Given:
    """All advice on these rules and hosts."""
    by_name = {host.name: host for host in hosts}
    found: list[Advice | str | None] = []
    default = by_name.get(policy.default_backend)
    for rule in _measured_rules(policy):
        other = by_name.get(rule.backend)
        if default and default.works and other and other.works:
            found.append(_of_rule(rule, default, other))
    for host in hosts:
        if host.works:
            found.append(slots(host))
    return Given([a for a in found if isinstance(a, Advice)], _once(a for a in found if isinstance(a, str)))


def _once(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _measured_rules(policy: Policy) -> list[Rule]:
    """The first rule that sends documents by their length away from the default host, and that on its overload; what
    follows these says less."""
    leading_away = [rule for rule in policy.rules if rule.enabled and rule.backend != policy.default_backend]
    large = [rule for rule in leading_away if rule.when == "page_count_over"]
    return large[:1] + [rule for rule in leading_away if rule is policy.overload_rule]


def _of_rule(rule: Rule, default: Host, other: Host) -> Advice | str | None:
    unknown = [host for host in (default, other) if not host.known]
    if unknown:
        return not_enough(unknown)
    return (overloaded if rule.when == RELEASING_KIND else large_document)(rule, default, other)


def not_enough(hosts: Sequence[Host]) -> str:
    """What is missing of these hosts."""
    read = " and ".join(f"{host.name} read {host.figures.pages:,}" for host in hosts)
    return f"Too few pages to advise on the rules between hosts: {read}, {ENOUGH_PAGES} of each are needed."


def large_document(rule: Rule, default: Host, other: Host) -> Advice | None:
    """The page count over which documents are read sooner by the other host."""
    old, new = rule.threshold or 0.0, slower_over(default, other)
    # Raised, documents would come back to the host whose memory they were too much for.
    if new is None or not _differs(old, new) or (new > old and default.figures.out_of_memory):
        return None
    return Advice(
        key=f"large-document {rule.name}",
        what=f"“{rule.name}”: {old:g} → {new} pages",
        reason=(
            f"{default.name} is slower than {other.name} would be from {new + 1} pages on: a page takes "
            f"{_pace(default)}, and {_pace(other)}."
        ),
        pages=default.figures.pages + other.figures.pages,
        figures={"threshold": old, "proposed": new},
        change=Change({"threshold": new}, rule.name),
    )


def _pace(host: Host, *, waits: bool = True) -> str:
    waited = f" after {host.wait_seconds:.1f} s of waiting" if waits and host.wait_seconds >= 0.1 else ""
    return f"{host.seconds:.1f} s at {host.name}, {host.slots} at a time{waited}"


def slower_over(default: Host, other: Host) -> int | None:
    """The page count over which every document takes longer at `default`; None where there is none."""
    slower = MOST_PAGES + 1
    while slower > 1 and _takes_longer(slower - 1, default, other):
        slower -= 1
    return slower - 1 if slower <= MOST_PAGES else None


def _takes_longer(pages: int, default: Host, other: Host) -> bool:
    name = tallies.class_of(pages)
    classes = [host.by_class.get(name, {}) for host in (default, other)]
    one = [default.seconds, other.seconds]
    if all(sum(counts.values()) >= ENOUGH_PAGES for counts in classes):
        one = [histograms.quantile(counts, 0.5) or 0.0 for counts in classes]
    first, second = (
        host.wait_seconds + seconds * math.ceil(pages / host.slots)
        for host, seconds in zip((default, other), one, strict=True)
    )
    return first > second


def overloaded(rule: Rule, default: Host, other: Host) -> Advice | None:
    """Of the pages ahead at the default host over which the next is read sooner by the other; None where so many never
    waited."""
    old, most = rule.threshold or 0.0, default.figures.queued_most or 0
    longer = other.wait_seconds + other.seconds - default.seconds
    new = max(1, math.floor(default.slots * longer / default.seconds))
    if not _differs(old, new) or most <= min(old, new):
        return None
    release = {} if rule.release is None else {"release": min(rule.release, new)}
    return Advice(
        key=f"overloaded {rule.name}",
        what=f"“{rule.name}”: {old:g} → {new} pages ahead",
        reason=(
            f"With over {new} ahead at {default.name} a page is read sooner at {other.name}: it takes "
            f"{_pace(default, waits=False)}, and {_pace(other)}. Up to {most:,} waited."
        ),
        pages=default.figures.pages + other.figures.pages,
        figures={"threshold": old, "proposed": new},
        change=Change({"threshold": new, **release}, rule.name),
    )


def _differs(old: float, new: float) -> bool:
    return abs(new - old) >= max(2.0, A_GOOD_DEAL * old)


def slots(host: Host) -> Advice | str | None:
    """Fewer where it ran out of memory; more where a page takes as long at full slots as at few, and work waits."""
    if host.ran_out:
        return _less(host)
    if not host.figures.utilisation_while_waiting or host.figures.utilisation_while_waiting < SATURATED:
        return None
    at_few, at_full = (histograms.quantile(counts, 0.5) for counts in (host.calm, host.full))
    least = min(sum(host.calm.values()), sum(host.full.values()))
    if at_few is None or at_full is None or least < ENOUGH_PAGES:
        return (
            f"Too few pages to advise on the slots of {host.name}: {sum(host.calm.values()):,} were read with few of "
            f"its slots in use, {sum(host.full.values()):,} with nearly all, {ENOUGH_PAGES} of each are needed."
        )
    return _more(host, at_few, at_full) if at_full <= at_few * FLAT else None


def _more(host: Host, at_few: float, at_full: float) -> Advice:
    new = host.slots + _step(host)
    first = ""
    if host.sequences is not None and host.sequences < new:
        first = f" First start vLLM there with --max-num-seqs {new}: it runs {host.sequences} at a time now."
    return Advice(
        key=f"slots {host.name}",
        what=f"{host.name}: {host.slots} → {new} slots",
        reason=(
            f"A page takes {at_full:.1f} s with nearly all slots in use and {at_few:.1f} s with few, and "
            f"{host.figures.utilisation_while_waiting or 0:.0%} of the slots were in use while pages waited.{first}"
        ),
        pages=sum(host.calm.values()) + sum(host.full.values()),
        figures={"slots": host.slots, "at_few": at_few, "at_full": at_full},
        backend=host.name,
        settings={"slots": new},
    )


def _less(host: Host) -> Advice | None:
    """None for a host with one slot: then only its launch flags can help."""
    if host.slots < 2:
        return None
    new, times = host.slots - _step(host), host.ran_out
    return Advice(
        key=f"slots {host.name}",
        what=f"{host.name}: {host.slots} → {new} slots",
        reason=f"It ran out of memory {'once' if times == 1 else f'{times:,} times'}. Fewer pages at once need less.",
        pages=host.figures.pages,
        figures={"slots": host.slots, "out_of_memory": times},
        backend=host.name,
        settings={"slots": new},
    )


def _step(host: Host) -> int:
    return max(1, host.slots // 4)


def by_load(hours: Iterable[Tally], slots: int) -> tuple[Counts, Counts]:
    """The seconds a page took in hours with few, and in hours with nearly all, of the slots in use."""
    calm: list[Counts] = []
    full: list[Counts] = []
    for hour in hours:
        share = hour.call_seconds / hour.busy_seconds / slots if hour.busy_seconds else 0.0
        if share >= FULL:
            full += hour.seconds.values()
        elif share <= FEW:
            calm += hour.seconds.values()
    return histograms.merged(calm), histograms.merged(full)


def still_put_off(then: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether the figures are about those at which somebody said “not now”."""
    return then.keys() == now.keys() and all(
        abs(now[name] - value) <= A_GOOD_DEAL * max(abs(value), abs(now[name])) for name, value in then.items()
    )


def applied(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The API's form of a policy, right or wrong, with the change made. Raises errors.Conflict where it has no such
    rule any more."""
    if not change.rule:
        return {**body, **change.fields}
    if all(row["name"] != change.rule for row in body["rules"]):
        raise errors.Conflict(f"Your draft has no rule “{change.rule}” any more.")
    return {
        **body,
        "rules": [row | change.fields if row["name"] == change.rule else row for row in body["rules"]],
    }
