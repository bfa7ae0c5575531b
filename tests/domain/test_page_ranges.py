"""Page ranges as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.page_ranges import normalized, parse_page_range
from jobs.errors import Invalid


@pytest.mark.parametrize(
    ("text", "page_count", "pages"),
    [
        ("", 3, [1, 2, 3]),
        ("   ", 2, [1, 2]),
        ("2", 3, [2]),
        ("1-3,7", 9, [1, 2, 3, 7]),
        (" 1 - 3 , 7 ", 9, [1, 2, 3, 7]),
        ("7,1-3", 9, [1, 2, 3, 7]),
        ("1-4,3-5,4", 5, [1, 2, 3, 4, 5]),
        ("3-", 5, [3, 4, 5]),
        ("2–4", 5, [2, 3, 4]),
        ("10000", 10_000, [10_000]),
    ],
)
def test_a_range_names_pages_in_order_and_each_once(text: str, page_count: int, pages: list[int]) -> None:
    assert parse_page_range(text, page_count) == pages


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "such as 1-3,7"),
        ("1,,2", "such as 1-3,7"),
        ("-3", "such as 1-3,7"),
        ("1--3", "such as 1-3,7"),
        ("٣", "such as 1-3,7"),
        ("1-9999999999999", "such as 1-3,7"),
        ("0", "numbered from 1"),
        ("0-2", "numbered from 1"),
        ("3-1", "write 1-3"),
        ("6", "has 5 pages: there is no page 6"),
        ("2-900000000", "there is no page 900000000"),
        ("6-", "there is no page 6"),
        ("1," * 150 + "1", "longer than 200"),
    ],
)
def test_a_range_that_cannot_be_used_says_why(text: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_page_range(text, 5)
    assert words in caught.value.fields["pages"]


def test_a_file_of_one_page_is_named_so() -> None:
    with pytest.raises(Invalid, match="has 1 page: there is no page 2"):
        parse_page_range("2", 1)


def test_writing_is_made_uniform_before_the_file_is_known() -> None:
    assert normalized(" 1 – 3, 7") == "1-3,7"


@given(text=st.text(alphabet="0123456789-,. a", max_size=30), page_count=st.integers(1, 50))
def test_any_text_is_either_refused_or_names_pages_of_the_file(text: str, page_count: int) -> None:
    try:
        pages = parse_page_range(text, page_count)
    except Invalid as refusal:
        assert set(refusal.fields) == {"pages"}
    else:
        assert pages == sorted(set(pages))
        assert set(pages) <= set(range(1, page_count + 1))
        assert pages
