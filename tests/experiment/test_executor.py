"""The executor: iterations, the end of an experiment, failures, branches and roots."""

from __future__ import annotations

import sys
import threading

import pytest

from research import EC, E, Executor, Experiment, O, S
from tests.experiment.evaluation import run_one

TARGETS = pytest.mark.parametrize("target", ["threads", "for"])


class Broken(Exception):
    """What units of these tests raise."""


def failing_at(iteration, error=Broken):
    """Return a function of the iteration that returns ten times of it, and raises at one."""

    def work(i):
        if i == iteration:
            raise error("no more")
        return i * 10

    return work


def outcomes(experiment, configs, **options):
    """Run branches and return them."""
    return Executor(experiment, configs=configs, **options).run().experiments


def test_callables_run_once_by_default():
    assert run_one(Experiment().add_callable("n", lambda: 1, save_to="n")).results["n"] == {0: 1}
    assert run_one(Experiment().save(1, "n").dump()).results["n"] == {0: 1}
    assert run_one(Experiment()).results == {}


def test_n_iters_says_how_often_callables_run():
    assert run_one(Experiment().save(E().iteration, "i"), n_iters=3).results["i"] == {0: 0, 1: 1, 2: 2}


def test_with_a_generator_an_experiment_goes_on_until_one_is_exhausted():
    experiment = Experiment().add_generator("long", range(9)).add_generator("short", range(3))
    run = run_one(experiment.save(O("long"), "long").save(O("short"), "short"))
    assert run.results == {"long": {0: 0, 1: 1, 2: 2}, "short": {0: 0, 1: 1, 2: 2}}
    assert not run.is_failed


def test_n_iters_ends_an_experiment_before_its_generator():
    run = run_one(Experiment().add_generator("n", range(100), save_to="n"), n_iters=2)
    assert run.results["n"] == {0: 0, 1: 1}


@pytest.mark.parametrize("n_iters", [0, -1, True, 1.0, "2"])
def test_n_iters_is_a_positive_int(n_iters):
    with pytest.raises(ValueError, match=r"`n_iters` must be a positive int or None, got"):
        Executor(Experiment(), n_iters=n_iters)


def test_after_a_generator_of_ten_what_is_due_last_is_saved_at_iteration_ten_and_has_the_last_item():
    experiment = Experiment().add_generator("sum", range(100, 110)).save(O("sum"), "each")
    experiment.add_callable("twice", lambda x: 2 * x, x=O("sum"), save_to="twice")
    experiment.save(O("sum"), "sum", when="last").save(O("sum"), "tenth", when=10).save(
        0, "never", when="%10"
    )
    results = run_one(experiment, n_iters=30, finalize=True).results
    assert results["sum"] == {10: 109}
    assert results["each"] == {i: 100 + i for i in range(10)}
    assert results["twice"] == {i: 200 + 2 * i for i in range(10)}
    assert results["tenth"] == {9: 109}
    assert "no" not in results


def test_without_finalize_nothing_runs_after_the_end_of_a_generator():
    experiment = (
        Experiment().save("before", "b").add_generator("n", range(2)).save(O("n"), "n", when=[1, "last"])
    )
    run = run_one(experiment, n_iters=9, finalize=False)
    assert run.results == {"b": dict.fromkeys(range(3), "before"), "n": {0: 0, 1: 1}}
    assert not run.is_failed


def test_what_is_due_last_runs_at_the_last_of_n_iters_too():
    experiment = Experiment().add_generator("n", range(9)).save(O("n"), "n", when="last")
    for finalize in (True, False):
        assert run_one(experiment, n_iters=4, finalize=finalize).results == {"n": {3: 3}}


def test_a_function_that_raises_stop_iteration_is_a_normal_end():
    def stop(i):
        if i == 2:
            raise StopIteration

    experiment = Experiment().add_callable(stop, args=[E().iteration]).save(E().iteration, "i")
    run = run_one(experiment.save("end", "end", when="last"), n_iters=9)
    assert (run.results, run.errors) == ({"i": {0: 0, 1: 1}, "end": {2: "end"}}, [])


def test_an_expression_that_runs_out_is_a_normal_end():
    class Feed:
        def __init__(self):
            self.items = iter("ab")

        def take(self):
            return next(self.items)

    run = run_one(Experiment().add_instance("feed", Feed).save(E("feed").take(), "x"), n_iters=9)
    assert (run.results, run.errors) == ({"x": {0: "a", 1: "b"}}, [])


@pytest.mark.parametrize("error", [Broken, KeyError, SystemExit, AssertionError, MemoryError])
def test_an_exception_ends_the_experiment_as_failed_and_is_kept(error):
    experiment = Experiment().add_callable("work", failing_at(2, error), args=[E().iteration], save_to="x")
    run = run_one(experiment, n_iters=9)
    assert run.results["x"] == {0: 0, 1: 10}
    assert run.is_failed
    (failure,) = run.errors
    assert (failure.name, failure.iteration, type(failure.exception)) == ("work", 2, error)
    assert "no more" in failure.traceback
    assert "in work" in failure.traceback


def test_sys_exit_in_a_unit_is_a_failure_of_its_experiment_alone():
    def work(a):
        if a == 1:
            sys.exit(3)
        return a

    experiment = Experiment().add_callable(work, a=EC("a"), save_to="x")
    first, second = outcomes(experiment, [{"a": 1}, {"a": 2}])
    assert (first.is_failed, first.results) == (True, {})
    assert (second.is_failed, second.results) == (False, {"x": {0: 2}})


def test_the_traceback_begins_where_the_users_code_does():
    (failure,) = run_one(Experiment().add_callable("work", failing_at(0), args=[0])).errors
    assert "research/experiment" not in failure.traceback


def test_with_finalize_the_other_units_of_an_iteration_run_after_an_exception():
    experiment = Experiment().add_callable("work", failing_at(2), args=[E().iteration])
    experiment.save("each", "each").save("end", "end", when="last").save("third", "third", when=3)
    experiment.save("fourth", "fourth", when=4)
    results = run_one(experiment, n_iters=9).results
    assert results == {"each": dict.fromkeys(range(3), "each"), "end": {2: "end"}, "third": {2: "third"}}


def test_without_finalize_nothing_runs_after_an_exception():
    experiment = Experiment().add_callable("work", failing_at(2), args=[E().iteration])
    experiment.save("each", "each").save("end", "end", when="last")
    run = run_one(experiment, n_iters=9, finalize=False)
    assert run.results == {"each": dict.fromkeys(range(2), "each")}
    assert run.is_failed


def test_what_takes_the_output_of_a_unit_that_failed_is_skipped():
    experiment = Experiment().add_callable("work", failing_at(2), args=[E().iteration])
    experiment.save(O("work"), "x").save([{"k": O("work") + 1}], "nested").save(E().iteration, "i")
    run = run_one(experiment, n_iters=9)
    assert run.results["x"] == {0: 0, 1: 10}
    assert list(run.results["nested"]) == [0, 1]
    assert list(run.results["i"]) == [0, 1, 2]
    assert [error.name for error in run.errors] == ["work"]


def test_what_takes_the_output_of_a_unit_that_was_skipped_is_skipped_too():
    experiment = Experiment().add_callable("work", failing_at(2), args=[E().iteration])
    experiment.add_callable("twice", lambda x: 2 * x, x=O("work")).save(O("twice"), "twice")
    assert run_one(experiment, n_iters=9).results == {"twice": {0: 0, 1: 20}}


def test_every_failure_of_the_last_iteration_is_kept():
    experiment = Experiment().add_callable("first", failing_at(1), args=[E().iteration])
    experiment.add_callable("second", failing_at(1), args=[E().iteration]).save(O("second"), "x")
    run = run_one(experiment, n_iters=9)
    assert [(error.name, error.iteration) for error in run.errors] == [("first", 1), ("second", 1)]


@TARGETS
def test_a_failure_in_one_branch_leaves_the_others_going(target):
    experiment = Experiment().add_callable(
        "work", lambda i, a: failing_at(a)(i), args=[E().iteration, EC("a")], save_to="x"
    )
    runs = outcomes(experiment, [{"a": 1}, {"a": 99}, {"a": 3}], target=target, n_iters=5)
    assert [run.is_failed for run in runs] == [True, False, True]
    assert [list(run.results["x"]) for run in runs] == [[0], [0, 1, 2, 3, 4], [0, 1, 2]]


@TARGETS
def test_branches_end_each_with_its_own_generator(target):
    experiment = (
        Experiment().add_generator("n", range, args=[EC("a")], save_to="n").save("end", "end", when="last")
    )
    runs = outcomes(experiment, [{"a": 1}, {"a": 3}, {"a": 0}], target=target)
    assert [list(run.results.get("n", ())) for run in runs] == [[0], [0, 1, 2], []]
    assert [run.results["end"] for run in runs] == [{1: "end"}, {3: "end"}, {0: "end"}]


def mixed():
    """Return an experiment with all kinds of units."""
    experiment = Experiment().add_instance("log", list).add_instance("shared", list, root=True)
    experiment.add_generator("data", lambda: iter(range(4)), root=True, save_to="data")
    experiment.add_callable(
        "draw", lambda random, a: random.random() * a, args=[E().random, EC("a")], save_to="draw"
    )
    experiment.add_callable("log.append", args=[O("data")]).save(E("log"), "log", copy=True)
    experiment.add_callable(failing_at(2), args=[E().iteration + EC("a")], save_to="late")
    return experiment.save(O("draw"), "end", when="last")


def test_branches_in_threads_and_one_after_another_give_equal_results():
    configs = [{"a": a} for a in (-2, 5, 1)]
    first, second, short, tiny = (
        [(run.id, run.results, run.is_failed) for run in outcomes(mixed(), configs, target=target, seed=3)]
        for target in ("threads", "for", "t", "f")
    )
    assert first == second == short == tiny
    assert [failed for *_, failed in first] == [False, False, True]


def test_branches_run_in_threads_of_their_own_unless_told_otherwise():
    meeting = threading.Barrier(3, timeout=30)
    experiment = Experiment().add_callable("meet", lambda: meeting.wait() >= 0, save_to="met")
    assert [run.results for run in outcomes(experiment, [{"a": a} for a in range(3)])] == [
        {"met": {0: True}}
    ] * 3
    threads = []
    experiment = Experiment().add_callable("note", lambda: threads.append(threading.current_thread()))
    outcomes(experiment, [{"a": a} for a in range(3)], target="for")
    assert set(threads) == {threading.current_thread()}


@TARGETS
def test_root_units_run_once_for_all_branches_and_save_to_every_one(target):
    called = []
    experiment = Experiment().add_callable(
        "base", lambda i: called.append(i) or i * 10, [E().iteration], root=True
    )
    experiment.save(O("base") + EC("a"), "x")
    experiment.add_callable("more", lambda x: x, [O("base")], root=True, save_to="base")
    runs = outcomes(experiment, [{"a": 1}, {"a": 2}], target=target, n_iters=2)
    assert called == [0, 1]
    assert [run.results["x"] for run in runs] == [{0: 1, 1: 11}, {0: 2, 1: 12}]
    assert [run.results["base"] for run in runs] == [{0: 0, 1: 10}] * 2


@TARGETS
def test_a_root_generator_and_a_root_instance_are_shared(target):
    experiment = Experiment().add_instance("log", list, root=True)
    experiment.add_generator("n", lambda: iter(range(3)), root=True, save_to="n")
    experiment.add_callable("log.append", args=[O("n")], root=True).save(E("log"), "log", copy=True)
    runs = outcomes(experiment, [{"a": 1}, {"a": 2}], target=target)
    assert [run.results["n"] for run in runs] == [{0: 0, 1: 1, 2: 2}] * 2
    assert [run.results["log"][2] for run in runs] == [[0, 1, 2]] * 2
    assert runs[0].instances["log"] is runs[1].instances["log"]


def test_a_root_unit_may_save_by_name_to_every_branch():
    experiment = Experiment().add_callable("r", lambda save: save("x", 1), [S().update_variable], root=True)
    assert [run.results for run in outcomes(experiment, [{"a": 1}, {"a": 2}])] == [{"x": {0: 1}}] * 2


@TARGETS
def test_the_end_of_a_root_generator_ends_all_branches(target):
    experiment = Experiment().add_generator("n", lambda: iter(range(2)), root=True)
    experiment.save(O("n") * EC("a"), "x").save("end", "end", when="last")
    runs = outcomes(experiment, [{"a": 1}, {"a": 2}], target=target)
    assert [run.results for run in runs] == [
        {"x": {0: 0, 1: 1}, "end": {2: "end"}},
        {"x": {0: 0, 1: 2}, "end": {2: "end"}},
    ]
    assert not any(run.is_failed for run in runs)


@TARGETS
@pytest.mark.parametrize("finalize", [True, False])
def test_the_failure_of_a_root_unit_ends_all_branches_as_failed(target, finalize):
    experiment = Experiment().add_callable("base", failing_at(1), [E().iteration], root=True)
    experiment.save(O("base") + EC("a"), "x").save(E().iteration, "i")
    runs = outcomes(experiment, [{"a": 1}, {"a": 2}], target=target, n_iters=5, finalize=finalize)
    assert [run.results["x"] for run in runs] == [{0: 1}, {0: 2}]
    assert [list(run.results["i"]) for run in runs] == [[0, 1] if finalize else [0]] * 2
    assert [[error.name for error in run.errors] for run in runs] == [["base"], ["base"]]


def test_a_root_unit_saves_nothing_more_to_a_branch_whose_generator_has_ended():
    experiment = Experiment().add_generator("n", range, args=[EC("a")], save_to="n")
    experiment.add_callable("base", lambda: 7, root=True, save_to="base")
    alone = [run_one(experiment, {"a": a}).results for a in (1, 3)]
    assert alone == [
        {"n": {0: 0}, "base": {0: 7}},
        {"n": {0: 0, 1: 1, 2: 2}, "base": dict.fromkeys(range(3), 7)},
    ]
    assert [run.results for run in outcomes(experiment, [{"a": 1}, {"a": 3}])] == alone


def test_without_finalize_a_root_unit_saves_nothing_more_to_a_branch_that_has_failed():
    experiment = Experiment().add_callable("work", lambda i, a: failing_at(a)(i), [E().iteration, EC("a")])
    experiment.add_callable("base", lambda: 7, root=True, save_to="base")
    runs = outcomes(experiment, [{"a": 1}, {"a": 9}], n_iters=3, finalize=False)
    assert [list(run.results["base"]) for run in runs] == [[0], [0, 1, 2]]


@pytest.mark.parametrize("is_root", [True, False])
def test_nothing_runs_where_no_instance_could_be_made(is_root):
    called = []
    experiment = Experiment().add_instance("broken", failing_at(0), root=is_root, args=[0])
    experiment.add_callable("own", called.append, args=[1])
    experiment.add_callable("base", called.append, args=[2], root=True)
    runs = outcomes(experiment, [{"a": 1}, {"a": 2}], n_iters=2)
    assert [[error.name for error in run.errors] for run in runs] == [["broken"], ["broken"]]
    assert called == []


def test_an_instance_that_fails_in_one_branch_leaves_the_others_going():
    experiment = Experiment().add_instance("part", failing_at(1), args=[EC("a")]).save(E("part"), "x")
    first, second = outcomes(experiment, [{"a": 1}, {"a": 2}])
    assert (first.is_failed, first.results) == (True, {})
    assert (second.is_failed, second.results) == (False, {"x": {0: 20}})
