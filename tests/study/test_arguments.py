"""Input that makes no sense is refused with an error that names it, before anything is run or written."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from research import EC, Domain, E, Executor, Experiment, O, Research
from research.errors import StudyError, StudyExistsError, StudyNotFoundError, UnstableValueError


def study(**domain):
    described = Research("study", Domain(domain or {"a": [1, 2]}))
    return described.add_callable("f", lambda a: a, a=EC("a"), save_to="b")


def sizes():
    return sorted((path, os.path.getsize(os.path.join("study", path))) for path in os.listdir("study"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"workers": 0}, "`workers` must be a positive int, 'auto' or a list of dicts, got 0"),
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


@pytest.mark.parametrize("variable", ["a", "id", "iteration", "config"])
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


@pytest.mark.parametrize("name", [Domain(a=[1]), 5, None])
def test_what_is_no_name_of_a_study(name):
    with pytest.raises(TypeError, match=r"`name` must be a str or a path.*Research\(domain=domain\)"):
        Research(name)
    if name is not None:
        with pytest.raises(TypeError, match="`name` must be a str or a path"):
            study().run(name, bar=False)
    assert os.listdir() == []


def test_what_is_no_experiment():
    with pytest.raises(TypeError, match="`experiment` must be an Experiment, got <built-in function len>"):
        Research("study", Domain(a=[1]), len)


def test_a_name_may_be_a_path():
    described = Research(Path("pp/qq"), Domain(a=[1])).add_callable("f", lambda a: a, a=EC("a"), save_to="b")
    assert described.run(bar=False).name == "pp/qq"
    assert described.run(Path("pp") / "rr", bar=False).name == "pp/rr"
    assert Research.load(Path("pp/rr")).results.df["b"].tolist() == [1]
    assert Research.remove(Path("pp/qq"), ask=False)
    assert os.listdir("pp") == ["rr"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"workers": [{"a": 5}]}, "`workers` must not set the parameter 'a': the domain does"),
        ({"branches": [{"c": 1}, {"a": 5}]}, "`branches` must not set the parameter 'a': the domain does"),
        ({"workers": [{"m": {"p": 1}}]}, "`workers` must not set the parameter 'm/p': the domain does;"),
        ({"workers": [{"m": 1}]}, "`workers` must not set the parameter 'm': the domain does as 'm/p'"),
        ({"branches": [{"a/b": 1}]}, "`branches` must not set the parameter 'a/b': the domain does as 'a'"),
        (
            {"workers": [{"w": 1}], "branches": [{"w": 1}]},
            "`branches` must not set the parameter 'w': `workers` does",
        ),
        ({"workers": [{"repetition": 1}]}, "parameter must not be named 'repetition'"),
        ({"branches": [{"id": 1}]}, "parameter must not be named 'id'"),
        ({"workers": [{"b": 1}]}, "variable must not be named 'b': that is a parameter"),
    ],
    ids=str,
)
@pytest.mark.parametrize("parallel", [True, False])
def test_parameters_that_would_be_given_twice(arguments, text, parallel):
    with pytest.raises(ValueError, match=text):
        study(**{"a": [1], "m/p": [2]}).run(bar=False, parallel=parallel, **arguments)
    assert not os.path.exists("study")


@pytest.mark.parametrize("where", ["argument", "inside", "save", "instance"])
def test_a_parameter_that_no_config_has_is_found_before_anything_runs(where):
    described = Research("study", Domain(alpha=[1]) + Domain({"opt/rate": [2]}))
    if where == "argument":
        described.add_callable("unit", len, args=[[EC("alhpa")]])
    elif where == "inside":
        described.add_callable("unit", len, args=[(1 + EC("alhpa"))[0]])
    elif where == "save":
        described.save({"x": EC("alhpa")}, "x")
    else:
        described.add_instance("unit", dict, x=EC("alhpa"))
    with pytest.raises(
        ValueError,
        match=r"EC\('alhpa'\) of the unit '(unit|save_x)': no config has a parameter 'alhpa'.*'alpha'",
    ):
        described.run(bar=False)
    assert not os.path.exists("study")


def test_parameters_that_some_config_has_or_the_study_adds_are_known():
    described = Research("study", Domain({"opt/rate": [2], "m": [{"p": 1}]}) + Domain(b=[3]))
    for number, name in enumerate(("opt", "opt/rate", "m", "m/p", "b", "repetition", "updates", "w", "k")):
        described.save(EC(name), f"v{number}")
    described.run(bar=False, workers=[{"w": 1}], branches=[{"k": 2}])
    assert [len(values) for values in described.results.results.values()] == [8, 5]  # as far as it has them
    with pytest.raises(ValueError, match="no config has a parameter 'w'"):
        described.run("again", bar=False, branches=[{"k": 2}])


def test_an_experiment_without_units_and_a_domain_without_configs_are_warned_of(capfd):
    Research("nothing", Domain(a=[1])).run(bar=False)
    Research("nowhere", Domain()).add_callable("f", len, args=[EC("x")]).run(bar=False)
    said = capfd.readouterr().err.splitlines()
    assert said == [
        "nothing: the experiment has no units, so that nothing will be done or saved",
        "nowhere: the domain has no configs, so that nothing will be run",
    ]
    for line in said:
        name, text = line.split(": ", 1)
        assert f"WARNING {text}" in Path(name, "research.log").read_text()


def test_configs_that_are_left_out_are_told(capfd):
    study(a=[1, 1, 2, 1]).run(bar=False)
    text = "2 configs were left out: an equal one came before"
    assert capfd.readouterr().err.splitlines() == [f"study: {text}"]
    assert text in Path("study/research.log").read_text()


@pytest.mark.parametrize("load", [False, True])
def test_results_of_a_study_whose_folder_was_removed(load):
    described = Research.load(study().run(bar=False).name) if load else study().run(bar=False)
    Research.remove("study", ask=False)
    with pytest.raises(StudyNotFoundError, match=r"'study' has no results: its folder '/.*/study' is gone"):
        described.results


def test_a_run_that_comes_to_nothing_leaves_earlier_results_in_place():
    described = study().run(bar=False)
    for options in ({"dump_results": False}, {}):
        with pytest.raises(OSError, match="no terminal"):
            described.run("other", bar=BrokenBar, **options)
        assert described.results.df["b"].tolist() == [1, 2]


class BrokenBar:
    def __init__(self, **kwargs):
        raise OSError("no terminal")


def test_what_fails_before_there_is_a_study_leaves_nothing_behind():
    for how in ({"workers": 2}, {"parallel": False}, {"start_method": "spawn"}):
        with pytest.raises(OSError, match="no terminal"):
            study().run("deep/study", bar=BrokenBar, **how)
        assert os.listdir() == []
    with pytest.raises(StudyError, match="cannot be sent"):
        described = Research("deep/study").add_callable("f", len, args=[(n for n in [])])
        described.run(bar=False, start_method="spawn")
    assert os.listdir() == []


def test_more_configs_than_branches():
    with pytest.raises(ValueError, match="got 2 configs and 1 branches"):
        Executor(Experiment(), configs=[{}, {}], branches_configs=[{}])
