"""docs/reliability.md promises what is tested: each case is there, each test it names exists and carries its case."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAULTS = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").partition("## Hostile files")[0]
ROWS = re.findall(r"^\| (\S+) \| .* \| ((?:`tests/\S+` ?)+)\|$", FAULTS, re.MULTILINE)
NAMED = [(case, test) for case, tests in ROWS for test in re.findall(r"`(\S+)`", tests)]


@cache
def docstrings(path: Path) -> dict[str, str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_case_has_its_row():
    wanted = {f"{letter}{number:02}" for letter in "QB" for number in range(1, 21)}
    assert {case for case, _ in ROWS} - {"–"} == wanted


@pytest.mark.parametrize(("case", "test"), NAMED)
def test_the_test_that_a_promise_names_exists_and_carries_its_case(case, test):
    path, _, name = test.partition("::")
    told = docstrings(ROOT / path)
    assert name in told
    assert case == "–" or case in told[name]
