"""Configs: what makes two of them the same, what may be in them, how they are read."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Alias, Config, ConfigAlias
from research.domain.decoding import decode
from research.domain.hashing import canonical_text
from research.domain.values import Opaque
from research.errors import UnstableValueError


def hashed(value):
    return Config(x=value).hash()


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Plain:
    def __init__(self, **state):
        self.__dict__.update(state)


def scaled(factor):
    return lambda x: x * factor


DIFFERENT = [
    [1, 1.0, True, "1", None, "None"],
    [[1, 2], (1, 2), {1, 2}, frozenset({1, 2}), "12", [2, 1]],
    [np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1, 2]]), [1, 2]],
    [lambda x: x + 1, lambda x: x + 2, lambda y: y + 1, lambda x, z=1: x + 1, lambda x: x.a, lambda x: x.b],
    [scaled(1), scaled(2), scaled([1])],
    [Colour.RED, Colour.BLUE, 1, "RED"],
    [Point(1.0), Point(2.0), Point(1.0, 1.0), {"x": 1.0, "y": 0.0}],
    [Plain(a=1), Plain(a=2), Plain(b=1), Plain()],
    [functools.partial(max, 1), functools.partial(max, 2), functools.partial(min, 1), max],
    [int, float, len, abs, np.mean, np.median, np.float32],
    [b"a", bytearray(b"a"), "a"],
    [{}, [], (), set(), None],
    [range(3), range(4), [0, 1, 2]],
]


@pytest.mark.parametrize("values", DIFFERENT, ids=range(len(DIFFERENT)))
def test_different_values_have_different_hashes(values):
    assert len(set(map(hashed, values))) == len(values)


SAME = [
    (np.int64(1), 1),
    (np.float64(1.5), 1.5),
    (np.str_("a"), "a"),
    (np.array([1, 2]), np.array([1, 2])),
    (np.arange(10)[::2], np.arange(0, 10, 2)),
    (scaled(3), scaled(3)),
    (Point(1.0), Point(1.0, 0.0)),
    (Plain(a=1, b=[2]), Plain(b=[2], a=1)),
    ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ({3, 1, 2}, {2, 3, 1}),
    (float("nan"), -float("nan")),
    (Alias(5, "five"), 5),
]


@pytest.mark.parametrize(("left", "right"), SAME, ids=range(len(SAME)))
def test_equal_values_have_equal_hashes(left, right):
    assert hashed(left) == hashed(right)


def test_one_element_of_a_large_array_matters():
    array = np.zeros(10**6)
    before = hashed(array)
    array[123_456] = 1e-300
    assert hashed(array) != before


def test_a_structure_that_holds_itself_has_a_hash():
    one, two = [1], [1]
    one.append(one)
    two.append(two)
    assert hashed(one) == hashed(two)


@pytest.mark.parametrize(
    "make",
    [object, threading.Lock, lambda: (n for n in []), lambda: memoryview(b"x")],
    ids=["object", "lock", "generator", "memory"],
)
def test_what_has_no_stable_content_needs_an_alias(make):
    value = make()
    with pytest.raises(UnstableValueError, match=r"parameter 'deep/x'.*Alias\(value, 'name'\)"):
        Config(deep={"x": value}).hash()
    named = Config(x=Alias(value, "known"))
    assert named.hash() == Config(x=Alias(make(), "known")).hash()
    assert named.hash() != Config(x=Alias(make(), "another")).hash()


SCRIPT = """
    import dataclasses, enum
    import numpy as np
    from research import Config, Domain
    from samplers import NumpySampler

    @dataclasses.dataclass
    class Point:
        x: int

    class Colour(enum.Enum):
        RED = 1

    class Model:
        def __init__(self):
            self.parts = [Point(1)]

        def method(self):
            pass

    def function(x):
        return x

    config = Config(
        function=function, lambda_=lambda x: x + 1, class_=Model, instance=Model(), method=Model().method,
        point=Point(3), colour=Colour.RED, array=np.arange(5), nan=float("nan"), tuple=(1, {2, 3}), data=b"x",
    )
    draw = (Domain(f=[function]) * Domain(s=NumpySampler("n")))[0]["s"]
    print(config.hash(), draw)
"""


def test_a_config_has_one_hash_run_or_imported_and_in_every_process(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    commands = [["script.py"], ["-m", "script"], ["-c", "import script"]]
    outputs = [
        subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(tmp_path)},
        ).stdout
        for seed, command in enumerate(commands)
    ]
    assert outputs[0] == outputs[1] == outputs[2] != ""


def test_slashes_and_nesting_are_the_same():
    flat = Config({"model/lr": 1, "model/net/depth": 2})
    nested = Config({"model": {"lr": 1, "net": {"depth": 2}}})
    assert flat == nested
    assert flat.hash() == nested.hash()
    for config in (flat, nested):
        assert config["model"]["lr"] == config["model/lr"] == 1
        assert (
            config["model"]["net"]["depth"] == config["model/net"]["depth"] == config["model/net/depth"] == 2
        )
        assert config["model"] == {"lr": 1, "net/depth": 2}


def test_a_missing_parameter_is_named_with_near_ones():
    with pytest.raises(KeyError, match="no parameter 'model/rl'"):
        Config({"model/lr": 1})["model/rl"]
    with pytest.raises(KeyError, match="did you mean 'gamma'"):
        Config(gamma=1)["gama"]


@pytest.mark.parametrize(
    "items", [{"m": 1, "m/x": 2}, {"m": {"x": 1}, "m/x": 2}], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_a_parameter_is_given_once(items):
    with pytest.raises(ValueError, match="given twice"):
        Config(items)


def test_a_config_does_not_change():
    layers, options = [1, 2], {"deep": [3]}
    config = Config(layers=layers, options=options)
    before = config.hash()
    config["layers"].append(3)
    config["options"]["deep"].append(4)
    config.to_dict()["options"]["deep"].append(5)
    assert config["layers"] == [1, 2]
    assert config["options/deep"] == [3]
    assert Config(config).hash() == before
    with pytest.raises(TypeError):
        config["layers"] = 1


def test_explain_hash_shows_what_entered():
    explained = Config(b=(1, 2), a=Alias(max, "m"), deep={"x": 1.5}).explain_hash()
    assert explained == {"a": {"$function": "builtins:max"}, "b": {"$tuple": [1, 2]}, "deep/x": 1.5}
    assert list(explained) == ["a", "b", "deep/x"]


def test_config_alias_has_values_and_short_names():
    item = ConfigAlias({Alias("rate", "r"): Alias(0.001, "small"), "f": max, "n": 5})
    assert item.config() == Config(rate=0.001, f=max, n=5)
    assert item.alias() == {"r": "small", "f": "max", "n": "5"}
    assert item.alias(as_string=True) == "r_small-f_max-n_5"
    assert item.alias(as_string=True, delim="+") == "r_small+f_max+n_5"
    assert item["rate"] == 0.001


def test_config_alias_gives_up_parameters_by_name_or_alias():
    item = ConfigAlias({Alias("rate", "r"): 1, "n": 5, "m": 6})
    assert item.pop_config("r") is None
    assert item.pop_alias("r").config() == {"rate": 1}
    assert item.pop_config(["n", "none"]).config() == {"n": 5}
    assert item.config() == {"m": 6}
    assert (item + {"k": 1} + ConfigAlias({"j": 2})).config() == {"m": 6, "k": 1, "j": 2}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(SCALARS)
        | st.frozensets(SCALARS)
        | st.dictionaries(SCALARS, inner)
    ),
    max_leaves=8,
)


def typed(value):
    if isinstance(value, list | tuple):
        return type(value), [typed(item) for item in value]
    if isinstance(value, dict):
        return dict, {repr(typed(key)): typed(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return type(value), {repr(typed(item)) for item in value}
    return type(value), value


@given(VALUES)
def test_plain_data_comes_back_from_its_canonical_form(value):
    text = canonical_text(value)
    decoded = decode(json.loads(text))
    assert typed(decoded) == typed(value)
    assert canonical_text(decoded) == text


@pytest.mark.parametrize(
    "value",
    [max, np.arange(3), Point(1.0), lambda x: x],
    ids=["function", "array", "dataclass", "lambda"],
)
def test_what_only_code_could_rebuild_stays_opaque_and_keeps_its_identity(value):
    stored = decode(json.loads(canonical_text(value)))
    assert isinstance(stored, Opaque)
    assert Config(x=stored).hash() == hashed(value)
    assert str(stored) != ""
