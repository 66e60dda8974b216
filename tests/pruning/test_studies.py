"""Studies whose hopeless experiments end early."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from research import EC, Domain, Executor, Median, O, Patience, Research, ResearchResults, SuccessiveHalving
from research.errors import StudyNotFoundError
from tests.pruning.descents import N_EXPERIMENTS, N_ITERATIONS, described, ends, kill_once, losses

HERE = {"dump_results": False, "parallel": False, "bar": False}
WAYS = [
    {"workers": 1},
    {"workers": 3},
    {"workers": 2, "isolation": "experiment"},
    {"workers": 2, "branches": 3, "executor_target": "threads", "seed_libraries": False},
    {"workers": 1, "branches": 4, "executor_target": "for"},
    {"workers": 2, "executor_class": type("Own", (Executor,), {})},
    pytest.param({"workers": 2, "start_method": "spawn"}, marks=pytest.mark.slow),
    pytest.param({"workers": 2, "backend": "dask"}, marks=pytest.mark.slow),
    pytest.param({"workers": 1, "backend": "dask", "branches": 4}, marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Run the study in this process."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("alone"))
    study = described().run(n_iters=N_ITERATIONS, seed=1, **HERE)
    os.chdir(before)
    return study


def test_the_hopeless_end_and_their_values_are_kept(alone):
    counts = alone.monitor.counts
    assert counts["pruned"] > N_EXPERIMENTS / 3
    assert counts["done"] + counts["pruned"] == N_EXPERIMENTS
    iterations = losses(alone).groupby("id").size()
    statuses = alone.results.statuses_to_df().set_index("id")
    assert (iterations[statuses["status"] == "done"] == N_ITERATIONS).all()
    pruned = statuses[statuses["status"] == "pruned"]
    assert set(iterations[pruned.index]) <= {2, 4, 8, 16}
    assert (iterations[pruned.index] == pruned["iterations"]).all()
    assert pruned["error"].str.match(r"'loss' after \d+ iterations: \d+ of \d+ others are better").all()
    best = losses(alone).groupby("id")["loss"].min().idxmin()
    assert statuses.loc[best, "status"] == "done"


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_it_is_the_same_however_it_is_run(alone, how):
    study = described().run(n_iters=N_ITERATIONS, seed=1, bar=False, **how)
    assert ends(study) == ends(alone)
    assert losses(study).equals(losses(alone))


@pytest.mark.parametrize(
    "rule", [Median(min_experiments=2, every=3), Patience(3, min_delta=0.2), SuccessiveHalving(3, 3)]
)
def test_it_is_the_same_by_any_rule(rule):
    one = described("one", rule).run(n_iters=N_ITERATIONS, seed=2, **HERE)
    three = described("three", rule).run(n_iters=N_ITERATIONS, seed=2, workers=3, bar=False)
    assert ends(one) == ends(three)
    assert "pruned" in one.monitor.counts


SCRIPT = """
from tests.pruning.descents import described
described(pause=0.004).run(n_iters=30, seed=1, bar=False, workers=2, resume=True)
"""


def n_over():
    """Return how many experiments are over, as the store says."""
    try:
        return int(ResearchResults("study").statuses_to_df()["status"].isin(["done", "pruned"]).sum())
    except StudyNotFoundError:  # there is none yet
        return 0


def test_it_is_the_same_after_crashes(alone):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(2):
        before, deadline = n_over(), time.monotonic() + 60
        process = psutil.Popen([sys.executable, "-c", SCRIPT], env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and time.monotonic() < deadline and n_over() < before + 5:
            time.sleep(0.05)
        with suppress(psutil.NoSuchProcess):
            started = process.children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            assert psutil.wait_procs(started, 30)[1] == []
    study = described(pause=0.004).run(n_iters=N_ITERATIONS, seed=1, bar=False, workers=3, resume=True)
    assert ends(study) == ends(alone)
    assert losses(study).equals(losses(alone))


def test_what_was_pruned_is_over(alone):
    study = described().run(n_iters=N_ITERATIONS, seed=1, bar=False)
    before = ends(study)
    again = Research.load("study")
    assert "SuccessiveHalving" in str(again)
    again.run(bar=False, retry_failed=True)
    assert ends(again) == before == ends(alone)
    assert (again.results.statuses_to_df()["attempt"] == 1).all()


def test_a_worker_that_dies_holds_up_nobody():
    study = described(pause=0.002).add_callable("kill", kill_once, speed=EC("speed"))
    study.run(n_iters=N_ITERATIONS, seed=1, bar=False, workers=2)
    counts = study.monitor.counts
    assert counts.pop("lost") == 1
    assert sum(counts.values()) == N_EXPERIMENTS - 1


@pytest.mark.parametrize("workers", [1, 2])
def test_one_that_fails_and_is_tried_again_holds_up_nobody(workers):
    def fail(a):
        path = Path(f"tried {a}")
        if a % 3 == 0 and not path.exists():
            path.touch()
            raise ValueError("once")

    def study(name):
        described = Research(name, Domain(a=range(12))).add_generator(
            "loss", lambda a: iter([a] * 6), a=EC("a")
        )
        described.save(O("loss"), "loss").add_callable("fail", fail, a=EC("a"), when="%3")
        return described.prune(SuccessiveHalving(1, 2), "loss")

    done = study("study").run(n_iters=5, workers=workers, bar=False, retries=1)
    assert done.monitor.counts == {"done": 1, "pruned": 11}
    assert done.results.statuses_to_df()["attempt"].tolist()[0] == 2


def test_a_root_ends_when_all_branches_have():
    study = Research("study", Domain(a=[1, 2, 3, 4]))
    study.add_generator("count", lambda: iter(range(100)), root=True, save_to="n")
    study.prune(Patience(3), "n")
    study.run(branches=4, n_iters=50, bar=False, executor_target="for")
    assert study.monitor.counts == {"pruned": 4}
    assert set(study.results.statuses_to_df()["iterations"]) == {4}


def test_experiments_are_compared_where_parameters_are_equal():
    study = Research("study", Domain(data=["easy", "hard"]) * Domain(a=range(4)))
    study.add_callable(
        "loss", lambda data, a: a + 100 * (data == "hard"), data=EC("data"), a=EC("a"), save_to="x"
    )
    study.prune(SuccessiveHalving(1, 2), "x", by="data").run(n_iters=3, workers=2, bar=False)
    table = study.results.to_df().merge(study.results.statuses_to_df(), on="id")
    assert table.groupby("data")["status"].apply(lambda part: (part == "done").any()).all()


def test_more_may_be_better():
    study = Research("study", Domain(a=range(6))).add_callable("x", lambda a: a, a=EC("a"), save_to="x")
    study.prune(SuccessiveHalving(1, 2), "x", mode="max").run(n_iters=3, **HERE)
    assert study.monitor.counts == {"done": 6}


def test_without_waiting_there_is_an_end_too():
    study = described(wait=False).run(n_iters=N_ITERATIONS, seed=1, bar=False, workers=3)
    assert sum(study.monitor.counts.values()) == N_EXPERIMENTS
    assert study.monitor.counts["pruned"] > 0


def test_nan_is_hopeless():
    study = Research("study", Domain(a=range(4)))
    study.add_callable("x", lambda a: math.nan if a > 1 else 1.0, a=EC("a"), save_to="x")
    study.prune(SuccessiveHalving(1, 2), "x").run(n_iters=3, **HERE)
    assert study.results.statuses_to_df()["status"].tolist() == ["done", "done", "pruned", "pruned"]


def test_an_objective_that_is_no_number_fails_and_says_so():
    study = (
        Research("study", Domain(a=[1])).add_callable("x", lambda: "low", save_to="x").prune(Patience(1), "x")
    )
    study.run(n_iters=2, **HERE)
    (failure,) = study.monitor.exceptions
    assert "'x' is what experiments are pruned by: it must be a number, got str 'low'" in str(
        failure["exception"]
    )


def test_units_of_the_last_iteration_are_not_run():
    study = Research("study", Domain(a=[1])).add_callable("x", lambda: 1, save_to="x")
    study.add_callable("last", lambda: 1, when="last", save_to="end").prune(Patience(2), "x").run(
        n_iters=9, **HERE
    )
    table = study.results.to_df()
    assert len(table) == 3
    assert "end" not in table


def test_nothing_is_pruned_any_more():
    study = described().prune(None).run(n_iters=3, **HERE)
    assert study.monitor.counts == {"done": N_EXPERIMENTS}


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((Median, "loss"), TypeError, r"`rule` must be Median\(…\)"),
        (("median", "loss"), TypeError, r"`rule` must be"),
        ((Median(), None), TypeError, r"`objective` must be the name of a variable, got None"),
        ((Median(), "loss", "maximum"), ValueError, r"`mode` must be 'min' or 'max', got 'maximum'"),
        ((Median(), "loss", "min", [1]), TypeError, r"`by` must be a parameter"),
    ],
)
def test_arguments_that_make_no_sense(arguments, error, text):
    with pytest.raises(error, match=text):
        Research().prune(*arguments)


def test_a_parameter_to_compare_by_must_exist():
    study = described(by="sped")
    with pytest.raises(ValueError, match=r"`by` of `prune` names 'sped'.*did you mean 'speed'"):
        study.run(n_iters=2, **HERE)


@pytest.mark.parametrize("objective", ["los", "other"])
@pytest.mark.parametrize("rule", [Median(), Patience(1)])
def test_an_objective_that_nobody_saves_is_remarked(caplog, objective, rule):
    study = described().prune(rule, objective).run(n_iters=2, **HERE)
    assert study.monitor.counts == {"done": N_EXPERIMENTS}
    assert f"no experiment has saved {objective!r}, by which they were to be pruned" in caplog.text
    assert ("no unit is known to save 'los'" in caplog.text) == (objective == "los")


@pytest.mark.parametrize("objective", ["speed", "iteration", "id"])
def test_an_objective_that_is_no_variable_is_refused(objective):
    with pytest.raises(ValueError, match=r"a variable must not be named"):
        described().prune(Median(), objective).run(n_iters=2, **HERE)
