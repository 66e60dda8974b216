"""Experiments side by side: the same results, failures that stay with their branch, and what roots see."""

from __future__ import annotations

import os
import signal

import pandas as pd
import pytest

from research import EC, EP, Domain, E, O, Research
from research.domain.identity import experiment_rng

TARGETS = pytest.mark.parametrize("target", ["threads", "for"])


def walk(random, a):
    """Yield as many numbers as the config says, and one."""
    value = float(a)
    for _ in range(a + 1):
        value += random.normal()
        yield value


def load(n):
    """Return data of which nothing is drawn."""
    return list(range(n))


def study(name, **how):
    described = Research(name, Domain(a=range(5), b=["x", "y"]), n_reps=2)
    described.add_instance("seen", list).add_instance("shared", dict, root=True)
    described.add_callable(load, n=4, root=True)
    described.add_generator("walk", walk, random=E().random, a=EC("a"), save_to="value")
    described.add_callable("seen.append", args=[O("walk")])
    described.save(O("load")[1] + O("walk"), "sum").save(E("seen"), "seen", when="last", copy=True)
    described.add_callable("known", lambda shared: len(shared), shared=E("shared"), save_to="known")
    return described.run(bar=False, seed=4, **how)


@TARGETS
@pytest.mark.parametrize("how", [{"workers": 2}, {"parallel": False}], ids=["processes", "inline"])
def test_results_do_not_depend_on_how_many_run_side_by_side(target, how):
    alone = study("alone", parallel=False).results.to_df(remove_auxilary=False)
    beside = study("beside", branches=3, executor_target=target, **how).results
    assert alone["value"].count() == 60
    pd.testing.assert_frame_equal(beside.to_df(remove_auxilary=False), alone, check_exact=True)
    statuses = beside.statuses_to_df()
    assert statuses["group"].tolist() == [number // 3 for number in range(20)]
    assert statuses["slot"].tolist() == [number % 3 for number in range(20)]


@TARGETS
def test_a_failure_in_one_branch_leaves_the_others_of_its_group_going(target):
    def work(a, i):
        if (a, i) == (1, 1):
            raise ValueError("no good")
        return a

    described = Research("study", Domain(a=range(4))).add_callable(
        work, a=EC("a"), i=E().iteration, save_to="x"
    )
    described.run(branches=4, n_iters=3, executor_target=target, bar=False)
    assert described.results.statuses_to_df()["status"].tolist() == ["done", "failed", "done", "done"]
    assert [len(values["x"]) for values in described.results.results.values()] == [3, 1, 3, 3]
    assert [problem["name"] for problem in described.monitor.exceptions] == ["work"]


@TARGETS
def test_a_root_belongs_to_its_group(target):
    made = []

    def make():
        made.append(len(made))
        return made[-1]

    described = Research("study", Domain(a=range(7))).add_instance("number", make, root=True)
    described.add_callable("root", lambda number, a: (number, a), [E("number"), EC("a")], root=True)
    described.save(O("root"), "root").save(EC("a") + E("number"), "sum")
    described.run(branches=3, parallel=False, executor_target=target, bar=False)
    frame = described.results.df
    assert made == [0, 1, 2]
    assert frame["root"].tolist() == [(0, 0)] * 3 + [(1, 3)] * 3 + [(2, 6)]
    assert frame["sum"].tolist() == [0, 1, 2, 4, 5, 6, 8]


@TARGETS
@pytest.mark.parametrize("end", ["exhausted", "failed"])
def test_a_root_goes_on_as_it_was_when_the_first_branch_has_ended(target, end):
    def short(a):
        yield from range(2 if a == 0 else 6)
        if a == 0 and end == "failed":
            raise ValueError("the first branch ends early")

    described = Research("study", Domain(a=range(3)))
    described.add_callable(
        "root", lambda a, random: (a, random.random()), [EC("a"), E().random], root=True, save_to="root"
    )
    described.add_generator("n", short, a=EC("a"))
    described.add_callable("own", lambda random: random.random(), [E().random], save_to="own")
    described.run(branches=3, seed=9, parallel=False, executor_target=target, bar=False)
    results = described.results
    ids = list(results.configs)
    stream = experiment_rng(9, f"root of {ids[0]}")
    drawn = [(0, stream.random()) for _ in range(7)]
    roots = [list(results.results[id_]["root"].values()) for id_ in ids]
    assert roots == [drawn[:3], drawn, drawn]
    first = experiment_rng(9, ids[0])
    assert list(results.results[ids[0]]["own"].values())[:2] == [first.random(), first.random()]


@TARGETS
def test_what_a_root_draws_follows_from_its_group(target):
    def draw(name, **how):
        described = Research(name, Domain(a=range(6)))
        described.add_callable("root", lambda random: random.random(), [E().random], root=True, save_to="x")
        return described.run(seed=1, bar=False, executor_target=target, **how).results.df["x"].tolist()

    first = draw("first", branches=3, workers=2)
    assert [first.count(value) for value in first] == [3] * 6
    assert draw("second", branches=3, parallel=False) == first
    assert not set(draw("pairs", branches=2, parallel=False)[2:]) & set(first[:3])


@TARGETS
def test_the_last_group_may_be_smaller(target):
    described = Research("study", Domain(a=range(5))).add_callable(
        "count", lambda branches: len(branches), [E(all=True)], save_to="n"
    )
    described.save(EC("q"), "own").save(EC("w"), "common")
    described.run(
        branches=[{"q": "x"}, {"q": "y"}, {"q": "z"}], workers=[{"w": 1}], bar=False, executor_target=target
    )
    frame = described.results.df
    assert frame["n"].tolist() == [3, 3, 3, 2, 2]
    assert frame["q"].tolist() == frame["own"].tolist() == list("xyzxy")
    assert frame["w"].tolist() == frame["common"].tolist() == [1] * 5


def test_a_group_ends_where_the_domain_is_to_be_replaced():
    described = Research("study", Domain(a=range(3))).save(EC(), "told")
    answers = [Domain(b=range(4)), None]
    described.update_domain(lambda: answers.pop(0))
    statuses = described.run(branches=2, parallel=False, bar=False).results.statuses_to_df()
    assert statuses["group"].tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert statuses["slot"].tolist() == [0, 1, 0, 0, 1, 0, 1]


def test_a_worker_that_dies_takes_its_group_along():
    def die(a):
        if a == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return a

    described = Research("study", Domain(a=range(9))).add_callable(die, a=EC("a"), save_to="x")
    described.run(branches=3, workers=[{"w": 1}, {"w": 2}], executor_target="for", bar=False)
    statuses = described.results.statuses_to_df()
    assert statuses["status"].tolist() == ["done"] * 3 + ["lost"] * 3 + ["done"] * 3
    assert statuses["group"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert described.results.configs_to_df()["w"].notna().all()


def test_a_group_fails_where_its_root_cannot_be_made():
    tried = []

    def make():
        tried.append(len(tried))
        if len(tried) == 1:
            raise OSError("no data")
        return "data"

    described = Research("study", Domain(a=range(4))).add_instance("data", make, root=True)
    described.save(E("data"), "x").run(branches=2, parallel=False, bar=False)
    assert described.results.statuses_to_df()["status"].tolist() == ["failed"] * 2 + ["done"] * 2
    assert tried == [0, 1]


def test_the_folder_of_a_root_unit_is_that_of_the_first_branch():
    def write(folder):
        (folder / "root.txt").write_text("x")

    study = Research("study", Domain(a=[1, 2, 3])).add_callable("w", write, folder=EP(), root=True)
    results = study.run(branches=2, bar=False).results
    assert results.artifacts_to_df()[["a", "name"]].to_numpy().tolist() == [[1, "root.txt"], [3, "root.txt"]]
