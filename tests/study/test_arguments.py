"""Input that makes no sense is refused with an error that names it, before anything is run or written."""

from __future__ import annotations

import os
import threading

import pytest

from research import EC, Domain, E, Executor, Experiment, O, Research
from research.errors import StudyExistsError, StudyNotFoundError, UnstableValueError


def study(**domain):
    described = Research("study", Domain(domain or {"a": [1, 2]}))
    return described.add_callable("f", lambda a: a, a=EC("a"), save_to="b")


def sizes():
    return sorted((path, os.path.getsize(os.path.join("study", path))) for path in os.listdir("study"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"workers": 0}, "`workers` must be a positive int or a list of dicts, got 0"),
        ({"workers": -1}, "`workers`.*got -1"),
        ({"workers": 1.5}, "`workers`.*got 1.5"),
        ({"workers": True}, "`workers`.*got True"),
        ({"workers": []}, r"`workers`.*got \[\]"),
        ({"workers": "2"}, "`workers`.*got '2'"),
        ({"branches": 0}, "`branches`.*got 0"),
        ({"branches": [1]}, r"`branches`.*got \[1\]"),
        ({"n_iters": 0}, "`n_iters`.*got 0"),
        ({"n_iters": 2.0}, "`n_iters`.*got 2.0"),
        ({"executor_target": "thread"}, "`executor_target`.*'thread'.*'threads'"),
        ({"loglevel": "inof"}, "`loglevel`.*'inof'.*'info'"),
        ({"debug": True}, "`parallel=False`"),
        ({"debug": True, "parallel": False}, "`executor_target='for'`"),
        ({"start_method": "forkserver"}, "`start_method`.*'forkserver'"),
        ({"threads_per_worker": 0}, "`threads_per_worker`.*got 0"),
        ({"bar": "yes"}, "`bar`.*'yes'"),
        ({"seed": -1}, "`seed` must not be negative, got -1"),
    ],
    ids=str,
)
def test_arguments_of_run(arguments, text):
    with pytest.raises(ValueError, match=text):
        study().run(**{"bar": False, **arguments})
    assert not os.path.exists("study")


@pytest.mark.parametrize("seed", ["one", 1.5, object()])
def test_a_seed_of_another_kind(seed):
    with pytest.raises(TypeError, match="`seed` must be"):
        study().run(bar=False, seed=seed)
    assert not os.path.exists("study")


@pytest.mark.parametrize("name", ["n_configs", "n_reps", "repeat_each"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "two"])
def test_numbers_of_configs(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*{value!r}"):
        Research("study", Domain(a=[1]), **{name: value})


@pytest.mark.parametrize(
    "value", [threading.Lock(), (n for n in []), object()], ids=lambda value: type(value).__name__
)
def test_a_value_without_stable_content(value):
    with pytest.raises(UnstableValueError, match=r"parameter 'bad'.*Alias\(value, 'name'\)"):
        study(a=[1], bad=[0, value]).run(bar=False)
    assert not os.path.exists("study")


@pytest.mark.parametrize("name", ["id", "iteration", "repetition", "device", "updates"])
def test_parameters_named_like_a_column(name):
    with pytest.raises(ValueError, match=f"parameter must not be named '{name}'"):
        study(a=[1], **{name: [1]}).run(bar=False)


@pytest.mark.parametrize("variable", ["a", "id", "iteration"])
def test_variables_named_like_a_parameter_or_a_column(variable):
    with pytest.raises(ValueError, match=f"variable must not be named '{variable}'"):
        Research("study", Domain(a=[1])).add_callable("f", lambda: 1, save_to=variable).run(bar=False)
    assert not os.path.exists("study")


def test_variables_that_turn_out_to_be_named_like_a_parameter():
    described = Research("study", Domain(a=[1])).add_callable("f", lambda: {"a": 1}, save_output_dict=True)
    described.run(bar=False)
    assert "must not be named 'a'" in str(described.monitor.exceptions[0]["exception"])


@pytest.mark.parametrize("expression", [O("model"), E("model").weights, O("modle")[0] + 1])
def test_units_that_do_not_exist(expression):
    described = Research("study").add_callable("the_model", lambda: 1).save(expression, "x")
    with pytest.raises(ValueError, match=r"unit 'save_x': there is no unit or instance 'mod.*the_model"):
        described.run(bar=False)


def test_a_method_of_an_instance_that_does_not_exist():
    described = Research("study").add_instance("model", dict).add_callable("modle.keys")
    with pytest.raises(ValueError, match="'modle'; did you mean 'model'"):
        described.run(bar=False)


@pytest.mark.parametrize("when", [0, -1, "first", "%", "%-1", "#x", None, [], [1, "never"], 1.5, True])
def test_a_when_that_means_nothing(when):
    with pytest.raises(ValueError, match="`when` must"):
        Experiment().add_callable("f", lambda: 1, when=when)


def test_a_study_that_exists_is_not_touched():
    study().run(bar=False)
    before = sizes()
    with pytest.raises(StudyExistsError, match=r"another `name`.*Research\.remove\('study'\)"):
        study().run(bar=False)
    assert sizes() == before


def test_a_folder_that_holds_something_else_is_not_touched():
    os.makedirs("study")
    with open("study/thesis.txt", "w") as file:
        file.write("years of work")
    with pytest.raises(StudyExistsError, match="is no study"):
        study().run(bar=False)
    with pytest.raises(ValueError, match=r"no study.*nothing was removed"):
        Research.remove("study", ask=False)
    assert os.listdir("study") == ["thesis.txt"]


def test_results_of_a_study_that_was_not_run():
    with pytest.raises(StudyNotFoundError, match="'study' has no results: it has not been run"):
        study().results


@pytest.mark.parametrize("function", [Research.load, lambda name: Research.remove(name, ask=False)])
def test_studies_that_are_not_there(function):
    with pytest.raises(StudyNotFoundError, match="'nowhere'"):
        function("nowhere")


def test_a_name_that_is_no_method_and_no_function():
    with pytest.raises(AttributeError, match=r"Research has no method 'add_calable'.*'add_callable'"):
        Research().add_calable("f", len)


def test_more_configs_than_branches():
    with pytest.raises(ValueError, match="2 configs and 1 branches"):
        Executor(Experiment(), configs=[{}, {}], branches_configs=[{}])
