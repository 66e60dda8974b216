"""Objects in configs belong to one experiment each: what it does to them reaches no other."""

from __future__ import annotations

import enum
import functools
import math
import threading
from collections import OrderedDict

import numpy as np
import pytest

from research import EC, Alias, Domain, Executor, Experiment, Research
from research.experiment.owning import own_values


class Model:
    """Remembers how often it was fitted, as with a warm start."""

    def __init__(self, fits=()):
        self.fits = list(fits)

    def fit(self, a):
        self.fits.append(a)
        return len(self.fits)


class Single:
    """There is one of it, and one only."""

    def __init__(self, part=None):
        self.part = part

    def __deepcopy__(self, memo):
        raise TypeError("there is one only")


class Colour(enum.Enum):
    RED = 1


def fit_twice(model, a):
    return model.fit(a) + model.fit(a)


def study(name, value, a=range(6)):
    domain = Domain(a=list(a)) * Domain(model=[value])
    return Research(name, domain).add_callable(fit_twice, model=EC("model"), a=EC("a"), save_to="n")


@pytest.mark.parametrize(
    "how",
    [
        {"parallel": False},
        {"workers": 1},
        {"workers": 2},
        {"parallel": False, "branches": 3},
        {"workers": 2, "branches": 2, "executor_target": "for"},
        {"workers": 2, "start_method": "spawn"},
    ],
    ids=str,
)
def test_what_an_experiment_does_to_its_object_is_seen_by_no_other_however_it_is_run(how):
    model = Model()
    described = study("study", Alias(model, "model"))
    expected = [described.domain[number].hash() for number in range(6)]
    found = described.run(bar=False, **how).results
    assert found.df["n"].tolist() == [3] * 6  # 1 after the first fit, 2 after the second
    assert [config.hash() for config in found.configs.values()] == expected
    assert model.fits == []


def test_objects_inside_of_lists_dicts_and_tuples_are_owned_too():
    model = Model()
    values = [[model], {"k": model}, (model, 1), {"deep": [({"er": model},)]}]

    def look(value):
        while not isinstance(value, Model):
            value = next(iter(value.values())) if isinstance(value, dict) else value[0]
        return value.fit(0)

    experiment = Experiment().add_callable(look, value=EC("v"), save_to="n")
    runs = Executor(experiment, configs=[{"v": value} for value in values * 2]).run().experiments
    assert [run.results["n"][0] for run in runs] == [1] * 8
    assert model.fits == []


def test_configs_of_branches_and_of_the_executor_are_owned_as_well():
    model = Model()
    experiment = Experiment().add_callable(fit_twice, model=EC("model"), a=0, save_to="n")
    for given in ({"executor_config": {"model": model}}, {"branches_configs": [{"model": model}] * 2}):
        runs = Executor(experiment, configs=[{"a": 1}, {"a": 2}], **given).run().experiments
        assert [run.results["n"][0] for run in runs] == [3, 3]
    assert model.fits == []


def test_an_experiment_has_one_object_for_all_of_its_units_and_iterations():
    experiment = Experiment().add_callable("fit", lambda model: model.fit(0), model=EC("model"), save_to="n")
    (run,) = Executor(experiment, configs=[{"model": Model()}], n_iters=3).run().experiments
    assert run.results["n"] == {0: 1, 1: 2, 2: 3}


def test_what_was_one_object_is_one_object_again():
    model = Model()
    own = own_values({"a": model, "b": [model, model]})
    assert own["a"] is own["b"][0] is own["b"][1]
    assert own["a"] is not model


LOCK = threading.Lock()
LOOP = [Model()]
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        *(1, 1.5, True, None, "s", b"b", 1j, range(3), np.float64(1), np.str_("x"), ...),
        *(len, fit_twice, Model, OrderedDict, math, np.add, Colour.RED, LOCK, Single(), np.zeros(2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_code_and_what_nobody_can_change_or_copy_is_shared(value):
    own = own_values({"a": value, "b": [1]})
    assert own["a"] is value


def test_what_cannot_be_copied_is_shared_and_the_rest_is_owned():
    model, single = Model(), Single()
    own = own_values({"whole": Model([model, Single()]), "parts": [single, model], "model": model})
    assert own["whole"].fits[0] is model  # it could only be copied as a whole
    assert own["parts"][0] is single
    assert own["parts"][1] is own["model"] is not model


def test_a_structure_that_holds_itself_is_owned():
    own = own_values({"a": LOOP})["a"]
    assert own[1] is own is not LOOP
    assert own[0] is not LOOP[0]


def test_methods_and_partial_functions_of_an_object_go_with_its_copy():
    model = Model()
    own = own_values({"fit": model.fit, "partial": functools.partial(model.fit, 1), "model": model})
    own["fit"](0)
    own["partial"]()
    assert own["model"].fits == [0, 1]
    assert model.fits == []


def test_arrays_of_objects_are_copied():
    array = np.array([Model(), None], dtype=object)
    own = own_values({"a": array})["a"]
    assert own[0] is not array[0]
    assert own[1] is None


def test_plain_values_are_not_even_put_into_another_dict():
    values = {"a": 1, "b": "x", "c": None, "f": len}
    assert own_values(values) is values
