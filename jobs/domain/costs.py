"""What hosts cost: a month, a year, three years, a thousand pages, and from which volume a second host pays off.

The operator's reckoning: one year = hardware + 12 × monthly power. Monthly power is entered, or reckoned from watts and
the price of a kWh over 30 days: $40 for 450 W is $0.123 a kWh. Money is in dollars; what is a range is (least, most).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.domain import measured

Range = tuple[float, float]
DAYS_A_MONTH = 30
MONTHS_OF_USE = 36  # over which hardware is spread in the price of a page
USUAL_PAGES = 10.0  # of a document, where nobody said and nothing was uploaded: the operator's smaller example


@dataclass(frozen=True)
class Basis:
    """What costs are reckoned with. `hours_a_day`: how long hosts may read. `pages_per_document` None: the mean of what
    was uploaded lately. `elsewhere_per_1000`: what 1,000 pages cost where they are read elsewhere; None: nowhere."""

    price_per_kwh: float = 0.123
    hours_a_day: float = 24.0
    pages_per_document: float | None = None
    elsewhere_per_1000: float | None = None


@dataclass(frozen=True)
class HostCosts:
    """`power_from_watts`: what its power was reckoned from; None where it was entered."""

    hardware: Range
    power_month: float
    maintenance_month: float = 0.0
    power_from_watts: float | None = None

    @property
    def month(self) -> float:
        """What it costs to run."""
        return self.power_month + self.maintenance_month

    def after(self, months: int) -> Range:
        """All that was spent on it after so many months."""
        low, high = self.hardware
        return low + months * self.month, high + months * self.month

    @property
    def day(self) -> Range:
        """A day of it, its hardware spread over MONTHS_OF_USE."""
        low, high = self.after(MONTHS_OF_USE)
        return low / MONTHS_OF_USE / DAYS_A_MONTH, high / MONTHS_OF_USE / DAYS_A_MONTH

    def per_1000_pages(self, pages_a_day: float) -> Range | None:
        """None where no page is read."""
        low, high = self.day
        return (low / pages_a_day * 1000, high / pages_a_day * 1000) if pages_a_day else None


@dataclass(frozen=True)
class Drawn:
    """What a host's GPU drew on the mean since then: its cards alone, not the rest of the machine."""

    watts: float
    since: datetime

    @property
    def kwh_month(self) -> float:
        """Of a month that goes on so."""
        return self.watts / 1000 * 24 * DAYS_A_MONTH


def of_host(costs: Mapping[str, Any], hardware: Mapping[str, Any], basis: Basis) -> HostCosts | None:
    """A backend's costs from its profile; None where the hardware's price, or both its power and its watts, are not
    known. A price of 0 is one: it is owned already."""
    price = measured.span(costs.get("hardware"))
    entered, watts = _amount(costs.get("power_month")), _amount(hardware.get("tdp_watts"))
    if price is None or price[0] < 0 or (entered is None and watts is None):
        return None
    power = power_month(watts or 0.0, basis.price_per_kwh) if entered is None else entered
    upkeep = _amount(costs.get("maintenance_month")) or 0.0
    return HostCosts(price, power, upkeep, watts if entered is None else None)


def power_month(watts: float, price_per_kwh: float) -> float:
    """What a month of running all day at so many watts costs."""
    return watts / 1000 * 24 * DAYS_A_MONTH * price_per_kwh


def _amount(value: Any) -> float | None:
    """A number that is not negative, as it was entered; None for anything else."""
    known = measured.span(value)
    return known[0] if known and not isinstance(value, list | tuple) and known[0] >= 0 else None


@dataclass(frozen=True)
class Pair:
    """Two hosts, the first of which reads alone until the second pays off. `first_pages`, `second_pages`: what each can
    read in a day."""

    first: HostCosts
    second: HostCosts
    first_pages: float
    second_pages: float
    pages_per_document: float
    elsewhere_per_1000: float | None = None

    @property
    def first_documents(self) -> float:
        """How many documents a day the first host can read alone."""
        return self.first_pages / self.pages_per_document

    @property
    def most_documents(self) -> float:
        """How many both can read."""
        return (self.first_pages + self.second_pages) / self.pages_per_document

    def pays_off(self) -> Range | None:
        """The documents a day from which the second host pays off, by the least and the most its hardware costs.

        It reads what the first cannot. Where that would have to be read elsewhere for money, it pays off once that
        would cost more than the second host; where it could not be read at all, from the first such document. None
        where reading elsewhere is cheaper even with both full.
        """
        if self.elsewhere_per_1000 is None:
            return self.first_documents, self.first_documents
        if not self.elsewhere_per_1000:
            return None
        price = self.elsewhere_per_1000 / 1000 * self.pages_per_document
        low, high = (self.first_documents + day / price for day in self.second.day)
        return (low, high) if high <= self.most_documents else None

    def first_alone(self, documents: float) -> float | None:
        """What 1,000 pages cost at so many documents a day with the first host alone; None where it cannot read all."""
        return self._per_1000(self.first.day[0], documents, self.first_pages)

    def both(self, documents: float) -> tuple[float | None, float | None]:
        """The same with both hosts, by the least and the most that the second's hardware costs."""
        alone, capacity = self.first.day[0], self.first_pages + self.second_pages
        low, high = (self._per_1000(alone + day, documents, capacity) for day in self.second.day)
        return low, high

    def _per_1000(self, day: float, documents: float, capacity: float) -> float | None:
        pages = documents * self.pages_per_document
        beyond = max(0.0, pages - capacity)
        if not pages or (beyond and self.elsewhere_per_1000 is None):
            return None
        return (day + beyond / 1000 * (self.elsewhere_per_1000 or 0.0)) / pages * 1000
