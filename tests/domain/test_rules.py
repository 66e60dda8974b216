"""Operational parameters: what is no part of an identity, or enters it by what a function makes of it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import dill
import numpy as np
import pytest

from research import Config, Domain, Parameters
from research.errors import UnstableValueError
from samplers import NumpySampler


def per_gpu(config, size):
    return size / config["num_gpus"]


def hashes(domain):
    return [config.hash() for config in domain]


GRID = Domain(size=[4500, 9000], num_gpus=[1, 2])


def test_what_is_ignored_is_no_part_of_the_identity():
    ids = hashes(GRID.ignore("num_gpus"))
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert ids[0] == Config(size=4500).hash()
    assert [config["num_gpus"] for config in GRID.ignore("num_gpus")] == [1, 2, 1, 2]


def test_a_function_says_what_enters():
    ruled = GRID.ignore("num_gpus").hash_with(size=per_gpu)
    (small, _, large, split), plain = hashes(ruled), hashes(GRID)
    assert small == split != large
    assert not {small, large} & set(plain)
    assert ruled[3].explain_hash() == {"size": {"$rule": 4500.0}, "num_gpus": {"$ignored": 2}}
    assert ruled[3].to_dict() == {"size": 9000, "num_gpus": 2}


def test_the_last_rule_of_a_parameter_holds():
    ruled = GRID.ignore("num_gpus").hash_with(num_gpus=lambda config, value: value > 1)
    assert ruled[1].explain_hash()["num_gpus"] == {"$rule": True}
    assert ruled.ignore("num_gpus") == GRID.ignore("num_gpus")


def test_groups_have_rules_too():
    domain = Domain({"a": [1], "run/gpus": [1, 2], "run/node": ["x"]})
    assert len(set(hashes(domain.ignore("run")))) == 1
    assert domain.ignore("run")[0].hash() == Config(a=1).hash()
    assert len(set(hashes(domain.ignore("run/gpus")))) == 1
    named = domain.hash_with(run=lambda config, run: run["node"])
    assert named[1].explain_hash() == {"a": 1, "run": {"$rule": "x"}}
    assert named[1] in named and named.index(named[1]) == 0
    nested = Domain(run=[{"gpus": 1, "node": "x"}]).ignore("run/gpus")
    assert nested[0].explain_hash() == {"run/node": "x", "run/gpus": {"$ignored": 1}}


def test_a_config_that_lacks_the_parameter_is_as_it_was():
    domain = (Domain(a=[1]) + GRID).ignore("num_gpus").hash_with(size=per_gpu)
    assert domain[0].hash() == Config(a=1).hash()


def test_defaults_and_rules_go_together():
    domain = Domain(a=[1], size=[5, 6], num_gpus=[1]).with_defaults(size=5).ignore("num_gpus")
    assert hashes(domain) == [Config(a=1).hash(), Config(a=1, size=6).hash()]
    assert {"a": 1} in domain and {"a": 1, "size": 6, "num_gpus": 8} in domain
    assert {"a": 2} not in domain


@pytest.mark.parametrize(
    "view",
    [
        lambda d: d,
        lambda d: d[1:],
        lambda d: d.shuffle(1),
        lambda d: d.where(lambda size: size > 0),
        lambda d: d.where(lambda size, num_gpus: size > num_gpus),
        lambda d: d * Domain(c=[1, 2]),
        lambda d: Domain(c=[1, 2]) * d[::2],
        lambda d: d @ Domain(c=range(d.len)),
        lambda d: 0.3 * d + 0.7 * Domain(size=[7]),
        lambda d: d.unique(),
        lambda d: d - [{"size": 4500, "num_gpus": 1}],
    ],
)
@pytest.mark.parametrize("has_function", [False, True])
def test_views_keep_identities_and_find_configs(view, has_function):
    base = Domain(size=[1000, 4500, 9000], num_gpus=[1, 2]).ignore("num_gpus")
    domain = view(base.hash_with(size=per_gpu) if has_function else base)
    configs = list(domain)
    ids = [config.hash() for config in configs]
    assert configs
    for number, config in enumerate(configs):
        assert config in domain and config.to_dict() in domain
        assert domain.index(config) == domain.index(config.to_dict()) == ids.index(ids[number])
        assert domain[number].hash() == ids[number]
    assert Config(size=1, num_gpus=1, c=1) not in domain
    assert len(list(domain.unique())) == len(set(ids))
    assert list(domain - configs) == []
    assert hashes(dill.loads(dill.dumps(domain))) == ids


def test_what_differs_only_in_what_is_ignored_is_taken_away():
    done = list(Domain(size=[4500], num_gpus=[8]).ignore("num_gpus"))
    assert [config["size"] for config in GRID.ignore("num_gpus") - done] == [9000]
    assert len(list(GRID - done)) == 4


def test_domains_without_rules_have_the_identities_that_they_had():
    assert (GRID.ignore("num_gpus") * Domain(c=[1]))[0].hash() == Config(size=4500, c=1).hash()
    assert GRID[0].rules is None and GRID[0].ruled() == ({}, {})


def test_equality_and_text():
    one, other = GRID.ignore("num_gpus"), GRID.ignore("size")
    assert one == GRID.ignore("num_gpus") and hash(one) == hash(GRID.ignore("num_gpus"))
    assert one != other and one != GRID
    assert eval(repr(one)) == one and eval(repr(0.5 * one * Domain(c=[1]))) == 0.5 * one * Domain(c=[1])
    first = GRID.hash_with(size=lambda config, size: size + 1)
    second = GRID.hash_with(size=lambda config, size: size + 2)
    assert first != second and first == GRID.hash_with(size=lambda config, size: size + 1)
    assert ".hash_with({'size': <lambda of line" in repr(first)
    assert repr(GRID.hash_with(size=max)).endswith(".hash_with({'size': max})")


def test_draws_go_by_the_same_identity():
    draws = Domain(x=NumpySampler("normal"))
    domain = (GRID * draws).ignore("num_gpus").hash_with(size=per_gpu)
    small, other, large, split = domain
    assert small["x"] == split["x"] and len({small["x"], other["x"], large["x"]}) == 3
    assert small.hash() == split.hash()
    ignored = list((GRID * draws).ignore("num_gpus"))
    assert ignored[0]["x"] == ignored[1]["x"] == (Domain(size=[4500]) * draws)[0]["x"]


def test_a_drawn_parameter_may_have_a_rule_and_may_not_be_read_by_one():
    draws = Domain(a=[1, 2]) * Domain(x=NumpySampler("normal"))
    domain = draws.hash_with(x=lambda config, x: round(x))
    assert [config["x"] for config in domain] == [config["x"] for config in draws]
    assert domain[0].explain_hash()["x"] == {"$rule": round(domain[0]["x"])}
    assert domain[1] in domain
    with pytest.raises(ValueError, match=r"asks for one that is not there: .*'x'.* is drawn"):
        draws.hash_with(a=lambda config, a: config["x"])[0]


def test_rules_that_make_no_sense():
    with pytest.raises(ValueError, match="there is no parameter 'num_gpu'; did you mean 'num_gpus'"):
        GRID.ignore("num_gpu")
    with pytest.raises(ValueError, match="there is no parameter 'sise'"):
        GRID.hash_with(sise=per_gpu)
    with pytest.raises(TypeError, match=r"the rule of 'size' must be a function .*got None; `ignore"):
        GRID.hash_with(size=None)
    with pytest.raises(ZeroDivisionError) as caught:
        GRID.hash_with(size=lambda config, size: size / 0)[0].hash()
    assert "in the rule by which the parameter 'size' is hashed" in caught.value.__notes__[0]
    with pytest.raises(UnstableValueError, match="parameter 'size': what its rule returns"):
        GRID.hash_with(size=lambda config, size: object())[0].hash()


@dataclass
class Data:
    path: str = "a"
    workers: int = 1
    hash_rules = {"workers": "ignore"}


@dataclass
class Params(Parameters):
    model_size: int = 9000
    num_gpus: int = 1
    data: Data = field(default_factory=Data)
    hash_rules = {"num_gpus": "ignore"}


@dataclass
class Custom(Params):
    hash_rules = {"model_size": lambda params, size: str(size / params.num_gpus)}


@dataclass
class Strict(Params):
    whole: Any = None
    hash_rules = {"num_gpus": "hash", "name": "hash", "data": lambda params, data: data.path}


def test_parameters_are_hashed_by_their_rules():
    one, two = Params(name="one_gpu", num_gpus=1), Params(name="two_gpus", num_gpus=2)
    assert one.hash() == two.hash()
    assert one.config().explain_hash() == {
        "name": {"$ignored": "one_gpu"},
        "model_size": 9000,
        "num_gpus": {"$ignored": 1},
        "data/path": "a",
        "data/workers": {"$ignored": 1},
    }
    assert one.hash() == Params(data=Data(workers=5)).hash() != Params(data=Data("b")).hash()


def test_a_function_of_the_set_and_the_value():
    small, split = Custom(model_size=4500, num_gpus=1), Custom(name="x", model_size=9000, num_gpus=2)
    assert small.hash() == split.hash() != Custom(model_size=9000, num_gpus=1).hash()
    assert split.config().explain_hash()["model_size"] == {"$rule": "4500.0"}


def test_rules_are_inherited_and_replaced():
    assert Strict(num_gpus=1).hash() != Strict(num_gpus=2).hash()
    assert Strict(name="a").hash() != Strict(name="b").hash()
    assert Strict().config().explain_hash()["data"] == {"$rule": "a"}
    assert Strict(whole=Params(name="x", num_gpus=3)).hash() == Strict(whole=Params(name="y")).hash()


def test_domains_of_parameters_keep_their_rules():
    sets = [Custom(name="a", model_size=4500), Strict(name="b"), Custom(name="c", num_gpus=2)]
    domain = Domain.from_configs(sets, seed=[1, 2])
    for again in (domain, domain[:], dill.loads(dill.dumps(domain)), pickle.loads(pickle.dumps(domain))):
        assert hashes(again) == hashes(domain)
        assert [config["name"] for config in again] == ["a", "a", "b", "b", "c", "c"]
    assert domain[0].hash() == domain[4].hash() != domain[2].hash()
    for number in (0, 2):
        assert domain.index(domain[number]) == number and domain[number] in domain
    assert domain.index(domain[4]) == 0
    assert len(list(domain.unique())) == 4 and list(domain - list(domain)) == []
    assert [Custom.from_config({k: v for k, v in domain[4].items() if k != "seed"})] == sets[2:]
    assert len(pickle.dumps(Domain.from_configs([Params(name=str(i)) for i in range(1000)]))) < 100_000


def test_rules_of_what_is_no_field_or_no_rule():
    @dataclass
    class Misspelt(Parameters):
        num_gpus: int = 1
        hash_rules = {"num_gpu": "ignore"}

    @dataclass
    class Wrong(Parameters):
        num_gpus: int = 1
        hash_rules = {"num_gpus": None}

    @dataclass
    class Annotated(Parameters):
        hash_rules: dict = field(default_factory=dict)

    with pytest.raises(ValueError, match=r"`hash_rules` of .*Annotated is a field"):
        Annotated().hash()
    with pytest.raises(ValueError, match="no field 'num_gpu'; did you mean 'num_gpus'"):
        Misspelt().hash()
    with pytest.raises(TypeError, match="the rule of 'num_gpus' must be 'ignore', 'hash' or a function"):
        Wrong().hash()


def test_functions_and_arrays_enter_by_their_content():
    array = np.zeros((200, 300))
    other = array.copy()
    other[150, 7] = 1e-9
    assert Params(data=array).hash() == Params(data=array.copy()).hash() != Params(data=other).hash()
    assert Params(data=lambda x: x + 1).hash() != Params(data=lambda x: x + 2).hash()
    assert Params(data=lambda x: x + 1).hash() == Params(data=lambda x: x + 1).hash()
