"""How long a call may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.deadlines import FLOOR_SECONDS, call_seconds


@pytest.mark.parametrize(
    ("max_tokens", "speed", "cap", "seconds"),
    [
        (6892, None, 300, 300),  # nothing measured: the cap
        (6892, 0.0, 300, 300),
        (6892, 400.0, 300, 106),  # a fast host that hangs is found out in less than two minutes
        (6892, 60.0, 300, 300),  # a slow one gets all there is
        (256, 400.0, 300, FLOOR_SECONDS),
        (256, 400.0, 30, 30),  # never over the cap, not even for the floor
    ],
)
def test_the_limit_follows_the_tokens_and_the_speed(max_tokens, speed, cap, seconds):
    assert call_seconds(max_tokens, speed, cap_seconds=cap) == pytest.approx(seconds, abs=1)


@given(st.integers(1, 100_000), st.floats(0.01, 1e5), st.floats(0.1, 3600))
def test_a_page_at_the_measured_speed_never_meets_the_limit_unless_the_cap_forbids(tokens, speed, cap):
    limit = call_seconds(tokens, speed, cap_seconds=cap)
    assert limit <= cap
    assert limit == cap or limit > tokens / speed


@given(st.integers(1, 100_000), st.floats(0.01, 1e4))
def test_a_faster_host_gets_no_more_time(tokens, speed):
    assert call_seconds(tokens, speed * 2, cap_seconds=300) <= call_seconds(tokens, speed, cap_seconds=300)
