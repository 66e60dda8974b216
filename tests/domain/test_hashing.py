"""Canonical forms: what tells values apart, what does not, and nothing that differs between processes."""

from __future__ import annotations

import collections
import datetime
import enum
import fractions
import functools
import json
import re
import threading
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Alias, Config
from research.domain import hashing
from research.domain.hashing import canonical_text
from research.errors import UnstableValueError
from samplers import NumpySampler

# What is stored of each value, and what its identity is made of: changing a line orphans stored studies.
PINNED = [
    (np.array(1.5), '{"$array":["<f8",[],"84dc64763550ac4f646ef950ca6b01e8"]}'),
    (np.zeros((2, 0)), '{"$array":["<f8",[2,0],"cae66941d9efbd404e4d88758ea67670"]}'),
    (np.array([[1, 2], [3, 4]], "<i8"), '{"$array":["<i8",[2,2],"087a24230771ee662be37e5493b333d7"]}'),
    (np.array([[1, 2], [3, 4]], "<i8").T, '{"$array":["<i8",[2,2],"bc7e4bfa527f82f13b610cf290dfae87"]}'),
    (np.array([True, False]), '{"$array":["|b1",[2],"ead9a09ae23f059006f2bea50e245ff4"]}'),
    (np.array(["a", "bc"]), '{"$array":["<U2",[2],"b26e2f8a36a1f940cf5261bb64b360c1"]}'),
    (np.array([1, "a", None], dtype=object), '{"$array":["object",[3],[1,"a",null]]}'),
    (
        np.array([(1, 2.5)], dtype=[("n", "<i4"), ("x", "<f8")]),
        '{"$array":[[{"$tuple":["n","<i4"]},{"$tuple":["x","<f8"]}],[1],"29206f21adfb949c345a8444c8f68bfe"]}',
    ),
    (np.datetime64("2026-01-02"), '{"$scalar":["<M8[D]","e74f000000000000"]}'),
    (np.bytes_(b"a"), '{"$bytes":"YQ=="}'),
    (np.complex64(1 + 2j), '{"$complex":[1.0,2.0]}'),
    (bytearray(b"a"), '{"$bytearray":"YQ=="}'),
    (2**63 - 1, "9223372036854775807"),
    (2**63, '{"$int":"0x8000000000000000"}'),
    (-(2**63), "-9223372036854775808"),
    ({(1, 2): {3}}, '{"$dict":[[{"$tuple":[1,2]},{"$set":[3]}]]}'),
    ({"a/b": [{"c/d": 1}]}, '{"a/b":[{"c/d":1}]}'),
    (
        functools.partial(max, 1, key=abs),
        '{"$partial":[{"$function":"builtins:max"},[1],{"key":{"$function":"builtins:abs"}}]}',
    ),
    ("a".join, '{"$method":["str.join","a"]}'),
    (dict.fromkeys, '{"$method":["dict.fromkeys",{"$class":"builtins:dict"}]}'),
    (collections, '{"$module":"collections"}'),
    (
        fractions.Fraction(1, 3),
        '{"$object":["fractions:Fraction",{"new":[{"$class":"fractions:Fraction"},1,3]}]}',
    ),
    (
        datetime.datetime(2026, 1, 2, 3, 4),
        '{"$object":["datetime:datetime",'
        '{"new":[{"$class":"datetime:datetime"},{"$bytes":"B+oBAgMEAAAAAA=="}]}]}',
    ),
    (
        collections.OrderedDict(b=1, a=2),
        '{"$object":["collections:OrderedDict",{"new":[{"$class":"collections:OrderedDict"}],'
        '"pairs":[{"$tuple":["a",2]},{"$tuple":["b",1]}]}]}',
    ),
    (Alias(max, "biggest"), '{"$function":"builtins:max"}'),
    (Alias(object(), "thing"), '{"$alias":"thing"}'),
    (
        NumpySampler("n", seed=1, loc=2),
        '{"$object":["samplers.distributions:NumpySampler",'
        '{"state":{"dim":1,"name":"normal","parameters":{"loc":2},"seed":1}}]}',
    ),
]


@pytest.mark.parametrize(("value", "text"), PINNED, ids=lambda item: repr(item).split(" at 0x")[0][:40])
def test_canonical_texts_never_change(value, text):
    assert canonical_text(value) == text


ATOMS = st.sampled_from([0, 0.0, -0.0, False, "0", b"0", "", None, 1, True, 1.0, 1j, "$int", "a/b", 2**64])
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.sets(ATOMS, max_size=2)
        | st.frozensets(ATOMS, max_size=2)
        | st.dictionaries(ATOMS, inner, max_size=2)
    ),
    max_leaves=4,
)


def typed(value):
    """Write a value down in another way, with all its types, and without any order of sets and keys."""
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(typed, value))})"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({','.join(sorted(map(typed, value)))})"
    if isinstance(value, dict):
        return f"dict({','.join(sorted(f'{typed(key)}:{typed(item)}' for key, item in value.items()))})"
    return f"{type(value).__name__} {value!r}"


@given(VALUES, VALUES)
def test_two_values_have_one_text_if_they_are_equal_in_content_and_type(one, other):
    assert (canonical_text(one) == canonical_text(other)) == (typed(one) == typed(other))


def multiplied(factor):
    def multiply(x):
        return x * factor

    return multiply


def wrapped(function, factor):
    @functools.wraps(function)
    def call(x):
        return function(x) * factor

    return call


def same_body_elsewhere():
    # some
    # lines
    # above

    def multiply(x):
        return x * factor

    factor = 3
    return multiply


def guarded():
    def work(first, second):
        try:
            first()
            second()
        except ValueError:
            pass

    return work


def guarded_in_part():
    def work(first, second):
        try:
            first()
        except ValueError:
            pass
        else:
            second()

    return work


def countdown():
    def count(n):
        return n and count(n - 1)

    return count


def plus(increment):
    def inner(x, *, by=increment):
        return x + by

    return inner


def locked(function):
    """Decorate a function by one that holds what has no stable content."""
    lock = threading.Lock()

    @functools.wraps(function)
    def call(x):
        with lock:
            return function(x)

    return call


@locked
def decorated(x):
    return x


@functools.lru_cache
def cached(x):
    return x


class Box:
    def __init__(self, content):
        self.content = content

    def open(self):
        return self.content


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left):
        self.left = left


class Custom:
    def __init__(self, secret, content):
        self.secret, self.content = secret, content

    def __getstate__(self):
        return self.content


class Tags(set):
    pass


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


Pair = collections.namedtuple("Pair", "a b")
Other = collections.namedtuple("Other", "a b")
RECORD = np.array([(1,)], dtype=[("a", "<i4")])
RENAMED = np.array([(1,)], dtype=[("b", "<i4")])
DIFFERENT = {
    "closures": (multiplied(2), multiplied(3), multiplied("3"), multiplied([3])),
    "defaults by keyword": (plus(1), plus(2)),
    "functions in closures": (multiplied(max), multiplied(min), multiplied(multiplied(1))),
    "names": (lambda x: x.left, lambda x: x.right, lambda x: left(x), lambda x: right(x)),  # noqa: F821
    "what is caught": (guarded(), guarded_in_part()),
    "wrapped functions": (wrapped(max, 2), wrapped(max, 3), max),
    "cached wrapped functions": (functools.lru_cache(wrapped(max, 2)), functools.lru_cache(wrapped(max, 3))),
    "cached lambdas": (functools.lru_cache(lambda x: x + 1), functools.lru_cache(lambda x: x + 2)),
    "methods": (Box(1).open, Box(2).open, Box.open, "a".join, "b".join, "a".strip),
    "states": (Box(1), Box(1.0), Box([1]), Slots(1), Slots(2), Custom(0, 1), Custom(0, 2)),
    "kinds of tuples": (Pair(1, 2), Other(1, 2), (1, 2), Pair(2, 1)),
    "kinds of dicts": ({"a": 1}, collections.OrderedDict(a=1), collections.Counter(a=1)),
    "factories": (collections.defaultdict(list, a=1), collections.defaultdict(set, a=1)),
    "keys": ({1: 0}, {"1": 0}, {True: 0}, {1.0: 0}, {(1,): 0}, {None: 0}, {"None": 0}),
    "arrays": (np.zeros(4), np.zeros((2, 2)), np.zeros(4, "<f4"), np.zeros(4, int), -np.zeros(4)),
    "arrays of objects": (np.array([1, None]), np.array([1.0, None]), np.array([[1, None]])),
    "records": (RECORD, RENAMED),
    "single records": (RECORD[0], RENAMED[0]),
    "dates": (np.datetime64("2026-01-01"), np.datetime64("2026-01-01", "s"), datetime.date(2026, 1, 1)),
    "times": (datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    "tables": (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1]})),
    "samplers": (NumpySampler("n"), NumpySampler("n", loc=1), NumpySampler("n", seed=1), NumpySampler("u")),
    "types": (int, list[int], list[str], list, type(None), None),
    "unions of types": (int | None, int | str, str | None),
    "flags without a name": (Access(0), Access(8), Access(16), Access.READ | Access.WRITE, 0, 8),
    "patterns": (re.compile("a"), re.compile("a", re.IGNORECASE), "a"),
    "signs and infinities": (0.0, -0.0, float("nan"), float("inf"), float("-inf")),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_have_different_texts(name):
    texts = [canonical_text(value) for value in DIFFERENT[name]]
    assert len(set(texts)) == len(texts)


SAME = {
    "closures": (multiplied(3), multiplied(3), same_body_elsewhere()),
    "functions that call themselves": (countdown(), countdown()),
    "memory layouts": (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    "byte orders": (np.arange(3, dtype="<f4"), np.arange(3, dtype=">f4")),
    "strides": (np.arange(10)[::-2], np.array([9, 7, 5, 3, 1])),
    "numpy scalars": (np.float64(0.5), np.float32(0.5), np.float16(0.5), 0.5),
    "hidden state": (Custom(1, 2), Custom(3, 2)),
    "orders of arrival": (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
    "namespaces": (types.SimpleNamespace(a=1, b=2), types.SimpleNamespace(b=2, a=1)),
    "tables": (pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"a": [1], "b": ["x"]})),
    "configs and dicts": ([Config(a=1)], [{"a": 1}]),
    "empty configs and dicts": (Config(), {}),
}


@pytest.mark.parametrize("name", SAME)
def test_equal_values_have_one_text(name):
    assert len({canonical_text(value) for value in SAME[name]}) == 1


@pytest.mark.parametrize(
    "value", [multiplied, decorated, cached, Box, Box.open], ids=lambda value: value.__qualname__
)
def test_what_a_module_defines_goes_by_its_name_whatever_decorates_it(value):
    ((tag, name),) = json.loads(canonical_text(value)).items()
    assert tag in ("$function", "$class", "$global")
    assert name == f"{__name__}:{value.__qualname__}"


def test_running_a_function_does_not_change_its_identity():
    def square(x):
        return sum(n * x for n in range(3))

    before = canonical_text(square)
    for _ in range(1000):
        square(2)
    assert canonical_text(square) == before


def test_looking_at_an_object_does_not_change_its_identity():
    config, table = Config(b=1), pd.DataFrame({"a": [1, 2]})
    before = canonical_text([config]), canonical_text(table)
    config.hash(), table["a"], table.loc[0]
    assert (canonical_text([config]), canonical_text(table)) == before


def test_a_variable_assigned_later_enters_with_its_value():
    def make():
        function = lambda: later
        before = canonical_text(function)
        later = 5
        return before, canonical_text(function)

    before, after = make()
    assert before != after


def test_structures_that_hold_themselves_have_a_form():
    loop = {"a": [1]}
    loop["a"].append(loop)
    assert canonical_text(loop) == '{"a":[1,{"$parent":2}]}'
    shared = [1]
    assert canonical_text([shared, shared]) == "[[1],[1]]"


def test_what_is_in_main_goes_by_the_name_of_the_script(monkeypatch):
    monkeypatch.setattr(hashing, "_main_name", None)
    hashing.set_main_name("train")
    for value in (multiplied, cached.__wrapped__, Box, Pair):
        monkeypatch.setattr(value, "__module__", "__main__")
    assert canonical_text(multiplied) == '{"$function":"train:multiplied"}'
    assert canonical_text(Box) == '{"$class":"train:Box"}'
    assert canonical_text(Box(1)).startswith('{"$object":["train:Box"')
    assert canonical_text(Pair(1, 2)).startswith('{"$object":["train:Pair"')


@pytest.mark.parametrize(
    "make", [open, object, lambda path: (line for line in [path])], ids=["file", "object", "generator"]
)
@pytest.mark.parametrize(
    "place",
    [
        lambda item: item,
        lambda item: [1, (item,)],
        lambda item: {5: item},
        lambda item: Box(item),
        lambda item: functools.partial(max, item),
        lambda item: lambda: item,
    ],
    ids=["bare", "list", "dict", "object", "partial", "closure"],
)
def test_an_unstable_value_is_found_wherever_it_hides_and_an_alias_is_the_way_out(make, place, tmp_path):
    path = tmp_path / "file"
    path.touch()
    inside = object() if make is object else make(path)
    value = place(inside)
    try:
        with pytest.raises(UnstableValueError, match=r"parameter 'deep/value'.*Alias\(value, 'name'\)"):
            Config({"deep": {"value": value}}).hash()
        named = Config({"deep": {"value": Alias(value, "known")}})
        assert named.hash() == Config({"deep/value": Alias(place(object()), "known")}).hash()
        assert named.hash() != Config({"deep/value": Alias(value, "other")}).hash()
    finally:
        getattr(inside, "close", lambda: None)()


def test_an_alias_names_a_whole_dict():
    named = Config(options=Alias({"lock": object(), "x": 1}, "locked"))
    assert named.hash() == Config(options=Alias({"lock": object(), "x": 1}, "locked")).hash()
    assert named.hash() != Config(options=Alias({"lock": object(), "x": 1}, "open")).hash()
