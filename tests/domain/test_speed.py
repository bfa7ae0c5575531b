"""How fast a host reads, over its newest pages."""

import pytest

from jobs.domain.speed import Sample, Speed, after


def test_the_first_page_is_taken_as_it_is():
    assert after(Speed(), [Sample(2.0, 800)]) == Speed(2.0, 400.0)


def test_a_change_is_seen_within_ten_pages_and_not_in_one():
    fast = Speed(2.0, 400.0)
    assert after(fast, [Sample(8.0, 800)]).tokens_per_second == pytest.approx(340)
    assert after(fast, [Sample(8.0, 800)] * 11).tokens_per_second < 130


def test_a_host_that_tells_no_tokens_is_measured_in_pages_alone():
    assert after(Speed(2.0, None), [Sample(4.0, None)]) == Speed(pytest.approx(2.4), None)
    assert after(Speed(2.0, 400.0), [Sample(2.0, None)]).tokens_per_second == 400.0


def test_a_clock_that_was_set_back_measures_nothing():
    assert after(Speed(2.0, 400.0), [Sample(0.0, 800), Sample(-1.0, 800)]) == Speed(2.0, 400.0)
