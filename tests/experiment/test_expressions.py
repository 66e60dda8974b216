"""Named expressions: what can be written before an experiment runs, and what it gives then."""

from __future__ import annotations

import copy
import operator
import pickle

import dill
import numpy as np
import pytest

from research import EC, EP, Domain, E, Executor, Experiment, O, R, Research, S
from research.errors import ExpressionError
from research.experiment.expressions import NamedExpression
from tests.experiment.evaluation import evaluate, run_one

CONFIG = {"a": 6, "b": 4, "word": "grid", "pair": (1, 2), "items": [10, 20], "opt/lr": 0.5}
ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.lshift,
    operator.rshift,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
WRITTEN = [
    (EC("a"), "EC('a')", 6),
    (EC("a") + 1, "(EC('a') + 1)", 7),
    (1 - EC("a"), "(1 - EC('a'))", -5),
    (EC("a") // EC("b"), "(EC('a') // EC('b'))", 1),
    (EC("a") < 7, "(EC('a') < 7)", True),
    (-EC("a"), None, -6),
    (EC("items")[1], "EC('items')[1]", 20),
    (EC("items")[EC("b") - 4], "EC('items')[(EC('b') - 4)]", 10),
    (EC()["word"].upper(), "EC()['word'].upper()", "GRID"),
    (EC("word").replace("g", EC("word")[0:1] + "h"), None, "ghrid"),
    (EC("word").split(sep="r"), "EC('word').split(sep='r')", ["g", "id"]),
    ((EC("a") + 1).bit_length(), "(EC('a') + 1).bit_length()", 3),
    (O("numbers"), "O('numbers')", [1, 2, 3]),
    (O("numbers")[0], "O('numbers')[0]", 1),
    (
        O("numbers") * EC("b") + 2 * O("numbers"),
        "((O('numbers') * EC('b')) + (2 * O('numbers')))",
        [1, 2, 3] * 6,
    ),
    (E().outputs["numbers"][-1], "E().outputs['numbers'][-1]", 3),
    (E("numbers").output, "E('numbers').output", [1, 2, 3]),
    (E("numbers", all=True)[0].name, "E('numbers', all=True)[0].name", "numbers"),
    (E(all=True)[0].iteration, "E(all=True)[0].iteration", 0),
    (EC(full=True)["b"], "EC(full=True)['b']", 4),
]


@pytest.mark.parametrize(("expression", "value"), [(row[0], row[2]) for row in WRITTEN])
def test_an_expression_gives_what_is_written(expression, value):
    assert evaluate(expression, CONFIG) == value


@pytest.mark.parametrize(("expression", "text"), [row[:2] for row in WRITTEN if row[1]])
def test_an_expression_shows_what_was_written(expression, text):
    assert repr(expression) == text


@pytest.mark.parametrize(
    "expression",
    [abs(-EC("a")), abs(EC("a") - 9) + 1, (-EC("a")) ** 2, (-EC("a")).bit_length(), ~EC("a") % 4],
)
def test_the_text_of_an_expression_read_as_python_has_its_value(expression):
    assert evaluate(eval(repr(expression)), CONFIG) == evaluate(expression, CONFIG)


@pytest.mark.parametrize("operation", ARITHMETIC, ids=lambda operation: operation.__name__)
def test_arithmetic_works_from_both_sides_and_between_expressions(operation):
    assert evaluate(operation(EC("a"), 3), CONFIG) == operation(6, 3)
    assert evaluate(operation(3, EC("a")), CONFIG) == operation(3, 6)
    assert evaluate(operation(EC("a"), EC("b")), CONFIG) == operation(6, 4)


@pytest.mark.parametrize("operation", [operator.neg, operator.pos, operator.invert, abs])
def test_unary_operators_are_applied_when_the_experiment_runs(operation):
    assert evaluate(operation(EC("a")), {"a": -6}) == operation(-6)


@pytest.mark.parametrize("operation", [operator.add, operator.mul, operator.matmul, operator.lt, operator.eq])
def test_an_array_on_the_left_waits_for_the_expression_as_a_whole(operation):
    array = np.arange(3.0)
    expression = operation(array, EC("v"))
    assert isinstance(expression, NamedExpression)
    value = np.array([2.0, 1.0, 5.0])
    np.testing.assert_array_equal(evaluate(expression, {"v": value}), operation(array, value))


def test_a_scalar_of_numpy_on_the_left_waits_for_the_expression():
    expression = np.float64(1.5) * EC("a")
    assert isinstance(expression, NamedExpression)
    assert evaluate(expression, CONFIG) == 9.0


@pytest.mark.parametrize(
    ("nested", "value"),
    [
        ([EC("a"), [EC("b"), "x"]], [6, [4, "x"]]),
        ((EC("a"), ({"k": O("numbers")[2]},)), (6, ({"k": 3},))),
        ({"x": {"y": [EC("a") + EC("b")]}, "z": 1}, {"x": {"y": [10]}, "z": 1}),
    ],
)
def test_expressions_stand_anywhere_inside_lists_tuples_and_dicts(nested, value):
    got = evaluate(nested, CONFIG)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "use",
    [
        list,
        iter,
        tuple,
        bool,
        lambda expression: not expression,
        lambda expression: expression or 1,
        lambda expression: 1 in expression,
        lambda expression: 1 < expression < 3,
        lambda expression: [*expression],
        lambda expression: dict(**expression),
        lambda expression: expression in [1, 2],
        dict,
        len,
    ],
)
@pytest.mark.parametrize("expression", [EC("a"), O("numbers")[0], E().outputs, EC("a") + 1, S(), R(), EP()])
def test_an_expression_has_no_items_and_no_truth_before_the_experiment_runs(use, expression):
    with pytest.raises(TypeError):
        use(expression)


@pytest.mark.parametrize("use", [list, bool, lambda expression: 1 in expression])
def test_the_refusal_to_iterate_or_to_be_true_shows_the_expression_and_says_why(use):
    with pytest.raises(TypeError, match=r"O\('numbers'\)\[0\] has no value before the experiment runs"):
        use(O("numbers")[0])


def test_names_with_an_underscore_are_no_attributes_so_that_protocols_are_not_fooled():
    with pytest.raises(AttributeError, match="_repr_html_"):
        EC("a")._repr_html_
    assert not hasattr(E(), "__len__")


@pytest.mark.parametrize(
    "survive",
    [
        copy.copy,
        copy.deepcopy,
        lambda value: pickle.loads(pickle.dumps(value, protocol=2)),
        lambda value: pickle.loads(pickle.dumps(value)),
        lambda value: dill.loads(dill.dumps(value, recurse=True)),
    ],
    ids=["copy", "deepcopy", "pickle 2", "pickle", "dill"],
)
@pytest.mark.parametrize(
    "expression",
    [
        EC("items")[0] + abs(O("numbers")[1] - EC("a")),
        [E().outputs["numbers"], (1 - EC("b"), {"k": E("numbers", all=True)[0].name})],
        EC("word").replace("g", "h", EC("pair")[0]),
        EC(full=True)["a"] == 6,
    ],
)
def test_expressions_survive_being_copied_and_pickled(survive, expression):
    survivor = survive(expression)
    assert repr(survivor) == repr(expression)
    assert evaluate(survivor, CONFIG) == evaluate(expression, CONFIG)


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        (EC("a").nothing, ["EC('a').nothing", "AttributeError"]),
        (O("numbers")[9], ["O('numbers')[9]", "IndexError"]),
        (EC("a") / (EC("b") - 4), ["(EC('a') / (EC('b') - 4))", "ZeroDivisionError"]),
        (EC("word").index("?"), ["EC('word').index('?')", "ValueError: substring not found"]),
        (EC("wrod"), ["EC('wrod')", "did you mean 'word'"]),
        (EC()["none"], ["EC()['none']", "KeyError"]),
        ([1, {"k": (EC("a").nothing,)}], ["EC('a').nothing", "AttributeError"]),
        (R().df, ["R()", "update the domain"]),
        (EP() / "model", ["EP()", "folder"]),
    ],
)
def test_an_expression_that_cannot_be_evaluated_names_itself_and_its_unit(expression, parts):
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, CONFIG)
    for part in [*parts, "'take'"]:
        assert part in str(caught.value)
    assert caught.value.__cause__ is not None


def test_ec_is_a_plain_dict_of_the_config():
    got = evaluate(EC(), CONFIG)
    assert type(got) is dict
    assert got == CONFIG


def test_ec_of_a_parameter_finds_groups_and_parts_of_paths():
    assert evaluate(EC("opt/lr"), CONFIG) == 0.5
    assert evaluate(EC("opt"), CONFIG) == {"lr": 0.5}
    assert evaluate(EC("opt/lr"), {"opt": {"lr": 1}}) == 1


def spoil(config):
    """Change everything in a config that can be changed."""
    config["items"].append("spoilt")
    config["nest"]["deep"][0].append("spoilt")
    config["tags"].add("spoilt")
    config["pair"][0].append("spoilt")
    config["new"] = "spoilt"
    config.pop("a")


@pytest.mark.parametrize("expression", [EC(), EC(full=True)])
def test_a_unit_that_changes_its_config_changes_it_for_nobody_else(expression):
    values = {"items": [1], "nest": {"deep": [[2]]}, "tags": {3}, "pair": ([4],)}
    domain = Domain({name: [value] for name, value in values.items()}) * Domain(a=[1, 2])
    seen = []
    experiment = Experiment().add_callable("look", seen.append, args=[expression])
    experiment.add_callable("spoil", spoil, args=[expression])
    Research("study", domain, experiment).run(
        n_iters=2, parallel=False, dump_results=False, bar=False, debug=True, executor_target="for"
    )
    assert [{name: config[name] for name in values} for config in seen] == [values] * 4
    assert [config["a"] for config in seen] == [1, 1, 2, 2]
    assert domain[0] == {**values, "a": 1}


@pytest.mark.parametrize("value", [[1, [2]], {"k": [1]}, {1, 2}, ([1],)])
def test_a_unit_that_changes_the_value_of_a_parameter_changes_it_for_nobody_else(value):
    def change(own):
        seen.append(repr(own))
        if isinstance(own, set):
            own.add("spoilt")
        elif isinstance(own, dict):
            own["k"].append("spoilt")
        else:
            own[-1].append("spoilt")

    seen = []
    experiment = (
        Experiment().add_callable("change", change, own=EC("v")).add_callable("again", change, own=EC("v"))
    )
    Executor(experiment, target="for", debug=True, n_iters=2, configs=[{"v": value}, {"v": value}]).run()
    assert seen == [repr(value)] * 8


@pytest.mark.parametrize("expression", [EC("v"), EC()["v"], EC(full=True)["v"], E().config["v"]])
def test_a_unit_that_writes_into_an_array_of_its_config_reaches_nobody_else(expression):
    def change(array):
        seen.append(array.tolist())
        try:
            array += 1
        except ValueError:  # it may as well be read-only
            pass

    seen, array = [], np.zeros(2)
    experiment = Experiment().add_callable(change, array=expression)
    Executor(experiment, target="for", debug=True, n_iters=2, configs=[{"v": array}, {"v": array}]).run()
    assert seen == [[0, 0]] * 4
    assert array.tolist() == [0, 0]


def test_parameters_the_study_adds_are_in_the_full_config_only():
    seen = []
    experiment = Experiment().add_callable("see", lambda *got: seen.append(got), args=[EC(), EC(full=True)])
    Research("study", Domain(a=[1]), experiment, n_reps=2).run(parallel=False, dump_results=False, bar=False)
    full = [{"a": 1, "repetition": repetition, "updates": 0, "device": None} for repetition in range(2)]
    assert seen == [({"a": 1}, config) for config in full]


def test_e_is_the_running_experiment():
    seen = []
    experiment = Experiment().add_callable(
        "see", lambda run: seen.append((run.config, run.iteration, run.id)), args=[E()]
    )
    run = run_one(experiment, {"a": 1}, n_iters=2)
    assert seen == [({"a": 1}, 0, run.id), ({"a": 1}, 1, run.id)]


def test_e_of_an_instance_is_the_object_itself():
    experiment = Experiment().add_instance("numbers", list, args=[[3, 4]])
    experiment.add_callable("numbers.append", args=[5]).save(E("numbers"), "all").save(
        E("numbers")[-1], "last"
    )
    assert run_one(experiment).results == {"all": {0: [3, 4, 5]}, "last": {0: 5}}


def test_e_of_all_are_the_experiments_of_all_branches_in_their_order():
    experiment = Experiment().add_callable("own", lambda a: a * 10, a=EC("a"))
    experiment.add_callable(
        "sum",
        lambda runs, units: [run.config["a"] for run in runs] + [unit.output for unit in units],
        args=[E(all=True), E("own", all=True)],
        save_to="seen",
    )
    runs = Executor(experiment, target="for", configs=[{"a": 1}, {"a": 2}]).run().experiments
    assert runs[1].results["seen"] == {0: [1, 2, 10, 20]}


def test_the_output_of_a_unit_is_none_before_its_first_call_and_stays_until_the_next():
    experiment = Experiment().save(O("count"), "before")
    experiment.add_callable("count", lambda iteration: iteration, when=2, iteration=E().iteration)
    experiment.save(O("count"), "after")
    run = run_one(experiment, n_iters=5)
    assert list(run.results["before"].values()) == [None, None, 1, 1, 3]
    assert list(run.results["after"].values()) == [None, 1, 1, 3, 3]


def test_ep_is_a_folder_of_the_experiments_own_made_when_asked_for(tmp_path):
    def folder(name):
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        return path

    experiment = Experiment().add_callable("write", lambda path: path.write_text("kept"), path=EP() / "note")
    runs = Executor(experiment, configs=[{"a": 1}, {"a": 2}], folder=folder).run().experiments
    assert [(tmp_path / run.id / "note").read_text() for run in runs] == ["kept", "kept"]
    assert not any(run.is_failed for run in runs)


def test_s_saves_variables_at_the_current_iteration():
    experiment = Experiment().add_generator("count", range(3))
    experiment.add_callable("use", lambda save, n: save("mine", n), save=S().update_variable, n=O("count"))
    experiment.add_callable(
        "ignore", lambda nothing: None, args=[S().update_variable("twice", O("count") * 2)]
    )
    run = run_one(experiment)
    assert run.results == {"mine": {0: 0, 1: 1, 2: 2}, "twice": {0: 0, 1: 2, 2: 4}}


@pytest.mark.parametrize("wrong", [lambda: EC("x", 5), lambda: EC("x", True), lambda: E("unit", True)])
def test_what_is_no_name_is_given_by_keyword(wrong):
    with pytest.raises(TypeError, match="positional argument"):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: EC(5), r"EC\(\) takes the name of a parameter, got int 5"),
        (lambda: EC(O("x")), r"EC\(\) takes the name of a parameter, got O O\('x'\)"),
        (lambda: E(["a"]), r"E\(\) takes the name of a unit or an instance, got list \['a'\]"),
        (lambda: O(len), r"O\(\) takes the name of a unit, got builtin_function_or_method"),
        (lambda: O(None), r"O\(\) takes the name of a unit; the experiment itself is E\(\)"),
        (lambda: EP("x"), "EP"),
        (lambda: S("x"), "S"),
        (lambda: R("x"), "R"),
    ],
)
def test_an_expression_takes_a_name_or_nothing(wrong, text):
    with pytest.raises(TypeError, match=text):
        wrong()
