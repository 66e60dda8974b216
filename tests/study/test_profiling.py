"""Studies that are profiled: in every way to run one, while they run, and when they are read later."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from research import EC, Domain, E, O, R, Research, ResearchResults
from research.errors import StudyNotFoundError
from research.profiling.frames import ITERATION
from tests.experiment.pipelines import DATA, make_testing, make_training

SLEEP = 0.02  # seconds
PATIENCE = 60  # seconds after which a test gives up
SLEEPING = "<built-in method time.sleep>"
WAYS = {
    "fork": {"workers": 2, "start_method": "fork"},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "inline": {"parallel": False},
    "memory": {"workers": 2, "dump_results": False},
    "branches in turn": {"branches": 2, "executor_target": "for"},
}


def count(n):
    yield from range(n)


def slow(x):
    time.sleep(SLEEP)
    return quick(x)


def quick(x):
    return x + 1


def define(name="study", **options):
    study = Research(name, Domain(n=[1, 2, 3]), **options).add_generator("count", count, n=EC("n"))
    study.add_callable(quick, x=O("count"), save_to="quick").add_callable(slow, x=O("count"), save_to="slow")
    return study.save(O("slow"), "y")


def rows_of(info):
    """Return (experiment, iteration, unit) of all rows, in their order."""
    return list(zip(info["experiment"], info["iter"], info.index, strict=True))


def rows_expected(results):
    """Return the same, as follows from the configs."""
    return [
        (id_, it, unit)
        for id_, config in results.configs.items()
        for it in range(config["n"] + 1)
        for unit in (["count", "quick", "slow", "save_y"] if it < config["n"] else ["count"]) + [ITERATION]
    ]


@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_calls_of_all_experiments_are_recorded_however_a_study_is_run(way, profile):
    study = define(n_reps=2).run(bar=False, profile=profile, **WAYS[way])
    assert study.monitor.counts == {"done": 6}
    info = study.profiler.profile_info
    assert rows_of(info) == rows_expected(study.results)
    assert (info.loc["slow", "unit_time"] > SLEEP - 1e-6).all()
    assert (info["total_time"] >= info["unit_time"]).all()
    assert study.results.df.columns.tolist() == ["id", "n", "iteration", "quick", "slow", "y"]
    if profile == 2:
        table = study.profiler.show_profile_info(detailed=True)
        assert table.index[0] == ("slow", SLEEPING, "~", 0)
        calls = study.profiler.details.query("unit == 'slow' and function == 'quick'")["ncalls"]
        assert sorted(calls) == [1, 1, 2, 2, 3, 3]
        assert set(study.profiler.details["experiment"]) == set(study.results.configs)


def test_results_are_the_same_as_without():
    frames = [
        define(f"study{profile}").run(bar=False, seed=1, profile=profile).results.df for profile in (0, 1, 2)
    ]
    assert frames[0].equals(frames[1]) and frames[1].equals(frames[2])


def test_what_was_not_profiled_says_so_and_stores_nothing_of_it():
    study = define()
    with pytest.raises(StudyNotFoundError, match="has not been run"):
        _ = study.profiler
    study.run(bar=False)
    for found in (study, study.results, ResearchResults("study"), Research.load("study")):
        with pytest.raises(ValueError, match="nothing was profiled: `profile=1`"):
            _ = found.profiler
    with closing(sqlite3.connect("study/research.db")) as database:
        assert database.execute("SELECT count(*) FROM profiles").fetchone() == (0,)


def test_times_are_read_by_whoever_reads_results_and_functions_only_if_they_were_followed():
    define().run(bar=False, profile=1)
    expected = rows_expected(ResearchResults("study"))
    assert rows_of(Research.load("study").profiler.profile_info) == expected
    assert rows_of(ResearchResults("study").profiler.profile_info) == expected
    with pytest.raises(ValueError, match=r"no details.*`profile=2`"):
        ResearchResults("study").profiler.show_profile_info(detailed=True)


def test_filters_of_experiments_hold():
    results = define().run(bar=False, profile=2).results
    (chosen,) = (id_ for id_, config in results.configs.items() if config["n"] == 2)
    profiler = results.load(n=2, name="quick", iterations=0).profiler
    assert set(profiler.profile_info["experiment"]) == {chosen} == set(profiler.details["experiment"])
    assert profiler.profile_info["iter"].max() == 2


def test_a_profile_is_read_while_its_unit_runs():
    def wait(it):
        while it == 3 and not Path("go").exists():
            time.sleep(0.01)
        return it

    seen = []

    def watch():
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not seen:
            if Path("study/research.lock").exists() and Path("study/research.dill").exists():
                info = ResearchResults("study").profiler.profile_info
                seen.extend(rows_of(info)[-1:])
            time.sleep(0.01)
        Path("go").touch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    study = Research("study").add_callable("wait", wait, it=E().iteration)
    study.run(bar=False, n_iters=4, profile=1)
    watcher.join()
    assert [(it, unit) for _, it, unit in seen] == [(2, ITERATION)]
    assert study.profiler.profile_info.loc["wait", "iter"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("way", ["fork", "inline", "memory"])
def test_a_function_that_updates_the_domain_sees_the_profile(way):
    seen = []

    def look(results):
        seen.append((len(results.profiler.profile_info), len(results.profiler.details) > 0))

    study = Research("study", Domain(n=[1, 2])).add_callable(quick, x=EC("n"))
    study.update_domain(look, results=R()).run(bar=False, profile=2, **WAYS[way])
    assert seen == [(4, True)]


def test_blocks_that_were_sent_one_after_another_are_joined():
    study = Research("study", Domain(a=[1, 2])).add_callable("often", quick, x=E().iteration, dump=1)
    study.add_callable("seldom", quick, x=1, when=["%1", "%5", 8, "last"])
    info = study.run(bar=False, n_iters=20, profile=1).profiler.profile_info
    assert info.loc["often", "iter"].tolist() == info.loc[ITERATION, "iter"].tolist() == [*range(20)] * 2
    assert info.loc["seldom", "iter"].tolist() == [1, 5, 7, 15, 19] * 2
    with closing(sqlite3.connect("study/research.db")) as database:
        (most,) = database.execute("SELECT max(block) FROM profiles").fetchone()
    assert most > 0


def test_many_iterations_are_all_there():
    study = Research("study").add_callable("work", quick, x=1, save_to="y")
    info = study.run(bar=False, n_iters=100_000, profile=1).profiler.profile_info
    assert np.array_equal(info.loc["work", "iter"], np.arange(100_000))
    assert np.array_equal(info.loc[ITERATION, "iter"], np.arange(100_000))


def test_of_experiments_that_fail_or_are_lost_there_is_what_was_measured():
    def fragile(a, it):
        if it == 2 and a == 1:
            raise ValueError("as told")
        if it == 2 and a == 2:
            os._exit(9)
        return it

    study = Research("study", Domain(a=[0, 1, 2]))
    study.add_callable("note", quick, x=E().iteration, dump=1).add_callable(
        "f", fragile, a=EC("a"), it=E().iteration
    )
    study.run(bar=False, n_iters=4, profile=2)
    assert study.monitor.counts == {"done": 1, "failed": 1, "lost": 1}
    ids = {config["a"]: id_ for id_, config in study.results.configs.items()}
    info = study.profiler.profile_info
    found = [info[info["experiment"] == ids[a]].loc["f", "iter"].tolist() for a in range(3)]
    assert found == [[0, 1, 2, 3], [0, 1, 2], [0, 1]]
    assert set(study.profiler.details["experiment"]) == {ids[0], ids[1]}


@pytest.mark.parametrize("with_branch", [False, True], ids=["whole", "root and branch"])
def test_pipelines_are_units_like_others(with_branch):
    study = Research("study", Domain(alpha=[1e-4, 1.0]))
    if with_branch:
        study.add_pipeline("train", make_training() + make_training(), make_training(), variables="accuracy")
    else:
        study.add_pipeline("train", make_training(), variables="accuracy")
    study.add_pipeline("test", make_testing(), run=True, import_from=E("train"), when="last")
    study.run(bar=False, profile=2, branches=2, executor_target="for", n_iters=3)
    assert study.monitor.exceptions == []
    info = study.profiler.profile_info
    assert info.index.value_counts().to_dict() == {
        **({"train_root": 3} if with_branch else {}),
        "train": 6,
        "test": 2,
        ITERATION: 6,
    }
    assert (info.loc[["train", "test"], "unit_time"] > 0).all()
    details = study.profiler.details
    assert details.loc["train"].query("function == 'Classifier.train'")["ncalls"].tolist() == [3, 3]
    assert len(DATA) == 200


def test_a_level_that_means_nothing_or_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match=r"`profile` must be .* got 'detials'; did you mean 'detailed'"):
        define().run(bar=False, profile="detials")
    with pytest.raises(ValueError, match=r"`profile=2`.*`executor_target='for'`"):
        define().run(bar=False, profile=2, branches=2)
    assert not os.path.exists("study")
    assert define().run(bar=False, profile="detailed").results.study.settings["profile"] == 2
