"""Histograms of parts put together are the histogram of the whole."""

from __future__ import annotations

import math

import pytest

from jobs.domain import histograms
from tests import seeded


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05, 1.0, 3.4, 61.0, 86_400.0, 1e9])
def test_a_span_lies_in_its_bucket(seconds: float) -> None:
    within = min(max(seconds, histograms.LEAST_SECONDS), histograms.MOST_SECONDS)
    low = histograms.LEAST_SECONDS * histograms.GROWTH ** histograms.bucket_of(seconds)
    assert low * 0.999 <= within < low * histograms.GROWTH * 1.001


def test_however_spans_are_shared_out_and_merged_the_whole_is_the_same() -> None:
    chance = seeded.source()
    for _ in range(50):
        spans = [chance.lognormvariate(1, 1.5) for _ in range(chance.randrange(1, 200))]
        parts: list[list[float]] = [[] for _ in range(chance.randrange(1, 12))]
        for span in spans:
            chance.choice(parts).append(span)
        counted = [histograms.counted(part) for part in parts]
        chance.shuffle(counted)
        cut = chance.randrange(len(counted) + 1)
        in_steps = histograms.merged([histograms.merged(counted[:cut]), histograms.merged(counted[cut:])])
        assert in_steps == histograms.counted(spans)


def test_merging_changes_none_of_the_parts() -> None:
    one, other = histograms.counted([1.0]), histograms.counted([1.0, 2.0])
    before = (dict(one), dict(other))
    histograms.merged([one, other])
    assert (one, other) == before


def test_a_percentile_is_off_by_no_more_than_half_a_bucket() -> None:
    chance = seeded.source()
    for _ in range(50):
        spans = sorted(chance.lognormvariate(1, 1) for _ in range(chance.randrange(1, 300)))
        for share in (0.5, 0.95, 0.99):
            exact = spans[max(1, math.ceil(share * len(spans) - 1e-9)) - 1]
            assert histograms.quantile(histograms.counted(spans), share) == pytest.approx(exact, rel=0.026)


def test_nothing_has_no_percentile() -> None:
    assert histograms.quantile({}, 0.5) is None
