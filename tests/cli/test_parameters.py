"""`-p`: what is typed, and the domains that come of it."""

from __future__ import annotations

import pytest

from research import Domain
from research.cli.ending import Problem
from research.cli.parameters import with_parameters
from research.errors import ParametersError
from tests.cli.shell import write

GRID = Domain(model=["svm", "tree"]) * Domain(C=[0.1, 1.0])


def dicts(domain):
    return [config.to_dict() for config in domain]


def listed(*given, name="C", domain=GRID):
    return list(dict.fromkeys(config[name] for config in with_parameters(domain, given)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("C=5", [5.0]),
        ("C=5,1e-3", [5.0, 0.001]),
        ("C=[5, 6]", [5.0, 6.0]),
        ("C=range(2)", [0.0, 1.0]),
        ("C=None", [None]),
        ("C+=7,1", [0.1, 1.0, 7.0]),
    ],
)
def test_values_of_a_parameter_that_is_there(text, values):
    assert listed(text) == values
    assert [type(value) for value in listed(text)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("new=5", [5]),
        ("new=a,b", ["a", "b"]),
        ("new='a,b'", ["a,b"]),
        ("new=(1, 2)", [(1, 2)]),
        ("new=(1, 2),(3, 4)", [(1, 2), (3, 4)]),
        ("new=True,False", [True, False]),
        ("new=[[1, 2]]", [[1, 2]]),
        ("new=a=b", ["a=b"]),
        ("new=it's,b,", ["it's", "b"]),
        ("new=", [""]),
    ],
)
def test_values_of_a_parameter_that_is_new(text, values):
    assert [config["new"] for config in with_parameters(GRID[:1], [text])] == values


def test_text_stays_text_where_all_others_are():
    assert listed("model=1,true,'it, too'", name="model") == ["1", "true", "it, too"]
    assert listed("model=None", name="model") == [None]


def test_without_a_domain_they_make_one():
    assert dicts(with_parameters(None, ["a=1,2", "b=3"])) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    assert with_parameters(None, []) is None
    assert with_parameters(GRID, []) is GRID


def test_a_new_parameter_may_be_called_almost_like_another():
    assert with_parameters(GRID, ["+models=1", "other/name=2"])[0].to_dict() == {
        "model": "svm",
        "C": 0.1,
        "models": 1,
        "other/name": 2,
    }


def test_files_take_the_place_of_the_domain_and_settings_come_after():
    write("one.py", "domain = dict(C=[5.0], model=['knn'])")
    write("two.py", "def get_params(): return [{'name': f'n{i}', 'C': float(i)} for i in range(4)]")
    assert dicts(with_parameters(GRID, ["one.py"])) == [{"C": 5.0, "model": "knn"}]
    assert [config["C"] for config in with_parameters(GRID, ["one.py", "two"])] == [5.0, 0.0, 1.0, 2.0, 3.0]
    assert [config["C"] for config in with_parameters(GRID, ["two.py:0,2-3"])] == [0.0, 2.0, 3.0]
    assert [config["C"] for config in with_parameters(GRID, ["two.py:n1,n3"])] == [1.0, 3.0]
    assert with_parameters(GRID, ["+one.py"]).len == 5
    assert dicts(with_parameters(GRID, ["C=1", "one.py"])) == [{"C": 1.0, "model": "knn"}]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("C=true", Problem, "no value of Python: write True"),
        ("D+=1", Problem, "the domain has no 'D'"),
        ("modle+=1", Problem, "did you mean 'model'"),
        ("C=[]", Problem, "there is no value"),
        ("C=range(x)", Problem, "is no range"),
        ("C", Problem, "write C=VALUE"),
        ("non.py", ParametersError, "does not exist"),
        ("=1", Problem, "no setting"),
        ("modle=1", Problem, "did you mean 'model'?; a new parameter is given by -p +modle=…"),
        ("+C=1", Problem, "has a parameter 'C' already"),
    ],
)
def test_what_makes_no_sense_is_told(text, error, message):
    with pytest.raises(error) as raised:
        with_parameters(GRID, [text])
    assert message in str(raised.value)
