"""Identities pinned to the digit.

Every stored study is found by these. A change here orphans all of them: no refactoring, however good,
may change a value on this page.
"""

from __future__ import annotations

import datetime
import decimal
import pathlib

import numpy as np
import pytest

from research import Config, Domain
from research.domain.hashing import canonical_text
from research.domain.identity import experiment_id, experiment_rng
from samplers import NumpySampler

CANONICAL = [
    (None, "null"),
    (True, "true"),
    (1, "1"),
    (1.0, "1.0"),
    ("1", '"1"'),
    (np.int64(1), "1"),
    (np.float32(0.5), "0.5"),
    (np.bool_(True), "true"),
    (-0.0, "-0.0"),
    (2**70, '{"$int":"0x400000000000000000"}'),
    (float("nan"), '{"$float":"nan"}'),
    (float("-inf"), '{"$float":"-inf"}'),
    (1 + 2j, '{"$complex":[1.0,2.0]}'),
    ('é"', '"\\u00e9\\""'),
    (b"\0a", '{"$bytes":"AGE="}'),
    ((1, "a"), '{"$tuple":[1,"a"]}'),
    ([1, [2]], "[1,[2]]"),
    ({2, 1}, '{"$set":[1,2]}'),
    (frozenset("b"), '{"$frozenset":["b"]}'),
    ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
    ({1: "x", "b": 2}, '{"$dict":[["b",2],[1,"x"]]}'),
    ({"a": {"$b": 1}}, '{"a":{"$dict":[["$b",1]]}}'),
    (np.arange(3, dtype="<i4"), '{"$array":["<i4",[3],"953221e3def79ccd1f76477e81644e13"]}'),
    (np.arange(3, dtype=">i4"), '{"$array":["<i4",[3],"953221e3def79ccd1f76477e81644e13"]}'),
    (datetime.date(2026, 1, 2), '{"$date":"2026-01-02"}'),
    (datetime.timedelta(1, 2, 3), '{"$timedelta":[1,2,3]}'),
    (decimal.Decimal("1.10"), '{"$decimal":"1.10"}'),
    (pathlib.PurePosixPath("a/b"), '{"$path":"a/b"}'),
    (max, '{"$function":"builtins:max"}'),
    (dict, '{"$class":"builtins:dict"}'),
    (np.sin, '{"$function":"numpy:sin"}'),
]

CONFIGS = [
    ({}, "01e7b720ff566d53", "80ac0c253131e901", "54ea119a6eed9bcb"),
    ({"a": 1}, "1f8c00645b7df6ce", "66795e9363ef551a", "e3df14293369ff0d"),
    ({"b": [1, 2.5], "a": "x"}, "13b10e4f643b08e6", "75b5306c5e0c9e46", "a4eb671a968d4f87"),
    (
        {"model": {"lr": 0.1, "depth": 2}},
        "01a1131c1d70f992",
        "99c1652566063625",
        "50047e35ffe2e41b",
    ),
    ({"f": max}, "4de1bf17ca31db7b", "49e1dd573a08ceb8", "592e57ae35dbb4f7"),
]


@pytest.mark.parametrize(("value", "text"), CANONICAL, ids=lambda item: repr(item).split(" at 0x")[0][:40])
def test_canonical_texts(value, text):
    assert canonical_text(value) == text


@pytest.mark.parametrize(
    ("content", "hash_", "first", "other"), CONFIGS, ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_hashes_of_configs_and_ids_of_experiments(content, hash_, first, other):
    config = Config(content)
    assert config.hash() == hash_
    assert experiment_id(config.canonical) == first
    assert experiment_id(config.canonical, repetition=1, generation=2, pass_=3) == other


def test_draws():
    domain = Domain(a=[1, 2]) * Domain(s=NumpySampler("n"), v=NumpySampler("uniform", dim=2))
    assert [config["s"] for config in domain] == [1.9823449757058689, 0.02374108677698157]
    assert domain[0]["v"] == (0.447355926856971, 0.4967211930619003)
    assert Domain(s=NumpySampler("n"))[3]["s"] == 1.781714610135414
    assert Domain(s=NumpySampler("n", seed=5))[3]["s"] == -0.14122573387093185


def test_random_streams():
    rng = experiment_rng(7, "0123456789abcdef")
    assert rng.random() == 0.5666604202432067
    assert rng.integers(1000) == 207
    assert rng.spawn(1)[0].random() == 0.501195355370643
