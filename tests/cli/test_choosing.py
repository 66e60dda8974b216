"""Rows and columns of results, chosen by what is typed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from research import EC, Domain, E, Research, ResearchResults
from research.cli.choosing import choose
from research.cli.ending import Problem
from research.storage.memory import MemoryStore
from tests.results.questions import fill

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
        ("value=1", "ab"),
        ("value=True", "ab"),
        ("value is null", "d"),
        ("value=text", "c"),
        ("value = 'text'", "c"),
        ("value!=1", "cdefg"),
        ("value != text and value is not null", "abefg"),
        ("value between 0.3 and 1 or kind in ('c')", "abceg"),
        ("not kind = a", "bcdefg"),
        ("(kind = a or kind = b) and status = done", "ab"),
        ("n<=2", "abcdefg"),
        ("kind>='e'", "efg"),
        ("status=done", "abcdefg"),
    ],
)
def test_conditions(results, condition, found):
    assert kinds(results, condition) == found


def test_columns_and_orders(results):
    table = choose(results, ["kind, n", "kind"], order_by=["-kind,repetition"], limit=3)
    assert table.values.tolist() == [["g", 2], ["g", 2], ["f", 2]]
    assert sorted(choose(results)["repetition"]) == [0] * len(VALUES) + [1] * len(VALUES)
    order = choose(results, ["kind"], ["repetition=0"], order_by=["value"])["kind"]
    assert "".join(order) == "egabfcd"  # numbers, texts, what is missing


def test_what_says_nothing_is_left_out(results):
    assert not {"device", "updates"} & set(choose(results).columns)


def test_ids_and_dates_need_no_quotes(results):
    for identity in choose(results, where=["repetition=0"])["id"]:
        found = choose(results, ["id"], [f"id={identity}"])
        assert found["id"].tolist() == [identity]
        assert identity not in choose(results, ["id"], [f"id!={identity}"])["id"].tolist()
    assert len(choose(results, where=["kind<2024-02-29"])) == 0
    with pytest.raises(ValueError, match="write `is null`"):
        choose(results, where=["value=null"])
    with pytest.raises(ValueError, match="parameter or variable 'e'"):
        choose(results, where=["kind>e"])
    with pytest.raises(ValueError, match="cannot be read at '> 1'"):
        choose(results, where=["n > > 1"])


def test_the_best_are_those_of_the_library(results):
    for how in ({}, {"limit": 2}, {"mode": "min"}, {"by": ["repetition"], "limit": 1}):
        given = {"n": how.get("limit", 5), "mode": how.get("mode", "max"), "by": how.get("by", ())}
        expected = results.best("value", **given)
        assert choose(results, best="value", **how).equals(expected)
        shown = choose(results, ["n,id", "status"], best="value", **how)
        assert shown["id"].tolist() == expected["id"].tolist()
        assert list(shown) == ["n", "id", "status"]
    assert choose(results, ["kind"], ["value < 1"], best="value", limit=1)["kind"].tolist() == ["g"]
    for wrong in (
        {"mode": "min"},
        {"by": ["n"]},
        {"best": "value", "every": True},
        {"best": "n", "order_by": ["n"]},
    ):
        with pytest.raises(Problem, match="--best"):
            choose(results, **wrong)


def test_iterations_are_chosen_in_the_same_language():
    study = Research(domain=Domain(a=[1, 2])).save(EC("a") * E().iteration, "x").save("text", "t", when="%3")
    results = study.run(n_iters=5, dump_results=False, parallel=False, bar=False).results
    table = choose(results, ["a,iteration,x"], ["x>=2 and iteration<4", "a=2"], ["-x"], every=True)
    assert table.values.tolist() == [[2, 3, 6], [2, 2, 4], [2, 1, 2]]
    assert len(choose(results, where=["t=text"], every=True)) == 2
    assert choose(results, ["iteration"], ["t is null"], ["-iteration", "a"], 2, True)[
        "iteration"
    ].tolist() == [4, 4]
    with pytest.raises(Problem, match="there is no column 'y'"):
        choose(results, where=["y > 1"], every=True)


def test_names_that_every_experiment_has_are_told_apart():
    study = Research(domain=Domain(status=["on", "off"])).save(EC("status"), "error")
    results = study.run(dump_results=False, parallel=False, bar=False).results
    assert list(choose(results)) == ["id", "status", "status_", "error"]
    assert choose(results, ["error"], ["status=on", "status_=done"])["error"].tolist() == ["on"]


def test_a_study_that_has_not_begun_has_no_rows():
    results = ResearchResults(fill(MemoryStore(), []))
    assert len(choose(results, ["a"], ["b=1"])) == 0
    assert list(choose(results)) == ["id", "status"]
