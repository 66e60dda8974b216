"""Studies in one line."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from research import Domain, ResearchResults, sweep
from research.errors import StudyError
from samplers import NumpySampler

HERE = {"parallel": False, "bar": False}
GRID = Domain(a=[1, 2, 3, 4]) * Domain(b=[8, 9])


def product(config):
    with Path("calls").open("a") as file:
        file.write(f"{config['a']},{config['b']}\n")
    return {"result": config["a"] * config["b"]}


def calls():
    path = Path("calls")
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def rows(table, *columns):
    return [tuple(row) for row in table[list(columns)].itertuples(index=False)]


EIGHT = [(a, b, a * b) for a in (1, 2, 3, 4) for b in (8, 9)]


@pytest.mark.parametrize("options", [HERE, {"workers": 2, "bar": False}], ids=["here", "workers"])
def test_two_parameters_give_eight_rows_in_order(options):
    table = sweep(product, GRID, **options)
    assert table.columns.tolist() == ["id", "a", "b", "status", "result"]
    assert rows(table, "a", "b", "result") == EIGHT
    assert set(table["status"]) == {"done"}
    assert [path.name for path in Path().iterdir()] == ["calls"]


def test_more_values_under_the_same_name_run_alone_and_leave_ids():
    first = sweep(product, GRID, name="calc", **HERE)
    calls()
    assert sweep(product, GRID, name="calc", **HERE).equals(first)
    assert calls() == []
    second = sweep(product, Domain(a=[0, 1, 2, 3, 4, 5]) * Domain(b=[8, 9]), name="calc", **HERE)
    assert calls() == ["0,8", "0,9", "5,8", "5,9"]
    assert second.iloc[:8].equals(first)
    assert rows(second.iloc[8:], "a", "b", "result") == [(0, 8, 0), (0, 9, 0), (5, 8, 40), (5, 9, 45)]


def test_a_star_gives_five_configs():
    star = Domain.star({"a": 1, "b": 77}, a=[1, 2, 3], b=[77, 88, 99])
    table = sweep(product, star, **HERE)
    assert rows(table, "a", "b") == [(1, 77), (2, 77), (3, 77), (1, 88), (1, 99)]


def test_a_dry_run_calls_nothing(capsys):
    sweep(product, GRID[:3], name="calc", **HERE)
    calls()
    plan = sweep(product, GRID, name="calc", dry_run=True, **HERE)
    assert plan["status"].tolist() == ["done"] * 3 + ["new"] * 5
    assert "calc: 8 experiments: 3 done, 5 new; 5 would be run" in capsys.readouterr().out
    assert set(sweep(product, GRID, dry_run=True)["status"]) == {"new"}
    assert len(sweep(product, Domain(a=range(10**9), b=[1]), dry_run=True)) == 1000
    assert calls() == []


def test_lists_of_dicts_and_dataclasses_are_configs():
    @dataclass
    class Pset:
        a: int
        b: int = 2

    assert sweep(product, [{"a": 1, "b": 2}, Pset(3)], **HERE)["result"].tolist() == [2, 6]
    assert sweep(product, {"a": [1, 2], "b": [3]}, **HERE)["result"].tolist() == [3, 6]


def by_name(a, b=10, *, device=None, **others):
    return a + b + len(others)


def by_place(a, /, b):
    return a - b


def of_config(pset, scale=2):
    return {**pset, "doubled": pset["a"] * scale}


def of_group(model, a):
    return model["depth"] * a


@pytest.mark.parametrize(
    ("func", "domain", "results"),
    [
        (by_name, Domain(a=[1, 2]), [11, 12]),
        (by_name, Domain({"a": [1], "b": [2], "c": [3], "d/e": [4]}), [5]),
        (by_place, Domain(b=[1], a=[5]), [4]),
        (of_group, Domain({"a": [2], "model/depth": [3]}), [6]),
        (functools.partial(by_name, b=1), Domain(a=[1]), [2]),
        (abs, Domain(x=[-1]), [1]),
        (lambda **config: sum(config.values()), Domain(a=[1], b=[2]), [3]),
        (lambda config: sorted(config), Domain(b=[1], a=[2]), [["a", "b"]]),
        (lambda *configs: len(configs), Domain(b=[1]), [1]),
        (lambda: 7, Domain({}), [7]),
    ],
)
def test_functions_take_what_their_arguments_say(func, domain, results):
    assert sweep(func, domain, **HERE)["result"].tolist() == results


def test_what_is_ignored_need_not_be_taken():
    domain = Domain(a=[1, 2], study=["first"]).ignore("study")
    table = sweep(lambda a: 2 * a, domain, **HERE)
    assert rows(table, "a", "study", "result") == [(1, "first", 2), (2, "first", 4)]
    assert sweep(lambda a, study: study, domain, **HERE)["result"].tolist() == ["first", "first"]


def test_an_updated_config_may_be_returned():
    table = sweep(of_config, Domain(a=[1, 2]), **HERE)
    assert rows(table, "a", "doubled") == [(1, 2), (2, 4)]
    assert "a_" not in table


def test_what_has_a_taken_name_is_kept_under_another():
    table = sweep(lambda a: {"a": a + 1, "id": 5, "status": 6, 7: 8}, Domain(a=[1]), **HERE)
    assert table.columns.tolist() == ["id", "a", "status", "7", "a_", "id_", "status_"]
    assert rows(table, "a", "status", "7", "a_", "id_", "status_") == [(1, "done", 8, 2, 5, 6)]


def test_each_config_has_a_row_whatever_comes_of_it():
    def sometimes(a):
        if a == 2:
            raise ValueError("two")
        return {"x": a} if a == 1 else None

    table = sweep(sometimes, Domain(a=[1, 2, 3]), **HERE)
    assert table["status"].tolist() == ["done", "failed", "done"]
    assert table["x"].tolist()[0] == 1 and table["x"].isna().tolist() == [False, True, True]
    assert len(sweep(lambda a: None, Domain(a=[1, 2]), **HERE)) == 2


def test_values_of_any_type_come_back():
    table = sweep(lambda a: {"array": np.arange(a), "text": "x" * a}, Domain(a=[1, 2]), **HERE)
    assert table["text"].tolist() == ["x", "xx"] and table["array"][1].tolist() == [0, 1]
    assert sweep(lambda a: [a], Domain(a=[1, 2]), **HERE)["result"].tolist() == [[1], [2]]


def test_repetitions_and_draws():
    table = sweep(lambda a, x: x, Domain(a=[1]) * Domain(x=NumpySampler("u")), n_reps=2, seed=1, **HERE)
    assert table["repetition"].tolist() == [0, 1]
    assert table["result"].tolist() == table["x"].tolist()
    assert len(sweep(lambda x: x, Domain(x=NumpySampler("u")), n_configs=3, **HERE)) == 3


def test_code_that_has_changed_is_noticed():
    sweep(lambda a: a, Domain(a=[1]), name="calc", **HERE)
    with pytest.raises(StudyError, match="the code of 'calc' has changed"):
        sweep(lambda a: a + 1, Domain(a=[1, 2]), name="calc", **HERE)
    table = sweep(lambda a: a + 1, Domain(a=[1, 2]), name="calc", code_changed="rerun", **HERE)
    assert table["result"].tolist() == [2, 3]
    assert len(ResearchResults("calc").df) == 2


@pytest.mark.parametrize(
    ("func", "domain", "error", "text"),
    [
        (5, GRID, TypeError, "`func` must be callable, got int 5"),
        (lambda a: 1, GRID, ValueError, r"function\(\) takes no 'b', which is a parameter"),
        (by_place, Domain(a=[1]), ValueError, r"by_place\(\) needs 'b', which is no parameter"),
        (lambda rat: 1, Domain(rate=[1]), ValueError, "did you mean 'rate'"),
        (lambda: 1, GRID, ValueError, "takes no 'a'"),
        (product, [5], TypeError, "config number 0 must be a dict"),
        (product, 5, TypeError, "`configs` must be a list"),
    ],
)
def test_what_makes_no_sense_is_refused(func, domain, error, text):
    with pytest.raises(error, match=text):
        sweep(func, domain, **HERE)


def test_a_sweep_waits():
    with pytest.raises(ValueError, match="`detach=True` returns at once"):
        sweep(product, GRID, name="calc", detach=True)


def test_a_config_that_lacks_what_is_needed_is_refused_before_anything_is_called():
    calls = []
    with pytest.raises(ValueError, match=r"needs 'b', which config number 1, \{'a': 1\}, lacks"):
        sweep(lambda a, b: calls.append(a), [{"a": 1, "b": 2}, {"a": 1}], **HERE)
    assert not calls
    assert rows(sweep(lambda a, b=5: a + b, [{"a": 1, "b": 2}, {"a": 1}], **HERE), "result") == [(3,), (6,)]


def test_a_sweep_over_nothing_calls_nothing():
    assert sweep(lambda a, b: 1 / 0, [], **HERE).empty
