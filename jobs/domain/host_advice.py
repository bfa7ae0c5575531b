"""Advice on how many hosts there are: one that is planned, one that idles, one more of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.domain.advice import SATURATED, Advice, Change, Given, Host, not_enough
from jobs.domain.policies import Policy

IDLE = 0.05  # of the time with at least one call, and of the pages of all
WAITING = 1.0  # pages on the mean, night and day: from there on a queue is no passing one
WATCHED_HOURS = 24  # from which a host that did nothing is said to idle


@dataclass(frozen=True)
class Load:
    """Of the last 24 hours. `first_pages_a_day`: what the default host can read; None: not known. `pays_off_from`:
    documents a day from which the host that would come next pays off; None: not known, or never."""

    pages_a_day: float
    documents_a_day: float
    first_pages_a_day: float | None = None
    pays_off_from: float | None = None

    @property
    def share(self) -> float | None:
        """Of what the default host can read."""
        return self.pages_a_day / self.first_pages_a_day if self.first_pages_a_day else None


def given(policy: Policy, hosts: Sequence[Host], load: Load) -> Given:
    """All advice on how many hosts there are."""
    working = [host for host in hosts if host.works]
    found = [second_host(policy, hosts, load), one_more(hosts), *(idling(policy, host, working) for host in working)]
    return Given([a for a in found if isinstance(a, Advice)], [a for a in found if isinstance(a, str)])


def second_host(policy: Policy, hosts: Sequence[Host], load: Load) -> Advice | str | None:
    """Whether today's load justifies the planned host that the policy names next; None while others work already.

    It does where the default host reads over 80 % of what it can, where over 80 % of its slots are in use while more
    pages wait than the policy calls overload, or where so many documents come that it pays off.
    """
    named = [*policy.fallback_order, *(rule.backend for rule in policy.rules)]
    by_name = {host.name: host for host in hosts}
    planned = [h for name in named if (h := by_name.get(name)) and h.lifecycle == "planned" and h.kind == "gpu"]
    working = [host for host in hosts if host.works]
    if not planned or [host.name for host in working] != [policy.default_backend]:
        return None
    default, second = working[0], planned[0]
    if not default.known:
        return not_enough([default])
    needed = _needed(policy, default, load)
    return Advice(
        key=f"second-host {second.name}",
        what=f"{second.name}: {'today’s load justifies it' if needed else 'not needed yet'}",
        reason=_load_words(default, second, load),
        pages=default.figures.pages,
        figures={"needed": float(needed), "pages_a_day": load.pages_a_day},
        backend=second.name,
    )


def _needed(policy: Policy, default: Host, load: Load) -> bool:
    overload = policy.overload_rule.threshold if policy.overload_rule else None
    return (
        (load.share or 0.0) > SATURATED
        or (_saturated(default) and overload is not None and (default.figures.queued_mean or 0.0) > overload)
        or (load.pays_off_from is not None and load.documents_a_day >= load.pays_off_from)
    )


def _saturated(host: Host) -> bool:
    return (host.figures.utilisation_while_waiting or 0.0) > SATURATED


def _load_words(default: Host, second: Host, load: Load) -> str:
    said = f"{load.pages_a_day:,.0f} pages were read in the last 24 hours"
    if load.first_pages_a_day:
        said += f", of about {load.first_pages_a_day:,.0f} that {default.name} can read"
    said += f". {_waiting(default)}."
    if load.pays_off_from is None:
        return f"{said} From when {second.name} pays off is not known: enter what both hosts cost."
    return (
        f"{said} {second.name} pays off from about {load.pays_off_from:,.0f} documents a day; "
        f"{load.documents_a_day:,.0f} came."
    )


def _waiting(host: Host) -> str:
    used = host.figures.utilisation_while_waiting
    if used is None:
        return f"No page waited for {host.name}"
    return (
        f"{host.figures.queued_mean or 0:.1f} pages wait for {host.name} on the mean, {host.wait_seconds:.0f} s each, "
        f"with {used:.0%} of its slots in use while any wait"
    )


def one_more(hosts: Sequence[Host]) -> Advice | None:
    """Where over 80 % of the slots of every host are in use while work waits, as it does on the mean, and no host is
    planned."""
    working = [host for host in hosts if host.works]
    planned = any(host.lifecycle == "planned" and host.kind == "gpu" for host in hosts)
    if planned or not working or not all(host.known and _full_up(host) for host in working):
        return None
    most = max(working, key=lambda host: host.figures.queued_mean or 0.0)
    return Advice(
        key="one-more-host",
        what=f"Add a host like {most.name}",
        reason=(
            "; ".join(_waiting(host) for host in working) + ". An autoscaler would go by the same figures, "
            f"ocrsite_queue_depth and ocrsite_slots_in_use to ocrsite_slots: one more host while over {SATURATED:.0%} "
            "of all slots are in use and pages wait, one fewer when none has waited for a while."
        ),
        pages=sum(host.figures.pages for host in working),
        figures={host.name: host.figures.queued_mean or 0.0 for host in working},
    )


def _full_up(host: Host) -> bool:
    return _saturated(host) and (host.figures.queued_mean or 0.0) >= WAITING


def idling(policy: Policy, host: Host, working: Sequence[Host]) -> Advice | None:
    """A host that has next to nothing to do while others read; where pages wait for these, any free host may take
    them."""
    figures, pages = host.figures, sum(other.figures.pages for other in working)
    window = (figures.until - figures.since).total_seconds()
    others = [other for other in working if other is not host and other.known]
    busy = figures.busy_seconds / window
    if not others or host.hours_watched < WATCHED_HOURS or busy > IDLE or figures.pages > IDLE * pages:
        return None
    waited = [other for other in others if _saturated(other)]
    spread = bool(waited) and policy.spread != "free"
    reason = f"It had a call {busy:.1%} of the time, and read {figures.pages:,} of {pages:,} pages."
    return Advice(
        key=f"idle {host.name}",
        what=f"{host.name} idles" + (": let any free host take the next page" if spread else ""),
        reason=" ".join([reason, *(f"{_waiting(other)}." for other in waited)]),
        pages=pages,
        figures={"pages": figures.pages, "waited": len(waited)},
        backend=host.name,
        change=Change({"spread": "free"}) if spread else None,
    )
