"""How experiments are put together: names, functions found by name, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
import types
from functools import partial

import pytest

from research import EC, Domain, E, Executor, Experiment, O, Research
from tests.experiment.evaluation import run_one


def power(a, b=2):
    """Return a power."""
    return a**b


class Scale:
    """A callable object."""

    def __call__(self, x=1):
        return x * 10


def names(experiment):
    return list(experiment.units)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (power, "power"),
        (lambda: 1, "lambda"),
        (partial(power, 3), "power"),
        (partial(partial(power, 3), b=3), "power"),
        (Scale(), "Scale"),
        (Scale, "Scale"),
        (len, "len"),
        ([].append, "append"),
    ],
)
def test_a_function_given_first_lends_its_name_to_the_unit(function, name):
    assert names(Experiment().add_callable(function)) == [name]
    assert names(Experiment().add_generator(function)) == [name]


def test_a_function_given_first_is_what_is_called():
    assert run_one(Experiment().add_callable(power, a=EC("a"), save_to="p"), {"a": 3}).results["p"] == {0: 9}
    assert run_one(Experiment().add_callable(power, args=[2], b=5).save(O("power"), "p")).results["p"] == {
        0: 32
    }


@pytest.mark.parametrize("second", [[3], power, EC("a")])
def test_a_function_given_first_leaves_no_place_for_a_second(second):
    for add in (Experiment().add_callable, Experiment().add_generator, Experiment().add_executable_unit):
        with pytest.raises(TypeError, match="power"):
            add(power, second)


def test_a_unit_may_be_named_otherwise_than_its_function():
    assert run_one(Experiment().add_callable("cube", power, a=2, b=3).save(O("cube"), "p")).results["p"] == {
        0: 8
    }


def test_units_of_one_name_are_numbered():
    experiment = Experiment().add_callable(power, a=2).add_callable(power, a=3).add_generator("power", [7])
    assert names(experiment) == ["power", "power_1", "power_2"]
    experiment.save([O("power"), O("power_1"), O("power_2")], "all")
    assert run_one(experiment, n_iters=1).results["all"] == {0: [4, 9, 7]}


def test_a_number_that_is_taken_is_passed_over():
    experiment = Experiment().add_callable("f_1", power).add_callable("f", power).add_callable("f", power)
    assert names(experiment) == ["f_1", "f", "f_2"]


def test_a_unit_named_like_an_instance_is_numbered():
    experiment = Experiment().add_instance("f", Scale).add_callable("f", power, a=2)
    assert names(experiment) == ["f_1"]
    assert run_one(experiment.save([O("f_1"), E("f")()], "x")).results["x"] == {0: [4, 10]}


@pytest.mark.parametrize(
    "first", [Experiment().add_instance("f", Scale), Experiment().add_callable("f", power)]
)
def test_an_instance_of_a_name_that_is_taken_is_refused(first):
    with pytest.raises(ValueError, match="'f'"):
        first.add_instance("f", Scale)


def module_of_functions():
    module = types.ModuleType("functions")
    module.power = power
    module.tools = types.SimpleNamespace(half=lambda x: x / 2)
    return module


@pytest.mark.parametrize(
    "namespace", [{"power": power}, module_of_functions(), types.MappingProxyType({"power": power})]
)
def test_a_function_is_called_by_the_name_it_has_in_an_added_namespace(namespace):
    experiment = Experiment().add_namespace(namespace).power(a=EC("a"), save_to="p")
    experiment.add_callable("power", a=4, save_to="q")
    run = run_one(experiment, {"a": 3})
    assert run.results == {"p": {0: 9}, "q": {0: 16}}
    assert names(experiment) == ["power", "power_1"]


def test_a_call_by_name_takes_all_that_add_callable_takes():
    experiment = Experiment(namespaces=[{"power": power, "both": lambda: (1, 2), "made": lambda: {"z": 3}}])
    experiment.power(a=2, b=5, save_to="p", when="%1").both(save_to=["x", "y"])
    experiment.made(save_output_dict=True)
    experiment.power(kwargs=EC(), save_to="q", root=True, dump="last")
    results = run_one(experiment, {"a": 3, "b": 3}, n_iters=2).results
    assert results == {
        "p": {1: 32},
        "x": {0: 1, 1: 1},
        "y": {0: 2, 1: 2},
        "z": {0: 3, 1: 3},
        "q": {0: 27, 1: 27},
    }


@pytest.mark.parametrize(
    "arguments", [{"args": [EC("a"), 3]}, {"args": (EC("a"),), "b": 3}, {"args": EC("all")}]
)
def test_a_call_by_name_takes_positional_arguments_as_a_list(arguments):
    experiment = Experiment(namespaces=[{"power": power}]).power(save_to="p", **arguments)
    assert run_one(experiment, {"a": 2, "all": [2, 3]}).results == {"p": {0: 8}}


def test_a_call_by_name_takes_positional_arguments_as_they_stand():
    experiment = Experiment(namespaces=[{"power": power}]).power(EC("a"), 3, save_to="p")
    assert run_one(experiment, {"a": 2}).results == {"p": {0: 8}}


def test_a_generator_is_called_by_name_in_its_mode():
    experiment = Experiment(namespaces=[{"count": range}]).count(2, mode="generator", save_to="n")
    assert run_one(experiment).results["n"] == {0: 0, 1: 1}


def test_a_namespace_added_first_is_asked_first_and_before_builtins():
    experiment = Experiment().add_namespace({"max": lambda: "first"}).add_namespace({"max": lambda: "second"})
    assert run_one(experiment.max(save_to="x")).results["x"] == {0: "first"}


def test_builtins_are_found_by_name():
    experiment = Experiment().sum(EC("items"), save_to="s").add_callable("len", args=["abcd"], save_to="n")
    assert run_one(experiment, {"items": [1, 2]}).results == {"s": {0: 3}, "n": {0: 4}}


def test_a_dotted_name_is_looked_up_part_by_part():
    experiment = Experiment().add_namespace(module_of_functions()).add_namespace({"math": math})
    experiment.add_callable("tools.half", args=[3], save_to="h").add_callable(
        "math.sqrt", args=[9], save_to="r"
    )
    assert run_one(experiment).results == {"h": {0: 1.5}, "r": {0: 3.0}}


SCRIPT = """
from research import EC, Domain, O, Research

def power(a):
    return a ** 2

def numbers(n):
    yield from range(n)

study = Research(domain=Domain(a=[1, 2])).numbers(n=EC('a'), mode='generator', save_to='n')
study.power(a=EC('a'), save_to='p').add_callable('power', a=O('numbers'), save_to='q').save(1, 'end', 'last')
frame = study.run(dump_results=False, parallel=False, bar=False).results.to_df(name=['n', 'p', 'q'])
print(frame[['n', 'p', 'q']].values.tolist())
"""


def test_functions_of_the_script_are_found_by_name():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[[0, 1, 0], [0, 4, 0], [1, 4, 1]]"


@pytest.mark.parametrize("make", [Experiment, Research], ids=["experiment", "research"])
@pytest.mark.parametrize(
    ("name", "near"),
    [("powr", "power"), ("add_calable", "add_callable"), ("srted", "sorted"), ("sav", "save")],
)
def test_a_name_found_nowhere_is_an_attribute_error_with_near_matches(make, name, near):
    builder = make().add_namespace({"power": power})
    with pytest.raises(AttributeError, match=f"{make.__name__}.*{name!r}.*did you mean.*{near!r}"):
        getattr(builder, name)
    assert not hasattr(builder, name)


def test_add_callable_of_a_name_found_nowhere_is_an_attribute_error_with_near_matches():
    with pytest.raises(AttributeError, match=r"'powr'.*did you mean 'power' or 'pow'"):
        Experiment().add_namespace({"power": power}).add_callable("powr")


def test_what_is_found_by_name_but_cannot_be_called_does_not_count():
    with pytest.raises(AttributeError, match="'power'"):
        Experiment().add_namespace({"power": 5}).power(a=1)


@pytest.mark.parametrize("namespace", [5, "math", ["power"], None])
def test_a_namespace_must_be_a_module_or_a_dict(namespace):
    with pytest.raises(TypeError, match="module or a dict"):
        Experiment().add_namespace(namespace)


@pytest.mark.parametrize("source", [5, [1], None, "text"])
def test_what_cannot_be_called_is_no_function(source):
    if source is not None:
        with pytest.raises(TypeError, match=r"'unit'.*callable"):
            Experiment().add_callable("unit", source)
    with pytest.raises(TypeError, match=r"'unit'.*callable"):
        Experiment().add_instance("unit", source)


@pytest.mark.parametrize("source", [(n for n in [1]), iter([1]), zip([1], [2], strict=True)])
def test_a_generator_that_was_started_is_refused(source):
    with pytest.raises(TypeError, match=r"'unit'.*pass the function that makes it"):
        Experiment().add_generator("unit", source)


@pytest.mark.parametrize("source", [5, object()])
def test_what_cannot_be_iterated_is_no_generator(source):
    with pytest.raises(TypeError, match=r"'unit'.*iterable"):
        Experiment().add_generator("unit", source)


@pytest.mark.parametrize("args", [5, "ab", {"a": 1}, {1}])
def test_positional_arguments_are_a_list_a_tuple_or_an_expression(args):
    for add in (Experiment().add_callable, Experiment().add_generator, Experiment().add_instance):
        with pytest.raises(TypeError, match=r"`args` of 'unit'"):
            add("unit", power, args=args)


@pytest.mark.parametrize("save_to", ["x", ["x", "y"]])
def test_names_for_the_output_and_names_from_its_keys_exclude_each_other(save_to):
    for add in (
        lambda: Experiment().add_callable(power, save_to=save_to, save_output_dict=True),
        lambda: Experiment().add_generator(power, save_to=save_to, save_output_dict=True),
        lambda: Experiment().save(1, save_to, save_output_dict=True),
        lambda: Experiment(namespaces=[{"power": power}]).power(save_to=save_to, save_output_dict=True),
    ):
        with pytest.raises(ValueError, match="save_output_dict"):
            add()


def test_save_needs_a_name_or_a_dict():
    with pytest.raises(ValueError, match=r"`dst`.*`save_output_dict=True`"):
        Experiment().save(1)


@pytest.mark.parametrize("save_to", [5, [], [1], ["x", None], {"x": 1}])
def test_names_for_the_output_are_a_str_or_a_list_of_str(save_to):
    with pytest.raises(TypeError, match="`save_to`"):
        Experiment().add_callable(power, save_to=save_to)
    with pytest.raises(TypeError, match="`save_to`"):
        Experiment().save(1, save_to)


def test_an_executable_unit_is_a_function_or_a_generator_by_its_mode():
    experiment = Experiment().add_executable_unit("n", [1, 2], mode="generator", save_to="n")
    experiment.add_executable_unit(power, a=3, save_to="p")
    experiment.add_executable_unit("power", src=power, args=[2], save_to="q")
    assert run_one(experiment).results == {"n": {0: 1, 1: 2}, "p": {0: 9, 1: 9}, "q": {0: 4, 1: 4}}
    with pytest.raises(ValueError, match=r"`mode`.*'func' or 'generator'.*'method'"):
        experiment.add_executable_unit("n", power, mode="method")


@pytest.mark.parametrize("make", [Experiment, Research])
def test_every_method_returns_the_object_it_is_called_on(make):
    builder = make()
    chained = builder.add_namespace({"power": power}).add_instance("scale", Scale).add_callable(power, a=1)
    chained = (
        chained.add_generator("n", [1]).add_executable_unit("m", power, a=1).save(1, "x").dump().power(a=1)
    )
    assert chained is builder


def test_a_study_extends_the_experiment_it_was_given():
    experiment = Experiment().add_callable(power, a=EC("a"))
    study = Research("study", Domain(a=[2, 3]), experiment).save(O("power"), "p")
    assert names(experiment) == ["power", "save_p"]
    assert study.run(dump_results=False, parallel=False, bar=False).results.df["p"].tolist() == [4, 9]


def test_only_callables_can_be_called_again_and_again():
    experiment = Experiment().add_callable(power).save(1, "x").dump()
    assert experiment.only_callables
    assert not experiment.add_generator("n", [1]).only_callables


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_description_can_be_copied_and_pickled(duplicate):
    experiment = duplicate(Experiment().add_callable(power, a=EC("a") + 1, save_to="p"))
    assert names(experiment) == ["power"]
    assert run_one(experiment, {"a": 2}).results["p"] == {0: 9}


def test_a_description_holds_no_state_of_a_run():
    experiment = (
        Experiment().add_generator("n", lambda: iter(range(3)), save_to="n").add_instance("log", list)
    )
    experiment.add_callable("log.append", args=[O("n")]).save(E("log"), "log", when="last")
    first, second = (Executor(experiment).run().experiments[0].results for _ in range(2))
    assert first == second == {"n": {0: 0, 1: 1, 2: 2}, "log": {3: [0, 1, 2]}}


def test_the_representation_lists_instances_and_units():
    experiment = Experiment().add_instance("scale", Scale).add_callable(power)
    assert repr(experiment) == "Experiment(instances=['scale'], units=['power'])"
