"""A file's name as it is shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.display_names import MAX_LENGTH, display_name, stem


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("empty#hash.pdf", "empty#hash.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\me\\scan.tiff", "scan.tiff"),
        ("two\nlines\r\n.pdf", "twolines.pdf"),
        ("a\x00b\x7f.pdf", "ab.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("a\u2066b\u2069\u200f.pdf", "ab.pdf"),
        ("  much   space .pdf ", "much space .pdf"),
        ("cafe\u0301.pdf", "café.pdf"),
        ('"><img src=x>.pdf', '"><img src=x>.pdf'),
        ("", "document"),
        ("..", "document"),
        ("/", "document"),
        ("\u202e", "document"),
        ("\ud800.pdf", ".pdf"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
    ],
)
def test_a_name_is_shown_without_what_could_mislead(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_a_long_name_keeps_its_extension() -> None:
    name = display_name("x" * 300 + ".pdf")
    assert len(name) == MAX_LENGTH
    assert name.endswith("x….pdf")


def test_a_long_extension_is_cut_too() -> None:
    assert len(display_name("a." + "b" * 400)) == MAX_LENGTH


@pytest.mark.parametrize(("name", "expected"), [("a.b.pdf", "a.b"), ("plain", "plain"), (".pdf", ".pdf")])
def test_the_stem_is_the_name_without_its_extension(name: str, expected: str) -> None:
    assert stem(name) == expected


@given(st.text())
def test_any_name_can_be_stored_and_shown(raw: str) -> None:
    name = display_name(raw)
    assert 1 <= len(name) <= MAX_LENGTH
    assert "/" not in name and "\\" not in name
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs"}
    name.encode()
