"""Pipelines as units, real ones of batchflow and plain objects with the same interface."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from batchflow import B, C, Dataset, Pipeline, V

from research import EC, E, Executor, Experiment, O
from tests.experiment.evaluation import run_one
from tests.experiment.pipelines import DATA, Points, make_testing, make_training

NUMBERS = Dataset(6, Points, preloaded=(np.arange(6.0), np.arange(6.0)))


def summing(n_epochs=1):
    """Return a pipeline whose variable `total` is the sum of a batch, times a factor."""
    return (
        Pipeline()
        .init_variable("total", 0)
        .call(lambda x, factor: float(x.sum() * factor), B.x, C("factor", default=1), save_to=V("total"))
        .run_later(2, n_epochs=n_epochs)
        << NUMBERS
    )


def branching():
    """Return a pipeline that changes its batch in place."""

    def scale(x, factor):
        x *= factor
        return x

    return (
        Pipeline()
        .init_variable("total", 0)
        .call(scale, B.x, C("factor"), save_to=B.x)
        .call(lambda x: float(x.sum()), B.x, save_to=V("total"))
    )


def batches():
    return Pipeline().run_later(2, n_epochs=1) << NUMBERS


class Stream:
    """A pipeline of nobody's library; batches are lists."""

    def __init__(self, n=3):
        self.n, self.config, self.calls = n, {}, []

    def copy(self):
        return Stream(self.n)

    def set_config(self, config):
        self.calls.append("set_config")
        self.config.update(config)

    def reset(self, *what):
        self.calls.append(f"reset{what}")
        self.position = 0

    def next_batch(self):
        if self.position == self.n:
            raise StopIteration
        self.position += 1
        return [self.position]

    def run(self):
        self.position = 0
        return sum(self.next_batch()[0] for _ in range(self.n))

    def execute_for(self, batch):
        batch.append(self.config["a"])
        return batch

    def v(self, name):
        return getattr(self, name)


def test_without_run_each_iteration_takes_one_batch_until_there_are_no_more():
    experiment = Experiment().add_pipeline("sum", summing(), variables="total")
    assert not experiment.only_callables
    run = run_one(experiment.save(O("sum").x.tolist(), "x"))
    assert run.results == {"total": {0: 1, 1: 5, 2: 9}, "x": {0: [0, 1], 1: [2, 3], 2: [4, 5]}}
    assert run.ending == "exhausted"
    assert not run.is_failed


def test_with_run_each_iteration_runs_all_of_it():
    experiment = Experiment().add_pipeline("sum", summing(), run=True, variables="total")
    assert experiment.only_callables
    assert run_one(experiment).results == {"total": {0: 9}}
    assert run_one(experiment, n_iters=3).results == {"total": {0: 9, 1: 9, 2: 9}}


def test_a_pipeline_runs_when_it_is_due():
    experiment = Experiment().add_pipeline("sum", summing(), variables=["total"], when=[2, "last"])
    assert run_one(experiment, n_iters=5).results == {"total": {1: 1, 3: 5, 4: 9}}


def test_a_config_holds_that_of_the_experiment_and_keywords_which_are_read_once():
    reads = []
    experiment = Experiment().add_callable("read", lambda: reads.append(1) or len(reads))
    experiment.add_pipeline("p", Stream(), a=O("read"), kwargs={"c": 4}).save(E("p").config, "seen")
    results = run_one(experiment, {"a": 1, "b/x": 2}, n_iters=2).results
    assert results["seen"] == {0: {"a": 1, "b/x": 2, "c": 4}, 1: {"a": 1, "b/x": 2, "c": 4}}


def test_keywords_win_over_parameters_and_may_be_expressions():
    experiment = Experiment().add_pipeline("sum", summing(), variables="total", factor=EC("factor") * 10)
    runs = Executor(experiment, configs=[{"factor": 1}, {"factor": 2}], n_iters=1).run().experiments
    assert [run.results for run in runs] == [{"total": {0: 10}}, {"total": {0: 20}}]


def test_each_experiment_has_a_copy_of_its_own():
    original = summing()
    original.next_batch()
    original.set_config({"old": 1})
    experiment = Experiment().add_pipeline("sum", original, variables="total").save(E("sum"), "pipeline")
    first, second = (run_one(experiment, {"factor": 2}).results for _ in range(2))
    assert first["total"] == second["total"] == {0: 2, 1: 10, 2: 18}
    assert original not in (first["pipeline"][0], second["pipeline"][0])
    assert first["pipeline"][0] is first["pipeline"][2] is not second["pipeline"][0]
    assert (original.v("total"), "factor" in original.config) == (1, False)
    assert first["pipeline"][0].config["old"] == 1


def test_a_copy_is_made_at_the_first_call_told_its_config_and_reset():
    experiment = Experiment().add_pipeline("p", Stream(), when="last").save(E("p").calls, "calls", when=3)
    assert run_one(experiment, n_iters=3).results["calls"] == {2: ["set_config", "reset('iter', 'vars')"]}


def test_an_expression_reaches_no_pipeline_before_its_first_call():
    experiment = Experiment().save(E("p").v("n"), "n").add_pipeline("p", Stream())
    (error,) = run_one(experiment, finalize=False).errors
    assert "no pipeline 'p' before its first call" in str(error.exception)


def test_the_pipeline_of_a_unit_may_be_called_so():
    experiment = Experiment().add_pipeline("p", Stream())
    experiment.save(E("p").pipeline.v("position"), "n").save(
        E("p", all=True).pipeline[0].v("position"), "of_all"
    )
    experiment.add_callable(
        "same", lambda one, two: one is two, args=[E("p"), E("p").pipeline], save_to="same"
    )
    results = run_one(experiment, n_iters=1).results
    assert (results["n"], results["of_all"], results["same"]) == ({0: 1}, {0: 1}, {0: True})


def test_other_things_keep_their_attribute_of_that_name():
    experiment = Experiment().add_instance("project", lambda: SimpleNamespace(pipeline="its own"))
    experiment.add_callable("f", lambda: 1).save(E("project").pipeline, "of_instance")
    assert run_one(experiment).results == {"of_instance": {0: "its own"}}
    (error,) = run_one(experiment.save(E("f").pipeline.x, "of_function")).errors
    assert "E('f').pipeline.x" in str(error.exception)


def test_train_and_test_every_ten_iterations_and_at_the_last():
    experiment = Experiment().add_pipeline("train", make_training(n_epochs=3), variables="accuracy")
    experiment.add_pipeline(
        "test", make_testing(), run=True, variables="right", import_from=E("train"), when=[10, "last"]
    )
    experiment.save(E("train").m("model").n_updates, "n_updates", when=[10, "last"])
    run = run_one(experiment, n_iters=25)
    assert not run.errors
    assert len(run.results["accuracy"]) == 25
    assert run.results["n_updates"] == {9: 10, 19: 20, 24: 25}
    assert list(run.results["right"]) == [9, 19, 24]
    assert np.mean(run.results["right"][24]) > 0.85
    exhausted = run_one(experiment)
    assert list(exhausted.results["right"]) == [9, 19, 29, 30]
    assert exhausted.results["n_updates"] == {9: 10, 19: 20, 29: 30, 30: 30}


@pytest.mark.parametrize("target", ["threads", "for"])
@pytest.mark.parametrize("n_branches", [1, 2, 5])
def test_branches_process_the_batch_of_one_root(target, n_branches):
    experiment = Experiment().add_pipeline("p", batches(), branching(), variables="total")
    experiment.save(O("p_root").x.sum(), "untouched", when="%5")
    executor = Executor(experiment, target, [{"factor": 10**k} for k in range(n_branches)]).run()
    roots = {id(run.units["p_root"].pipeline) for run in executor.experiments}
    pipelines = {id(run.find("p")) for run in executor.experiments}
    assert (len(roots), len(pipelines)) == (1, n_branches)
    for k, run in enumerate(executor.experiments):
        assert not run.errors
        assert run.results["total"] == {0: 10**k, 1: 5 * 10**k, 2: 9 * 10**k}


def test_a_batch_for_branches_is_copied_without_its_dataset():
    experiment = Experiment().add_pipeline("p", batches(), branching()).save(O("p"), "batch")
    runs = Executor(experiment, configs=[{"factor": 1}, {"factor": 2}], n_iters=1).run().experiments
    one, two = (run.results["batch"][0] for run in runs)
    assert one is not two
    assert vars(one)["_dataset"] is vars(two)["_dataset"] is NUMBERS


@pytest.mark.parametrize("n_branches", [1, 3])
def test_what_a_branch_draws_follows_from_its_experiment(n_branches):
    def draw(batch):
        return float(batch.random.normal())

    branch = Pipeline().init_variable("x", 0).init_variable("y", 0).call(draw, B(), save_to=V("x"))
    branch = branch.call(draw, B(), save_to=V("y"))
    experiment = Experiment().add_pipeline("p", batches(), branch, variables=["x", "y"])
    configs = [{"a": a} for a in range(n_branches)]
    for target in ("threads", "for"):
        first, *others = Executor(experiment, target, configs, seed=5).run().experiments
        assert not first.errors
        assert first.results == run_one(experiment, {"a": 0}, seed=5).results
        assert len(set(first.results["x"].values())) == 3
        assert all(other.results["x"] != first.results["x"] for other in others)
        assert first.results != run_one(experiment, {"a": 0}, seed=6).results


def test_roots_are_told_the_config_and_keywords_but_nothing_of_other_units():
    experiment = Experiment().add_instance("data", dict, root=True).add_pipeline("train", Stream(), a=0)
    experiment.add_pipeline("p", Stream(), Stream(), a=EC("b"), data=E("data"), source=E("train"))
    run = run_one(experiment.save(O("p"), "batch"), {"b": 7})
    assert run.units["p_root"].pipeline.config == {"b": 7, "a": 7, "data": {}}
    assert run.find("p").config["source"] is run.find("train")
    assert run.results["batch"] == {0: [1, 7], 1: [2, 7], 2: [3, 7]}


def test_two_pipelines_of_one_name_have_roots_of_their_own():
    experiment = Experiment().add_pipeline("p", Stream(), Stream()).add_pipeline("p", Stream(5), Stream())
    assert list(experiment.units) == ["p_root", "p", "p_root_1", "p_1"]
    run = run_one(experiment.save(O("p_1"), "batch"), {"a": 0}, n_iters=1)
    assert run.results["batch"] == {0: [1, 0]}
    assert run.find("p_root_1").n == 5


class Loader:
    def __init__(self, n=3):
        self.stream = Stream(n)
        self.number = 5


@pytest.mark.parametrize("is_root", [False, True])
def test_a_pipeline_may_be_an_attribute_of_an_instance(is_root):
    experiment = Experiment().add_instance("loader", Loader, root=is_root, n=2)
    experiment.add_pipeline("loader.stream", variables="position").add_pipeline(
        "all", "loader.stream", run=True
    )
    experiment.add_pipeline("branches", "loader.stream", "loader.stream").save(O("branches"), "batch")
    runs = Executor(experiment, configs=[{"a": 1}, {"a": 2}]).run().experiments
    for run in runs:
        assert not run.errors
        assert run.results["position"] == {0: 1, 1: 2}
        assert run.results["batch"] == {0: [1, run.config["a"]], 1: [2, run.config["a"]]}
        assert run.outputs["all"] == 3
    assert len({id(run.find("loader.stream")) for run in runs}) == 2


def test_an_instance_of_a_pipeline_must_exist():
    experiment = Experiment().add_instance("loader", Loader).add_pipeline("loder.stream")
    with pytest.raises(ValueError, match=r"'loder'; did you mean 'loader'"):
        Executor(experiment)
    experiment = Experiment().add_instance("loader", Loader).add_pipeline("p", "loader.number")
    (error,) = run_one(experiment).errors
    assert "loader.number must be a pipeline" in str(error.exception)


def test_a_variable_that_a_pipeline_does_not_have_is_an_error():
    (error,) = run_one(Experiment().add_pipeline("sum", summing(), variables="totla")).errors
    assert "`variables` of the unit 'sum' names 'totla'" in str(error.exception)


def test_variables_are_no_parameters():
    with pytest.raises(ValueError, match="'id'"):
        Executor(Experiment().add_pipeline("sum", summing(), variables="id"))
    (error,) = run_one(Experiment().add_pipeline("sum", summing(), variables="total"), {"total": 1}).errors
    assert "'total'" in str(error.exception)


def test_a_pipeline_that_fails_is_named_and_others_that_need_it_are_left_out():
    broken = Pipeline().call(lambda x: 1 / 0, B.x).run_later(20) << DATA
    experiment = Experiment().add_pipeline("train", broken)
    experiment.save(O("train"), "batch").add_callable("after", lambda: 1, save_to="after")
    run = run_one(experiment, n_iters=3)
    assert [(error.name, type(error.exception)) for error in run.errors] == [("train", ZeroDivisionError)]
    assert run.results == {"after": {0: 1}}
    unmade = Experiment().add_pipeline("train", Stream(), a=EC("missing"))
    run = run_one(unmade.add_pipeline("test", Stream(), import_from=E("train"), when="last"))
    assert [error.name for error in run.errors] == ["train"]


def test_a_root_that_fails_ends_all_branches():
    broken = Pipeline().call(lambda x: 1 / 0, B.x).run_later(2) << NUMBERS
    experiment = Experiment().add_pipeline("p", broken, branching(), variables="total")
    runs = Executor(experiment, configs=[{"factor": 1}, {"factor": 2}]).run().experiments
    assert [[error.name for error in run.errors] for run in runs] == [["p_root"], ["p_root"]]
    assert [run.results for run in runs] == [{}, {}]


class Uncopied:
    next_batch = run = set_config = reset = v = lambda self, *args: None


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("p", 5), TypeError, r"the pipeline 'p' must be a pipeline .* got int 5 without \['next_batch', "),
        (("p", [1, 2]), TypeError, r"any other iterable come by `add_generator`"),
        (("p", 5, None, True), TypeError, r"without \['run', 'set_config', 'reset'\]$"),
        (("p", Stream), TypeError, r"got the class Stream: call it"),
        (("p", Uncopied()), TypeError, r"Uncopied has neither a method `copy` nor `__add__`"),
        (("p",), ValueError, r"or 'instance.attribute' where there is one, got 'p'"),
        (("p", "loader."), ValueError, r"got 'loader\.'"),
        (("p", Stream(), 5), TypeError, r"`branch` of the pipeline 'p' .* without \['execute_for', "),
        (("p", 5, Stream()), TypeError, r"`root` of the pipeline 'p'"),
        (
            ("p", Stream(), Stream(), True),
            ValueError,
            r"`run=True` of the pipeline 'p' has no meaning with `br",
        ),
        (("p", Stream(), None, False, 5), TypeError, r"`variables` must be a str or a list of str, got 5"),
        (("p", Stream(), None, False, [5]), TypeError, r"`variables` .* got \[5\]"),
        (("p", Stream(), None, False, None, None, 0), ValueError, r"`when`"),
        (("p", Stream(), None, False, None, "first"), ValueError, r"`dump`"),
    ],
)
def test_refusals_name_the_argument_and_the_way_out(arguments, error, text):
    with pytest.raises(error, match=text):
        Experiment().add_pipeline(*arguments)


def test_keywords_name_units_that_exist():
    with pytest.raises(ValueError, match=r"E\('trian'\) of the unit 'test'.*did you mean 'train'"):
        Executor(
            Experiment().add_pipeline("train", Stream()).add_pipeline("test", Stream(), source=E("trian"))
        )


def test_the_library_does_not_import_batchflow():
    code = (
        "import sys; from research import *; assert not {'batchflow', 'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
