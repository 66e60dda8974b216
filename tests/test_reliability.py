"""Each promise of the page on reliability names tests, and there are such tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")
ROWS = [
    line
    for line in PAGE.read_text().splitlines()
    if line.startswith("|") and not re.fullmatch(r"[|-]+|\|.*\| test \|", line)
]
NAMED = sorted({pair for row in ROWS for pair in NAME.findall(row)})


def test_there_are_promises():
    assert len(ROWS) > 20
    assert len(NAMED) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_promise_names_its_tests(row):
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    names = cells[-1].split(", ")
    assert all(NAME.fullmatch(name) for name in names), cells[-1]
    assert cells[0]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_exists(path, name):
    parsed = ast.parse((TESTS / path).read_text())
    assert name in {item.name for item in parsed.body if isinstance(item, ast.FunctionDef)}
    assert name.startswith("test_")
