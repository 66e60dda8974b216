"""Domains made of what people have: lists of dicts, dataclasses, Configs."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import dill
import pytest

from research import Alias, Config, Domain, Parameters


@dataclass
class Model:
    depth: int = 2
    width: int = 8


@dataclass
class Tree:
    depth: int = 2
    width: int = 8


@dataclass
class Data:
    path: str = "a.csv"
    model: Model = field(default_factory=Model)


@dataclass
class Params(Parameters):
    lr: float = 0.1
    data: Data | None = field(default_factory=Data)
    first: Model = field(default_factory=Model)
    second: Model = field(default_factory=Model)


@dataclass
class Plain:
    value: Any = None


def dicts(domain):
    return [config.to_dict() for config in domain]


def test_dicts_dataclasses_and_configs_may_be_mixed():
    domain = Domain.from_configs([{"a": 1}, Plain(2), Config(a=3)], c=["const"])
    assert dicts(domain) == [{"a": 1, "c": "const"}, {"value": 2, "c": "const"}, {"a": 3, "c": "const"}]


def test_a_list_of_dicts_is_the_same_domain_either_way():
    rows = [{"a": 1, "b": {"c": 2}}, {"a": 2}]
    assert Domain.from_configs(rows) == Domain(rows)
    assert Domain.from_configs(iter(rows)) == Domain(rows)


def test_nested_dataclasses_become_paths():
    config = Params(name="one").config()
    assert list(config) == [
        *["name", "lr", "data/path", "data/model/depth", "data/model/width"],
        *["first/depth", "first/width", "second/depth", "second/width"],
    ]
    assert config["data"]["model"]["depth"] == 2
    assert Domain.from_configs([Params(name="one")])[0] == config


def test_nested_dataclasses_with_swapped_values_differ():
    one = Params(first=Model(1, 2), second=Model(3, 4))
    other = Params(first=Model(3, 4), second=Model(1, 2))
    assert one.config().hash() != other.config().hash()


def test_lists_dicts_and_aliases_keep_dataclasses_as_values():
    for value in ([Model()], Alias(Model(), "m")):
        (config,) = Domain.from_configs([Plain(value)])
        assert config["value"] == (value.value if isinstance(value, Alias) else value)
    (config,) = Domain.from_configs([{"model": Model(3)}])
    assert config["model"] == Model(3)


def test_values_are_copied():
    params = Plain([1])
    domain = Domain.from_configs([params])
    params.value.append(2)
    assert domain[0]["value"] == [1]


def test_a_field_may_hold_nothing_or_a_dataclass():
    domain = Domain.from_configs([Params(data=None), Params(), Params(data=None)])
    assert [config.to_dict().get("data", "group") for config in domain] == [None, "group", None]
    assert [Params.from_config(config) for config in domain] == [
        Params(data=None),
        Params(),
        Params(data=None),
    ]


def test_an_instance_is_made_of_a_config_again():
    params = Params(name="one", lr=1, data=Data("b.csv", Model(5)))
    assert Params.from_config(params.config()) == params
    assert Params.from_config(params.config().to_dict()) == params
    assert Params.from_config({"lr": 3}) == Params(lr=3)
    with pytest.raises(ValueError, match="Params has no field 'lrr'; did you mean 'lr'"):
        Params.from_config({"lrr": 1})


def test_dataclasses_that_look_the_same_are_refused():
    assert len(Domain.from_configs([Plain(Model()), Plain(Model(1)), Plain(5)])) == 3
    with pytest.raises(ValueError, match="there is a Model at 'value', and a Tree with the same fields"):
        Domain.from_configs([Plain(Model()), Plain(Tree())])


def test_one_that_holds_itself_is_refused():
    params = Plain()
    params.value = params
    with pytest.raises(ValueError, match="'value' of Plain holds itself"):
        Domain.from_configs([params])


@pytest.mark.parametrize("given", [{"a": [1]}, "ab", 5, Params()])
def test_what_is_no_list_is_refused(given):
    with pytest.raises(TypeError, match="`configs` must be a list of dicts, dataclasses or Configs"):
        Domain.from_configs(given)


def test_what_is_no_config_is_refused():
    with pytest.raises(TypeError, match="config number 1 must be a dict"):
        Domain.from_configs([{"a": 1}, 5])
    with pytest.raises(TypeError, match="config number 1 must be a dict"):
        Domain.from_configs([{"a": 1}, Params])
    with pytest.raises(TypeError, match=r"config number 0 must be a dict.*; Domain.from_configs takes"):
        Domain([Params()])
    with pytest.raises(TypeError, match=r"for a single one write \[config\]"):
        Domain.from_configs(Params())


def test_no_configs_are_an_empty_domain():
    assert Domain.from_configs([]) == Domain()


@pytest.mark.parametrize("pickler", [pickle, dill])
@pytest.mark.parametrize("value", [1, [1, 2], Alias([1], "short")])
def test_lists_of_configs_survive_pickling(pickler, value):
    domain = Domain.from_configs([{"a/b": value, "c": 2}, {"c": None}])
    again = pickler.loads(pickler.dumps(domain))
    assert again == domain and repr(again) == repr(domain)
    assert [config.hash() for config in again] == [config.hash() for config in domain]


def test_a_long_list_is_taken():
    rows = [{"a": number, "b": str(number)} for number in range(10_000)]
    domain = Domain.from_configs(rows)
    assert len(domain) == 10_000
    assert domain.index(rows[-1]) == 9_999
    assert len(dill.dumps(domain, recurse=True)) < 500_000
