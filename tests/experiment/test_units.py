"""Units: how functions are called, generators advanced, instances made and values saved."""

from __future__ import annotations

import pytest

from research import EC, E, Executor, Experiment, O, S
from tests.experiment.evaluation import run_one


class Calculator:
    """Counts the calls of its methods."""

    made = 0

    def __init__(self, base=0):
        type(self).made += 1
        self.base = base
        self.calls = 0

    def power(self, a, b=2):
        self.calls += 1
        return self.base + a**b

    def countdown(self, start):
        self.calls += 1
        return iter(range(start, 0, -1))


def everything(*args, **kwargs):
    """Return all arguments."""
    return args, kwargs


@pytest.mark.parametrize(
    ("arguments", "args", "kwargs"),
    [
        ({}, (), {}),
        ({"args": [1, EC("a")]}, (1, 6), {}),
        ({"args": (EC("a"),), "x": EC("b")}, (6,), {"x": [4]}),
        ({"args": EC("b")}, (4,), {}),
        ({"args": EC("b"), "x": 1}, (4,), {"x": 1}),
        ({"kwargs": EC()}, (), {"a": 6, "b": [4]}),
        ({"x": 1, "kwargs": EC()}, (), {"x": 1, "a": 6, "b": [4]}),
        ({"x": EC("a"), "kwargs": {"y": EC("a"), "z": 2}}, (), {"x": 6, "y": 6, "z": 2}),
        ({"kwargs": {"y": 1}}, (), {"y": 1}),
        ({"args": [0], "kwargs": EC()}, (0,), {"a": 6, "b": [4]}),
        ({"mode": "x", "src": EC("a")}, (), {"mode": "x", "src": 6}),
        ({"dst": 1, "copy": 2, "variable": 3}, (), {"dst": 1, "copy": 2, "variable": 3}),
    ],
)
def test_a_function_gets_the_arguments_that_were_written(arguments, args, kwargs):
    run = run_one(
        Experiment().add_callable("unit", everything, save_to="got", **arguments), {"a": 6, "b": [4]}
    )
    assert run.results["got"] == {0: (args, kwargs)}


def test_a_generator_gets_arguments_the_same_ways():
    experiment = Experiment().add_generator("n", range, args=[EC("a"), EC("b")], save_to="n")
    experiment.add_generator("m", lambda **given: given, kwargs=EC(), save_to="m")
    results = run_one(experiment, {"a": 4, "b": 6}).results
    assert results == {"n": {0: 4, 1: 5}, "m": {0: "a", 1: "b"}}


def test_the_method_of_an_instance_is_called_on_the_object_of_its_own_experiment():
    experiment = Experiment().add_instance("calc", Calculator, base=EC("a"))
    experiment.add_callable("calc.power", args=[3], save_to="p").save(E("calc").calls, "calls")
    runs = Executor(experiment, configs=[{"a": 1}, {"a": 2}], n_iters=2).run().experiments
    assert [run.results["p"] for run in runs] == [{0: 10, 1: 10}, {0: 11, 1: 11}]
    assert [run.results["calls"] for run in runs] == [{0: 1, 1: 2}] * 2


def test_a_method_takes_expressions_and_keywords_as_functions_do():
    experiment = Experiment().add_instance("calc", Calculator)
    experiment.add_callable("calc.power", a=EC("a"), kwargs={"b": EC("b")}, save_to="p")
    assert run_one(experiment, {"a": 2, "b": 5}).results["p"] == {0: 32}


def test_a_method_may_make_the_items_of_a_generator():
    experiment = Experiment().add_instance("calc", Calculator)
    experiment.add_generator("calc.countdown", start=EC("n"), save_to="left").save(E("calc").calls, "calls")
    results = run_one(experiment, {"n": 3}).results
    assert results == {"left": {0: 3, 1: 2, 2: 1}, "calls": {0: 1, 1: 1, 2: 1}}


def test_units_of_a_method_come_before_or_after_their_instance():
    experiment = Experiment().add_callable("calc.power", args=[3], save_to="p")
    experiment.add_instance("calc", Calculator, base=1)
    assert run_one(experiment).results["p"] == {0: 10}


def test_the_output_of_a_method_goes_by_its_full_name():
    experiment = Experiment().add_instance("calc", Calculator).add_callable("calc.power", args=[3])
    assert run_one(experiment.save(O("calc.power"), "p")).results["p"] == {0: 9}


def test_instances_are_made_in_order_at_the_start_of_each_experiment_and_may_use_each_other():
    experiment = Experiment().add_instance("first", Calculator, base=1)
    experiment.add_instance("second", Calculator, base=E("first").base + EC("a"))
    experiment.save(E("second").base, "base")
    before = Calculator.made
    run = run_one(experiment, {"a": 5}, n_iters=3)
    assert run.results["base"] == {0: 6, 1: 6, 2: 6}
    assert Calculator.made - before == 2


def test_an_instance_that_cannot_be_made_fails_its_experiment_before_any_unit_runs():
    def broken():
        raise TypeError("no")

    called = []
    experiment = Experiment().add_instance("calc", broken).add_callable(called.append, args=[0])
    run = run_one(experiment)
    assert (run.is_failed, called) == (True, [])
    (error,) = run.errors
    assert (error.name, error.iteration) == ("calc", 0)
    assert isinstance(error.exception, TypeError)


def test_the_iterator_of_a_generator_is_made_at_its_first_call_with_the_arguments_of_that_time():
    made = []

    def numbers(start):
        made.append(start)
        return iter(range(start, start + 9))

    experiment = Experiment().add_callable("tick", lambda iteration: iteration * 10, iteration=E().iteration)
    experiment.add_generator("late", numbers, start=O("tick"), when=["%2", "%4"], save_to="n")
    assert run_one(experiment, n_iters=6).results["n"] == {2: 20, 4: 21}
    assert made == [20]


def test_a_list_is_a_generator_that_each_experiment_walks_from_its_beginning():
    experiment = Experiment().add_generator("items", [10, 20], save_to="x")
    for run in Executor(experiment, configs=[{"a": 1}, {"a": 2}]).run().experiments:
        assert run.results["x"] == {0: 10, 1: 20}
    assert run_one(experiment).results["x"] == {0: 10, 1: 20}


def test_a_class_with_an_iterator_is_a_generator_too():
    class Loader:
        def __iter__(self):
            return iter("ab")

    assert run_one(Experiment().add_generator("load", Loader(), save_to="x")).results["x"] == {0: "a", 1: "b"}


def test_what_a_generator_makes_must_be_iterable():
    (error,) = run_one(Experiment().add_generator("broken", lambda: 5)).errors
    assert isinstance(error.exception, TypeError)


SAVING = [
    lambda value, to: Experiment().add_callable("unit", lambda: value, save_to=to),
    lambda value, to: Experiment().add_generator("unit", lambda: iter([value]), save_to=to),
    lambda value, to: Experiment().save(value, to),
]
TAKING_DICTS = [
    lambda value: Experiment().add_callable("unit", lambda: value, save_output_dict=True),
    lambda value: Experiment().add_generator("unit", lambda: iter([value]), save_output_dict=True),
    lambda value: Experiment().save(value, save_output_dict=True),
]


@pytest.mark.parametrize("make", SAVING)
@pytest.mark.parametrize("value", [5, None, [1, 2], {"k": 1}])
def test_one_name_takes_the_output_as_it_is(make, value):
    assert run_one(make(value, "x"), n_iters=1).results == {"x": {0: value}}


@pytest.mark.parametrize("make", SAVING)
@pytest.mark.parametrize("names", [["x", "y"], ("x", "y")])
@pytest.mark.parametrize("value", [(1, "b"), [1, "b"]])
def test_several_names_take_the_parts_of_the_output(make, names, value):
    assert run_one(make(value, names), n_iters=1).results == {"x": {0: 1}, "y": {0: "b"}}


@pytest.mark.parametrize("make", SAVING)
def test_one_name_in_a_list_takes_an_output_of_one(make):
    assert run_one(make([7], ["x"]), n_iters=1).results == {"x": {0: 7}}


@pytest.mark.parametrize("make", SAVING)
@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ((1, 2, 3), ValueError, r"2 variables \['x', 'y'\].*3 items"),
        ((1,), ValueError, "1 items"),
        ((), ValueError, "0 items"),
        (5, TypeError, "a single int"),
        (None, TypeError, "a single NoneType"),
    ],
)
def test_an_output_of_another_length_is_an_error_and_nothing_of_it_is_saved(make, value, kind, text):
    run = run_one(make(value, ["x", "y"]), n_iters=1)
    (error,) = run.errors
    assert type(error.exception) is kind
    with pytest.raises(kind, match=text):
        raise error.exception
    assert error.name in str(error.exception)
    assert run.results == {}


@pytest.mark.parametrize("make", TAKING_DICTS)
def test_each_key_of_a_dict_becomes_a_variable(make):
    run = run_one(make({"x": 1, "a/b": [2]}), n_iters=1)
    assert run.results == {"x": {0: 1}, "a/b": {0: [2]}}


@pytest.mark.parametrize("make", TAKING_DICTS)
@pytest.mark.parametrize("value", [5, None, [("x", 1)], {1: 2}, {None: 1}])
def test_an_output_that_is_no_dict_of_names_is_an_error(make, value):
    (error,) = run_one(make(value), n_iters=1).errors
    assert type(error.exception) is TypeError


@pytest.mark.parametrize("make", TAKING_DICTS)
@pytest.mark.parametrize("name", ["id", "iteration", "lr"])
def test_a_name_in_a_dict_that_is_taken_is_an_error(make, name):
    run = run_one(make({"x": 1, name: 2}), {"lr": 0.1}, n_iters=1)
    (error,) = run.errors
    assert type(error.exception) is ValueError
    assert repr(name) in str(error.exception)
    assert name not in run.results


@pytest.mark.parametrize("name", ["id", "iteration", "lr"])
def test_a_name_given_while_the_experiment_runs_that_is_taken_is_an_error(name):
    experiment = Experiment().add_callable("unit", lambda save: save(name, 1), save=S().update_variable)
    run = run_one(experiment, {"lr": 0.1})
    assert [type(error.exception) for error in run.errors] == [ValueError]
    assert run.results == {}


def test_the_later_of_two_values_of_one_iteration_stays():
    experiment = Experiment().save(1, "x").save(2, "x", when=2)
    assert run_one(experiment, n_iters=4).results["x"] == {0: 1, 1: 2, 2: 1, 3: 2}


@pytest.mark.parametrize(("copy", "expected"), [(True, {0: [0], 1: [0, 1]}), (False, {0: [0, 1], 1: [0, 1]})])
def test_a_copy_is_saved_where_one_is_asked_for(copy, expected):
    experiment = Experiment().add_instance("log", list).add_callable("log.append", args=[E().iteration])
    experiment.save(E("log"), "x", copy=copy)
    assert run_one(experiment, n_iters=2).results["x"] == expected


def test_a_constant_can_be_saved():
    assert run_one(Experiment().save({"k": 1}, "x"), n_iters=2).results["x"] == {0: {"k": 1}, 1: {"k": 1}}


class Book:
    """A sink that writes down what it is told, in order."""

    def __init__(self):
        self.lines = []

    def save(self, variable, iteration, value):
        self.lines.append((variable, iteration, value))

    def dump(self):
        self.lines.append("dump")


def written(experiment, **options):
    """Return what an experiment tells its sink."""
    book = Book()
    Executor(experiment, sinks=[book], **options).run()
    return book.lines


def test_a_unit_with_dump_sends_what_was_saved_after_its_due_iterations():
    experiment = Experiment().add_callable("n", lambda i: i, i=E().iteration, save_to="n", dump=[2, "last"])
    assert written(experiment, n_iters=3) == [("n", 0, 0), ("n", 1, 1), "dump", ("n", 2, 2), "dump"]


def test_dump_is_a_unit_that_is_due_last_by_default():
    experiment = Experiment().save(1, "x").dump()
    assert written(experiment, n_iters=2) == [("x", 0, 1), ("x", 1, 1), "dump"]
    assert written(Experiment().dump("x", when="%0").save(1, "x"), n_iters=1) == ["dump", ("x", 0, 1)]


def two(a, b=1):
    return a + b


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({}, "missing a required argument: 'a'"),
        ({"a": 1, "c": 2}, "got an unexpected keyword argument 'c'"),
        ({"args": [1, 2, 3]}, "too many positional arguments"),
        ({"a": O("one"), "save": "y"}, "got an unexpected keyword argument 'save'"),
    ],
)
def test_arguments_that_a_function_does_not_take_are_refused_before_anything_runs(kwargs, text):
    experiment = Experiment().add_callable("one", lambda: 1).add_callable(two, **kwargs)
    with pytest.raises(TypeError, match=rf"the unit 'two' cannot call two\(a, b=1\): {text}"):
        Executor(experiment)


@pytest.mark.parametrize(
    "add",
    [
        lambda experiment: experiment.add_callable("two", two, args=EC("all")),
        lambda experiment: experiment.add_callable("two", two, kwargs=EC()),
        lambda experiment: experiment.add_callable("two", dict, a=1, b=2),
        lambda experiment: experiment.add_callable("two", print, args=[1, 2]),
    ],
)
def test_arguments_that_nobody_knows_yet_are_not_judged(add):
    Executor(add(Experiment()))


def test_a_generator_function_is_no_callable():
    def numbers():
        yield 1

    text = r"'numbers' is a generator function, of which a call runs nothing: add_generator takes one item"
    for add in (lambda: Experiment().add_callable(numbers), lambda: Experiment().add_callable("n", numbers)):
        with pytest.raises(TypeError, match=text):
            add()
