"""From expressions to functions of a running experiment; names that do not exist."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import pytest

from research import EC, Domain, E, Executor, Experiment, O, Research, S
from research.errors import ExpressionError
from research.experiment.compiling import compile_value, contains_expression
from tests.experiment.evaluation import evaluate

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "value", [1, None, "EC('a')", [1, (2, {"k": 3})], {}, (), {1, 2}, Point(1, 2), EC, len]
)
def test_what_holds_no_expression_is_a_constant(value):
    assert compile_value(value, "unit") is None
    assert not contains_expression(value)


@pytest.mark.parametrize(
    "value", [EC("a"), [EC("a")], (1, [EC("a")]), {"k": ({"l": O("u")},)}, 1 + E().iteration]
)
def test_an_expression_is_found_at_any_depth(value):
    assert contains_expression(value)
    assert callable(compile_value(value, "unit"))


@pytest.mark.parametrize("value", [Point(1, 2), OrderedDict(a=1), {3, 4}, range(5)])
def test_other_containers_are_handed_over_as_they_are(value):
    got = evaluate([value, EC("a")], {"a": 1})
    assert got[0] is value


def test_lists_and_dicts_with_expressions_are_made_anew_for_each_call():
    seen = []
    experiment = Experiment().add_callable(
        "see", lambda *got: seen.append(got), args=[[EC("a")], {"k": EC("a")}]
    )
    Executor(experiment, configs=[{"a": 1}], n_iters=2).run()
    assert seen[0] == seen[1] == ([1], {"k": 1})
    assert seen[0][0] is not seen[1][0]
    assert seen[0][1] is not seen[1][1]


def test_a_slice_may_be_made_of_expressions():
    assert evaluate(O("numbers")[EC("a") :], {"a": 1}) == [2, 3]
    assert evaluate(O("numbers")[: EC("a")], {"a": 1}) == [1]


def test_an_error_inside_nested_expressions_is_told_once_by_the_innermost_nest():
    with pytest.raises(ExpressionError) as caught:
        evaluate(EC("word").join([EC("missing"), "x"]), {"word": "-"})
    assert str(caught.value).startswith("EC('missing') of the unit 'take' cannot be evaluated")
    assert str(caught.value).count("cannot be evaluated") == 1


def test_an_error_that_says_so_already_is_not_told_twice():
    with pytest.raises(ExpressionError, match="numbers") as caught:
        evaluate({"x": [O("numbers")[7]]})
    assert str(caught.value).count("cannot be evaluated") == 1


def nothing(*args, **kwargs):
    """Take anything."""


MISNAMED = [
    Experiment().add_callable("reader", nothing, args=[O("numers")]),
    Experiment().add_callable("reader", nothing, x=[{"deep": (E("numers").output,)}]),
    Experiment().add_callable("reader", nothing, kwargs=O("numers")),
    Experiment().add_callable("reader", nothing, args=O("numers")),
    Experiment().add_callable("reader", nothing, x=1 + O("numers")[0].real),
    Experiment().add_callable("reader", nothing, x=EC("a")[O("numers")]),
    Experiment().add_callable("reader", nothing, x=S().update_variable("x", O("numers"))),
    Experiment().add_callable("reader", nothing, x=S().update_variable(name="x", value=[O("numers")])),
    Experiment().add_callable("reader", nothing, x=-O("numers")),
    Experiment().add_callable("reader", nothing, x=E("numers", all=True)),
    Experiment().add_generator("reader", range, args=[O("numers")]),
    Experiment().add_instance("reader", nothing, x=E("numers")),
]


@pytest.mark.parametrize("experiment", MISNAMED)
def test_a_unit_that_does_not_exist_is_an_error_that_names_it_before_anything_runs(experiment):
    ran = []
    experiment = Experiment(experiment.instances.values(), experiment.units.values()).add_callable(
        "numbers", ran.append, args=[1]
    )
    with pytest.raises(ValueError, match=r"\('numers'.*'reader'.*did you mean 'numbers'\?"):
        Executor(experiment)
    with pytest.raises(ValueError, match="'numers'"):
        Research("study", experiment=experiment).run(bar=False, parallel=False)
    assert ran == []


def test_a_saved_expression_of_a_unit_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"O\('numers'\).*'save_x'.*known: 'n', 'save_x'"):
        Executor(Experiment().add_callable("n", nothing).save([O("numers")], "x"))


def test_a_method_of_an_instance_that_was_not_added_is_refused():
    experiment = Experiment().add_instance("model", dict).add_callable("modle.fit")
    with pytest.raises(ValueError, match=r"'modle.fit'.*did you mean 'model'\?"):
        Executor(experiment)


def test_units_may_be_named_before_they_are_added():
    experiment = Experiment().save(O("later"), "x").add_callable("later", lambda: 1)
    assert Executor(experiment, n_iters=2).run().experiments[0].results == {"x": {0: None, 1: 1}}


@pytest.mark.parametrize("name", ["id", "iteration", "repetition", "updates", "device"])
def test_a_variable_named_like_a_column_of_every_table_is_refused(name):
    for experiment in (
        Experiment().save(1, name),
        Experiment().save((1, 2), ["x", name]),
        Experiment().add_callable("f", nothing, save_to=name),
        Experiment().add_generator("f", [1], save_to=["x", name]),
    ):
        with pytest.raises(ValueError, match=f"'{name}'"):
            Executor(experiment)
        with pytest.raises(ValueError, match=f"'{name}'"):
            Research("study", experiment=experiment).run(bar=False, parallel=False)


def test_a_variable_named_like_a_parameter_is_refused_before_the_study_runs():
    ran = []
    study = Research("study", Domain(lr=[1]) + Domain(depth=[1]))
    study.add_callable("work", ran.append, args=[0], save_to="depth")
    with pytest.raises(ValueError, match=r"'depth'.*parameter"):
        study.run(bar=False, parallel=False)
    assert ran == []
