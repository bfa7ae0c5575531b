"""A chart's geometry: what is drawn where, and what is told to those who do not see it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from jobs.views import charts
from jobs.views.charts import HEIGHT, WIDTH, Chart, Series
from tests import seeded


def chart(*values: list[Any], stacked: bool = False, **more: Any) -> Chart:
    looks = ("line-1", "line-2", "line-3")
    series = [Series(f"line {n}", looks[n], one) for n, one in enumerate(values)]
    labels = [f"{n}:00" for n in range(len(values[0]))]
    return Chart("key", "Title", "Note.", labels, series, charts.plain, stacked=stacked, **more)


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.035, 0.04), (1, 1), (1.1, 1.5), (2.2, 2.5), (7, 8), (61, 80), (2410, 2500)]
)
def test_the_upper_edge_is_the_next_round_number(value: float, top: float) -> None:
    assert charts.rounded_up(value) == pytest.approx(top)


def test_a_line_steps_from_place_to_place_and_breaks_where_nothing_is_known() -> None:
    ((look, path),) = chart([5.0, 10.0, None, 0.0]).paths
    assert look == "line-1"
    assert path == f"M0.0 {HEIGHT / 2}H150.0V0.0H300.0M450.0 {float(HEIGHT)}H600.0"


def test_bars_stand_on_top_of_each_other_and_reach_the_sum() -> None:
    chance = seeded.source()
    columns = [[chance.randrange(0, 50) for _ in range(12)] for _ in range(3)]
    drawn = chart(*columns, stacked=True)
    for place in range(12):
        left = place * WIDTH / 12
        bars = [bar for bar in drawn.bars if left <= bar.x < left + WIDTH / 12]
        total = sum(column[place] for column in columns)
        assert len(bars) == sum(column[place] > 0 for column in columns)
        assert sum(bar.height for bar in bars) == pytest.approx(total / drawn.top * HEIGHT, abs=0.5)
        for below, above in itertools.pairwise(bars):
            assert above.y + above.height == pytest.approx(below.y, abs=0.11)


def test_nothing_is_drawn_outside_the_frame() -> None:
    chance = seeded.source()
    for _ in range(20):
        values = [chance.choice([None, chance.lognormvariate(0, 4)]) for _ in range(chance.randrange(1, 70))]
        drawn = chart(values, expected=(chance.uniform(0, 5), chance.uniform(5, 500)))
        numbers = [float(n) for n in re.findall(r"[\d.]+(?:e[-+]?\d+)?", drawn.paths[0][1])]
        assert all(0 <= number <= WIDTH for number in numbers)
        if drawn.band:
            assert drawn.band.y >= 0 and drawn.band.y + drawn.band.height <= HEIGHT + 2


def test_it_says_in_words_what_it_shows() -> None:
    drawn = chart([None, 4.2, 61.0], [1.0, None, 2.0])
    assert drawn.description == ("line 0: from 4.2 to 61; line 1: from 1 to 2.")
    assert drawn.rows == [("0:00", ["–", "1"]), ("1:00", ["4.2", "–"]), ("2:00", ["61", "2"])]
    assert drawn.label_words == ["0:00", "1:00", "2:00"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "Nothing was measured in this time."),
        ([None, None], "Nothing was measured in this time."),
        ([0.0, None], "None in this time."),
    ],
)
def test_without_anything_to_draw_it_says_why(values: list[Any], words: str) -> None:
    drawn = chart(values, expected=(1, 2))
    assert drawn.empty
    assert drawn.description == drawn.nothing == words
    assert drawn.band is None


def test_an_upright_line_stands_at_its_share_of_the_width() -> None:
    assert chart([1.0, 2.0], mark=0.25).mark_path == f"M150.0 0V{HEIGHT}"
    assert chart([1.0, 2.0]).mark_path == ""
