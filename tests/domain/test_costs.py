"""Costs as the operator reckons them."""

from __future__ import annotations

import pytest

from jobs.domain import costs, presets
from jobs.domain.costs import Basis, HostCosts, Pair

SHIPPED = {
    backend["name"]: costs.of_host(backend["costs"], backend["hardware"], Basis()) for backend in presets.BACKENDS
}


def test_the_two_machines_cost_what_the_operator_says() -> None:
    calypso, spark = SHIPPED["calypso"], SHIPPED["spark"]
    assert calypso and spark
    assert (calypso.month, calypso.after(12), calypso.after(36)) == (40, (480, 480), (1440, 1440))
    assert (spark.month, spark.after(12), spark.after(36)) == (45, (5540, 15540), (6620, 16620))


def test_power_is_reckoned_from_watts_as_the_operator_does() -> None:
    assert round(costs.power_month(450, 0.123)) == 40
    assert round(costs.power_month(500, 0.123)) == 44


def test_what_was_entered_goes_before_what_is_reckoned() -> None:
    reckoned = costs.of_host({"hardware": 0}, {"tdp_watts": 500}, Basis())
    assert reckoned and (round(reckoned.month), reckoned.power_from_watts) == (44, 500)
    entered = costs.of_host({"hardware": 0, "power_month": 45}, {"tdp_watts": 500}, Basis())
    assert entered and (entered.month, entered.power_from_watts) == (45, None)


def test_maintenance_is_added_month_by_month() -> None:
    found = costs.of_host({"hardware": [100, 200], "power_month": 40, "maintenance_month": 10}, {}, Basis())
    assert found and found.after(12) == (700, 800)


@pytest.mark.parametrize(
    ("entered", "hardware"),
    [
        ({}, {"tdp_watts": 450}),
        ({"hardware": 0}, {}),
        ({"hardware": "cheap", "power_month": 40}, {}),
        ({"hardware": -1, "power_month": 40}, {}),
        ({"hardware": 0, "power_month": -40}, {}),
        ({"hardware": 0, "power_month": "much"}, {"tdp_watts": None}),
    ],
)
def test_what_is_not_known_is_not_made_up(entered: dict[str, object], hardware: dict[str, object]) -> None:
    assert costs.of_host(entered, hardware, Basis()) is None


def test_a_thousand_pages_cost_less_the_more_are_read() -> None:
    calypso, spark = SHIPPED["calypso"], SHIPPED["spark"]
    assert calypso and spark
    assert calypso.per_1000_pages(1000) == pytest.approx((40 / 30, 40 / 30))
    low, high = spark.per_1000_pages(10_000) or (0, 0)
    assert (low, high) == pytest.approx(((5000 / 36 + 45) / 300, (15000 / 36 + 45) / 300))
    assert calypso.per_1000_pages(0) is None


def pair(elsewhere: float | None) -> Pair:
    """10,000 and 30,000 pages a day of ten pages a document; $30 and $60 to $90 a month without hardware to pay."""
    first, second = HostCosts((0, 0), 30), HostCosts((0, 36 * 30), 60)
    return Pair(first, second, 10_000, 30_000, 10, elsewhere)


def test_what_cannot_be_read_elsewhere_makes_the_second_pay_off_at_once() -> None:
    assert pair(None).pays_off() == (1000, 1000)


def test_elsewhere_at_a_price_it_pays_off_later() -> None:
    # The second costs $2 to $3 a day; a document read elsewhere costs $0.01.
    assert pair(1.0).pays_off() == pytest.approx((1200, 1300))


def test_reading_elsewhere_may_always_be_cheaper() -> None:
    assert pair(0.0).pays_off() is None
    assert pair(0.01).pays_off() is None


@pytest.mark.parametrize("elsewhere", [0.5, 1.0, 4.0])
def test_where_it_pays_off_both_ways_cost_the_same(elsewhere: float) -> None:
    hosts = pair(elsewhere)
    low, high = hosts.pays_off() or (0, 0)
    assert hosts.first_alone(low) == pytest.approx(hosts.both(low)[0])
    assert hosts.first_alone(high) == pytest.approx(hosts.both(high)[1])
    assert (hosts.first_alone(low - 50) or 0) < (hosts.both(low - 50)[0] or 0)
    assert (hosts.first_alone(high + 50) or 0) > (hosts.both(high + 50)[1] or 0)


def test_beyond_what_can_be_read_there_is_no_price() -> None:
    hosts = pair(None)
    assert hosts.first_alone(999) is not None
    assert hosts.first_alone(1001) is None
    assert hosts.both(3999)[1] is not None
    assert hosts.both(4001) == (None, None)
    assert hosts.first_alone(0) is None
