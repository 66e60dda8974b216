"""Rows and columns of results, chosen by what is typed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from research import EC, Domain, Research
from research.cli.choosing import choose
from research.cli.ending import Problem
from research.cli.tables import _json

VALUES = {"a": 1, "b": True, "c": "text", "d": None, "e": 0.1 + 0.2, "f": math.inf, "g": np.float64(0.5)}


@pytest.fixture(scope="module")
def results():
    study = Research(domain=Domain(kind=list(VALUES), n=[2]), n_reps=2)
    study.add_callable("f", lambda kind: VALUES[kind], kind=EC("kind"), save_to="value")
    study.add_callable("g", lambda: np.arange(3), save_to="array")
    return study.run(dump_results=False, parallel=False, bar=False).results


def kinds(results, *where, **how):
    return "".join(choose(results, where=[*where, "repetition=0"], **how)["kind"])


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("kind=a", "a"),
        ("value=1", "a"),
        ("value=True", "b"),
        ("value=text", "c"),
        ("value = 'text'", "c"),
        ("value!=1", "bcefg"),
        ("n<=2", "abcdefg"),
        ("kind>=e", "efg"),
        ("status=done", "abcdefg"),
    ],
)
def test_conditions(results, condition, found):
    assert kinds(results, condition) == found


def test_columns_and_orders(results):
    table = choose(results, ["kind, n", "kind"], order=["-kind,repetition"], limit=3)
    assert table.values.tolist() == [["g", 2], ["g", 2], ["f", 2]]
    assert sorted(choose(results)["repetition"]) == [0] * len(VALUES) + [1] * len(VALUES)
    with pytest.raises(Problem, match="--order value"):
        choose(results, order=["value"])


def test_what_says_nothing_is_left_out(results):
    assert not {"device", "updates"} & set(choose(results).columns)


def test_json_says_numbers_to_the_last_digit():
    found = json.loads(json.dumps({name: _json(value) for name, value in VALUES.items()}, allow_nan=False))
    assert found == {**VALUES, "f": "inf"}
    assert _json([np.nan, (1, {2: object})]) == [None, [1, {"2": "<class 'object'>"}]]
