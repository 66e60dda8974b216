"""What is measured of an experiment: which calls, whose they are, and by whom functions are followed."""

from __future__ import annotations

import cProfile
import pstats
import sys
import time

import pytest

from research import EC, E, Executor, Experiment, O
from research.profiling import tracing
from research.profiling.frames import ITERATION

SLEEP = 0.02  # seconds
TOLERANCE = 1e-6  # of sums of times
LEVELS = pytest.mark.parametrize("profile", [1, 2])
SLEEPING = "<built-in method time.sleep>"


class Counter:
    """Something with a method."""

    def __init__(self, start=0):
        self.value = start

    def advance(self):
        """Count."""
        self.value += 1
        return self.value

    def wait(self):
        """Take long."""
        time.sleep(SLEEP)
        return self.value


def failing_at(iteration, it):
    """Raise an exception at one iteration."""
    if it == iteration:
        raise ValueError("as told")
    return it


def helper():
    """Do nothing."""
    return 1


def many_calls(n):
    """Call something often."""
    return sum(helper() for _ in range(n))


def sleeping():
    """Take long."""
    time.sleep(SLEEP)
    return 1


def profiling_itself():
    """Follow its own calls, and tell how many there were."""
    with cProfile.Profile() as own:
        many_calls(3)
    return pstats.Stats(own).total_calls


def measure(experiment, profile=1, configs=None, **options):
    options = {"target": "for", **options}
    return Executor(experiment, configs=configs, profile=profile, **options).run()


def calls(executor):
    """Return (unit, iteration) of all rows of the only experiment, in their order."""
    info = executor.profiler.profile_info
    return list(zip(info.index, info["iter"], strict=True))


def mixed():
    """Return an experiment with units of all kinds."""
    experiment = Experiment().add_instance("log", list).add_instance("counter", Counter, start=EC("a"))
    experiment.add_generator("data", lambda: iter(range(4)), root=True, save_to="data")
    experiment.add_generator("own", range, args=[2, 9], save_to="own")
    experiment.add_callable("draw", lambda random, a: random.random() * a, args=[E().random, EC("a")])
    experiment.add_callable("log.append", args=[O("data")]).save(E("log"), "log", copy=True)
    experiment.add_callable("counter.advance", save_to="count", when=2)
    experiment.add_callable("pair", lambda b, **more: [b, more], args=[1], kwargs=EC(), save_to="pair")
    experiment.add_callable("late", failing_at, args=[2, E().iteration + EC("a")], save_to="late")
    return experiment.save(O("draw"), "draw").save(O("late"), "end", when="last").dump(when="last")


@pytest.mark.parametrize("target", ["threads", "for"])
def test_results_are_the_same_with_and_without(target):
    outcomes = []
    for profile in (0, 1, 2) if target == "for" else (0, 1):
        executor = Executor(mixed(), target, [{"a": a} for a in (-1, 5, 1)], seed=3, profile=profile).run()
        outcomes.append([(run.id, run.results, repr(run.errors)) for run in executor.experiments])
    assert outcomes[0] == outcomes[1] == outcomes[-1]
    assert [errors == "[]" for *_, errors in outcomes[0]] == [False, True, False]


@LEVELS
def test_each_call_of_a_unit_and_each_iteration_has_a_row(profile):
    experiment = Experiment().add_instance("counter", Counter).add_callable("counter.advance", save_to="n")
    experiment.add_generator("numbers", [5, 6, 7]).save(O("numbers"), "x", when=2).dump(when="last")
    expected = [("counter", 0)]
    for it in range(4):
        expected += [("counter.advance", it), ("numbers", it)]
        expected += [("save_x", 1)] * (it == 1) + [("dump", 3)] * (it == 3) + [(ITERATION, it)]
    assert calls(measure(experiment, profile)) == expected


def test_an_experiment_of_no_unit_has_its_iteration():
    assert calls(measure(Experiment())) == [(ITERATION, 0)]


@pytest.mark.parametrize("finalize", [True, False])
def test_a_call_that_fails_counts_and_so_does_its_iteration(finalize):
    experiment = Experiment().add_callable("f", failing_at, args=[1, E().iteration]).save(O("f"), "x")
    found = calls(measure(experiment, n_iters=5, finalize=finalize))
    whole = [("f", 0), ("save_x", 0), (ITERATION, 0), ("f", 1), ("save_x", 1), (ITERATION, 1)]
    assert found == [row for row in whole if finalize or row != ("save_x", 1)]


def test_an_instance_that_cannot_be_made_is_all_there_is():
    experiment = Experiment().add_instance("broken", failing_at, args=[0, 0]).save(1, "x")
    assert calls(measure(experiment, n_iters=3)) == [("broken", 0), (ITERATION, 0)]


def test_the_time_of_a_function_is_without_its_arguments_and_that_of_the_call_with_them():
    experiment = Experiment().add_instance("counter", Counter)
    experiment.add_callable("quick", lambda x: x, args=[E("counter").wait()])
    row = measure(experiment).profiler.profile_info.loc["quick"]
    assert row["total_time"] - row["unit_time"] > SLEEP - TOLERANCE
    experiment = Experiment().add_callable(sleeping)
    row = measure(experiment).profiler.profile_info.loc["sleeping"]
    assert row["total_time"] > row["unit_time"] > SLEEP - TOLERANCE


@pytest.mark.parametrize(
    "make", [Experiment().add_generator, Experiment().add_callable], ids=["next", "call"]
)
def test_the_time_of_a_generator_and_of_a_method_is_that_of_their_work(make):
    def waiting():
        sleeping()
        yield 1

    if make.__name__ == "add_generator":
        experiment = Experiment().add_generator("unit", waiting)
    else:
        experiment = Experiment().add_instance("counter", Counter).add_callable("counter.wait")
    info = measure(experiment, n_iters=1).profiler.profile_info
    assert info["unit_time"].iloc[-2] > SLEEP - TOLERANCE


def test_save_has_no_function_and_takes_the_time_of_its_expression():
    experiment = Experiment().add_instance("counter", Counter).save(E("counter").wait(), "x")
    row = measure(experiment).profiler.profile_info.loc["save_x"]
    assert row["unit_time"] == 0
    assert row["total_time"] > SLEEP - TOLERANCE


def test_an_iteration_takes_as_long_as_its_units_and_what_is_between_them():
    info = measure(mixed(), configs=[{"a": 9}]).profiler.profile_info
    whole = info.loc[ITERATION].set_index("iter")
    units = info.drop(ITERATION).groupby("iter")[["total_time", "unit_time"]].sum()
    assert (whole["total_time"] > units["total_time"] - TOLERANCE).all()
    assert (abs(whole["unit_time"] - units["unit_time"]) < TOLERANCE).all()


def test_branches_each_have_their_own_calls_in_threads_too():
    experiment = Experiment().add_generator("numbers", range, args=[EC("n")]).save(O("numbers"), "x")
    executor = measure(experiment, configs=[{"n": n} for n in (3, 1, 2)], target="threads")
    counts = executor.profiler.profile_info.groupby("experiment", sort=False).apply(
        lambda rows: rows.index.value_counts().to_dict()
    )
    assert counts.index.tolist() == [run.id for run in executor.experiments]
    assert counts.tolist() == [{"numbers": n + 1, ITERATION: n + 1, "save_x": n} for n in (3, 1, 2)]


@LEVELS
def test_root_units_belong_to_the_first_branch_that_they_run_for(profile):
    experiment = Experiment().add_instance("shared", list, root=True)
    experiment.add_generator("own", range, args=[EC("n")])
    experiment.add_callable("base", helper, root=True)
    executor = measure(experiment, profile, [{"n": 1}, {"n": 3}])
    info = executor.profiler.profile_info
    ids = [run.id for run in executor.experiments]
    owners = [(row.experiment, row.iter) for row in info.loc["base"].itertuples()]
    assert owners == [(ids[0], 0), (ids[1], 1), (ids[1], 2)]
    assert info.loc["shared", "experiment"] == ids[0]


def test_what_is_not_profiled_says_how_it_would_be():
    with pytest.raises(ValueError, match=r"nothing was profiled: `profile=1`"):
        _ = Executor(Experiment().save(1, "x")).run().profiler
    with pytest.raises(ValueError, match=r"no details.*`profile=2`"):
        _ = measure(Experiment().save(1, "x")).profiler.details


@pytest.mark.parametrize("profile", [3, -1, 1.0, "detail", [1], {}])
def test_a_level_that_means_nothing(profile):
    with pytest.raises(ValueError, match="`profile` must be False, True, 0, 1, 2 or 'detailed', got"):
        Executor(Experiment(), profile=profile)


def test_levels_have_other_names():
    for profile, details in {True: False, "detailed": True, 2: True}.items():
        assert ("functions" in repr(measure(Experiment(), profile).profiler)) is details


def test_functions_of_branches_in_threads_cannot_be_followed():
    configs = [{"a": 1}, {"a": 2}]
    with pytest.raises(ValueError, match=r"`profile=2`.*`target='for'`"):
        Executor(Experiment(), configs=configs, profile=2)
    Executor(Experiment(), configs=configs[:1], profile=2).run()


def functions(executor, unit):
    """Return rows of what a unit called, by the functions' names."""
    details = executor.profiler.details
    return details[details.index == unit].set_index("function")


def test_calls_of_functions_are_summed_over_iterations():
    experiment = Experiment().add_callable("work", many_calls, args=[EC("n")])
    executor = measure(experiment, 2, [{"n": 7}, {"n": 2}], n_iters=5)
    details = executor.profiler.details
    rows = details[details["function"] == "helper"]
    assert rows["ncalls"].tolist() == [35, 10]
    assert rows["experiment"].tolist() == [run.id for run in executor.experiments]
    assert set(rows["file"]) == {__file__}
    assert set(rows["line"]) == {helper.__code__.co_firstlineno}
    assert set(rows.index) == {"work"}


def test_time_in_a_function_and_in_what_it_calls():
    found = functions(measure(Experiment().add_callable(sleeping), 2, n_iters=2), "sleeping")
    assert found.loc[SLEEPING, "file"] == "~"
    assert found.loc[SLEEPING, "tottime"] > 2 * SLEEP - TOLERANCE
    assert found.loc["sleeping", "cumtime"] > 2 * SLEEP - TOLERANCE
    assert found.loc["sleeping", "tottime"] < found.loc["sleeping", "cumtime"]


def test_recursive_calls_count():
    def falling(n):
        return n and falling(n - 1)

    found = functions(measure(Experiment().add_callable("fall", falling, args=[4]), 2), "fall")
    (row,) = [row for name, row in found.iterrows() if name.endswith("falling")]
    assert row["ncalls"] == 5


def test_functions_of_one_name_and_line_are_one_row():
    def make():
        return [lambda: 1, lambda: 2]

    experiment = Experiment().add_callable("all", lambda: [function() for function in make()])
    found = functions(measure(experiment, 2), "all")
    rows = found[[name.endswith("make.<locals>.<lambda>") for name in found.index]]
    assert rows["ncalls"].tolist() == [2]


def test_what_calls_units_is_not_among_the_functions():
    details = measure(mixed(), 2, [{"a": 9}]).profiler.details
    assert not [file for file in details["file"] if "/research/experiment/" in file or "/profiling/m" in file]
    assert set(details.index) >= {"late", "pair", "counter"}


def test_functions_are_known_when_their_experiment_has_ended():
    rows = []
    experiment = Experiment().add_callable(helper)
    executor = Executor(experiment, "for", n_iters=3, profile=2)
    executor._engine._clock._on_iteration = lambda: rows.append(len(executor.profiler.details))
    executor.run()
    assert rows[:2] == [0, 0] and rows[2] > 0


def test_a_unit_that_profiles_itself_takes_over_for_the_rest_of_its_call():
    experiment = Experiment().add_callable("own", profiling_itself, save_to="n")
    experiment.add_callable("other", many_calls, args=[4])
    executor = measure(experiment, 2, n_iters=3)
    (run,) = executor.experiments
    assert run.errors == []
    assert all(number >= 7 for number in run.results["n"].values())
    assert "helper" not in functions(executor, "own").index
    assert functions(executor, "other").loc["helper", "ncalls"] == 12
    assert calls(executor).count(("own", 2)) == 1
    assert sys.getprofile() is None
    assert cProfile.Profile.enable is tracing._enable


def test_who_profiles_already_goes_on_and_units_have_their_times_alone():
    experiment = Experiment().add_callable("work", many_calls, args=[4], save_to="n")
    with cProfile.Profile() as outer:
        executor = measure(experiment, 2, n_iters=2)
        many_calls(3)
    assert executor.profiler.details.empty
    assert executor.profiler.show_profile_info(detailed=True).empty
    assert calls(executor) == [("work", 0), (ITERATION, 0), ("work", 1), (ITERATION, 1)]
    counted = {
        entry.code.co_name: entry.callcount for entry in outer.getstats() if hasattr(entry.code, "co_name")
    }
    assert counted["helper"] == 2 * 4 + 3


def test_a_process_whose_profiler_is_taken_gives_times_alone(monkeypatch):
    def refused(profiler):
        raise ValueError("Another profiling tool is already active")  # what Python says since 3.12

    monkeypatch.setattr(tracing, "_enable", refused)
    executor = measure(Experiment().add_callable("work", many_calls, args=[4]), 2)
    assert executor.experiments[0].errors == []
    assert executor.profiler.details.empty
    assert len(calls(executor)) == 2


def test_an_executor_in_a_unit_is_measured_within_it():
    def inner():
        inside = measure(Experiment().add_callable("work", many_calls, args=[4]), 2)
        return len(inside.profiler.profile_info), len(inside.profiler.details)

    executor = measure(Experiment().add_callable("outer", inner, save_to="n"), 2)
    assert executor.experiments[0].results["n"] == {0: (2, 0)}
    assert functions(executor, "outer").loc["helper", "ncalls"] == 4
